class DataError(ValueError):
    """A data set cannot be used as asked; the message is one line that says why and what to do.

    What cannot be printed, in a file's name for instance, is escaped.
    """

    def __init__(self, message: str):
        super().__init__("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message))
