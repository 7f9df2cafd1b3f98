"""What can be wrong with an object, or with a run as a whole."""


class ObjectError(Exception):
    """One object cannot be loaded; its message is the one line the user reads."""


class LoadAborted(Exception):
    """The run is being stopped: a worker gives up the object it has in hand."""


class SetupError(Exception):
    """The server is not ready for any load; says what to run first."""
