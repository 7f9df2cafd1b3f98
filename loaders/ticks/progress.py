"""How far a recording has been taken in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loaders.ledger import Offset
from loaders.objects import Object
from loaders.ticks.chunk import DecoderOptions


@dataclass(frozen=True)
class Taken:
    """What of an object is committed.

    Attributes
    ----------
    options
        What the command line said of the object: said differently it is another load.
    format
        As it was recognised or named; None before that.
    is_named
        Whether ``--format`` named it, whatever the content says.
    lines
        Lines that are committed, of any kind.
    bad_lines
        Of these, refused ones (late ticks are not).
    last_at
        Latest time among its ticks.
    exchange
        Its venue, once known.
    is_complete
        Whether there is nothing more to take in.
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
    ) -> Taken:
        """Read it from an offset; another version of the object starts over.

        So does one that was read as another format than ``name``: nothing of it was
        read. None stands for the format that the content tells, which is not known
        yet: what was read by a named format starts over then.
        """
        said = _said(options)
        if (
            offset is None
            or not offset.is_of(source)
            or offset.state.get("options") != said
        ):
            return cls(said)
        state = offset.state
        is_named = state.get("is_named", False)
        if is_named if name is None else state["format"] != name:
            return cls(said)
        return cls(
            said,
            state["format"],
            is_named,
            offset.last_sequence or 0,
            state["bad_lines"],
            offset.last_ts,
            state["exchange"],
            state["is_complete"],
        )

    def offset(self, source: Object) -> Offset:
        """Write it as the offset of the object."""
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


def _said(options: DecoderOptions) -> dict[str, Any]:
    said = {
        "exchange": options.exchange,
        "symbol": options.symbol,
        "columns": dict(options.columns),
    }
    return {name: value for name, value in said.items() if value}
