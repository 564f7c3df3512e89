"""What a report refuses, and what it has no rows for."""


class ReportError(ValueError):
    """Rows, settings or claims that a report refuses; the message is one line that names the file or the value."""


class NotRun(ReportError):
    """There are no rows to judge a claim by."""
