class DataError(ValueError):
    """A data set cannot be used as asked; the message is one line that says why and what to do."""
