class CompressionError(ValueError):
    """A model cannot be made smaller, exported or measured; the message is one line that says why and what to do."""


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
