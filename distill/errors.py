class DistillationError(ValueError):
    """Teacher, student or settings do not go together; the message is one line that says why and what to do."""
