class PruneError(ValueError):
    """A network cannot be pruned as asked; the message is one line that names the layer and the reason."""
