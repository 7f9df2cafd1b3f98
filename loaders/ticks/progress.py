"""How much of a recording is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loaders.ledger import Offset
from loaders.objects import Object
from loaders.ticks.chunk import DecoderOptions


@dataclass(frozen=True)
class RecordingProgress:
    """How much of a recording is committed.

    Attributes
    ----------
    options
        Command-line options for the object; with other options loading starts over.
    format
        The recognised or named format; None before it is known.
    is_named
        Whether the format was named with ``--format``.
    lines
        Committed lines, of any kind.
    bad_lines
        Refused lines among them; late ticks do not count.
    last_at
        Latest time among its ticks.
    exchange
        Its venue, once known.
    is_complete
        Whether the whole object is loaded.
    """

    options: dict[str, Any]
    format: str | None = None
    is_named: bool = False
    lines: int = 0
    bad_lines: int = 0
    last_at: datetime | None = None
    exchange: str | None = None
    is_complete: bool = False

    @classmethod
    def of(
        cls,
        source: Object,
        offset: Offset | None,
        options: DecoderOptions,
        name: str | None,
    ) -> RecordingProgress:
        """Read the progress from an offset.

        Loading starts over if the offset is of another version of the object, of other
        options, or of another format than ``name``. Where ``name`` is None, the format
        is recognised by content later; loading then starts over if the offset's format
        was named with ``--format``.
        """
        given = _given(options)
        if (
            offset is None
            or not offset.is_of(source)
            or offset.state.get("options") != given
        ):
            return cls(given)
        state = offset.state
        is_named = state.get("is_named", False)
        if is_named if name is None else state["format"] != name:
            return cls(given)
        return cls(
            given,
            state["format"],
            is_named,
            offset.last_sequence or 0,
            state["bad_lines"],
            offset.last_ts,
            state["exchange"],
            state["is_complete"],
        )

    def offset(self, source: Object) -> Offset:
        """Return the progress as the offset of the object."""
        state = {
            "size": source.size,
            "etag": source.etag,
            "format": self.format,
            "options": self.options,
            "bad_lines": self.bad_lines,
            "exchange": self.exchange,
            "is_complete": self.is_complete,
        }
        if self.is_named:
            state["is_named"] = True
        return Offset(self.lines, self.last_at, state)


def _given(options: DecoderOptions) -> dict[str, Any]:
    given = {
        "exchange": options.exchange,
        "symbol": options.symbol,
        "columns": dict(options.columns),
    }
    return {name: value for name, value in given.items() if value}
