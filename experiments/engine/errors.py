class UsageError(ValueError):
    """A run cannot be done as asked; the message is one line that says why and what to do."""


class Restart(Exception):
    """The process has grown too large; the same command goes on in a new one."""


class Stopped(Exception):
    """The user asked the run to stop; what is finished is saved."""
