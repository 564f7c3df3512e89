class UsageError(ValueError):
    """The command cannot be carried out as given; the message is one line that says why and what to do."""


class Restart(Exception):
    """The same command must go on in a new process: TensorFlow keeps the graph of each function it has traced."""
