"""Errors of an object, and errors of a whole run."""

from collections import Counter

_SHOWN = 10
#: What each command loads, for messages.
_HELD = {"fills": "fills", "contexts": "asset contexts", "funding": "funding rates"}


class ObjectError(Exception):
    """An object cannot be loaded; the message is shown to the user in one line."""


class OtherCommand(ObjectError):
    """An object contains data that another command loads.

    Parameters
    ----------
    command
        Its name.
    """

    def __init__(self, command: str) -> None:
        super().__init__(
            f"holds {_HELD[command]}: load it with python -m loaders.load_to_db "
            f"{command}"
        )


class LoadAborted(Exception):
    """The run is being stopped: a worker aborts the object that it is loading."""


class SetupError(Exception):
    """No load can start; the message says what to do first."""


def list_counts(counts: Counter[str]) -> str:
    """Write names and how often each came, the most frequent first.

    Examples
    --------
    >>> list_counts(Counter({"SOLUSDT": 2, "ETHUSDT": 1200}))
    'ETHUSDT (1,200), SOLUSDT (2)'
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{name or 'no name'} ({count:,})" for name, count in ranked[:_SHOWN]]
    if len(ranked) > _SHOWN:
        shown.append(f"{len(ranked) - _SHOWN:,} more")
    return ", ".join(shown)
