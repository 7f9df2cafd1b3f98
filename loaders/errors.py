"""What can be wrong with an object, or with a run as a whole."""

from collections import Counter

_SHOWN = 10
#: What the commands of the exchange's public files load.
_HELD = {"fills": "fills", "contexts": "asset contexts", "funding": "funding rates"}


class ObjectError(Exception):
    """One object cannot be loaded; its message is the one line the user reads."""


class OtherCommand(ObjectError):
    """An object holds what another command loads.

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
    """The run is being stopped: a worker gives up the object it has in hand."""


class SetupError(Exception):
    """The server is not ready for any load; says what to run first."""


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
