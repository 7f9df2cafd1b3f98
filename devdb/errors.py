"""The one exception of this package; its text is what the user reads."""


class ServerError(RuntimeError):
    """A server could not be started, stopped or reached. The message is one line."""
