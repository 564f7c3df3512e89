class UsageError(ValueError):
    """The command cannot be carried out as given; the message is one line that says why and what to do."""
