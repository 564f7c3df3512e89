class CompressionError(ValueError):
    """A model cannot be made smaller, exported or measured; the message is one line that says why and what to do."""
