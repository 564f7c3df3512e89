class PruneError(ValueError):
    """A network cannot be pruned as asked; the message is one line that names the layer and the reason."""


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
