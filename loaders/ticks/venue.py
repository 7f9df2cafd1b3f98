"""State of a venue: what its trade ids mean, and the latest stored id and window."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from loaders.errors import ObjectError
from loaders.ledger import Offset, save_offset
from loaders.ticks.chunk import Stream

_KEY = "exchange:"


@dataclass
class Venue:
    """One row of `ingestion.stream_offsets`, ``exchange:<name>``.

    Attributes
    ----------
    exchange
        Its name in the tables.
    kind, symbol, is_consecutive
        As its first recording said, `loaders.ticks.chunk.Stream`.
    last_id, last_at
        Greatest id stored, and its time.
    latest_window
        Start of the latest window with ticks.
    reading
        By URI of each object that is being loaded: the window that its load has
        reached.
    """

    exchange: str
    kind: str
    symbol: str
    is_consecutive: bool
    last_id: int | None = None
    last_at: datetime | None = None
    latest_window: datetime | None = None
    reading: dict[str, datetime] = field(default_factory=dict)

    @property
    def windows_in_progress(self) -> list[datetime]:
        """Windows that running loads have reached and may still add ticks to."""
        return list(self.reading.values())

    def save(self, conn: psycopg.Connection[Any]) -> None:
        """Save the state."""
        state = {
            "kind": self.kind,
            "symbol": self.symbol,
            "is_consecutive": self.is_consecutive,
            "latest_window": _text(self.latest_window),
            "reading": {uri: _text(window) for uri, window in self.reading.items()},
        }
        key = _KEY + self.exchange
        save_offset(conn, key, Offset(self.last_id, self.last_at, state))


def lock_venue(conn: psycopg.Connection[Any], exchange: str) -> None:
    """Take the venue's advisory lock; it is released when the transaction ends."""
    conn.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
        (f"vigil.ticks:{exchange}",),
    )


def known_venue(conn: psycopg.Connection[Any], exchange: str) -> Venue | None:
    """Return the stored state of a venue; None if nothing of it was loaded yet."""
    row = conn.execute(
        "select last_sequence, last_ts, state from ingestion.stream_offsets"
        " where source = %s",
        (_KEY + exchange,),
    ).fetchone()
    if row is None:
        return None
    last_id, last_at, state = row
    return Venue(
        exchange,
        state["kind"],
        state["symbol"],
        state["is_consecutive"],
        last_id,
        last_at,
        _instant(state["latest_window"]),
        {uri: datetime.fromisoformat(text) for uri, text in state["reading"].items()},
    )


def open_venue(conn: psycopg.Connection[Any], stream: Stream) -> Venue:
    """Lock the venue of a stream for this transaction and return its state.

    Raises
    ------
    ObjectError
        The venue stores ids of another instrument or of another kind.
    """
    lock_venue(conn, stream.exchange)
    venue = known_venue(conn, stream.exchange)
    if venue is None:
        return Venue(stream.exchange, stream.kind, stream.symbol, stream.is_consecutive)
    if (venue.kind, venue.symbol) != (stream.kind, stream.symbol):
        raise ObjectError(
            f"{venue.exchange} holds ids of {venue.kind} of {venue.symbol}, and these "
            f"are ids of {stream.kind} of {stream.symbol}: they mean other trades and "
            "are never mixed. Load them under a name of their own, such as --exchange "
            f"{venue.exchange}_{_suffix(venue, stream)}"
        )
    venue.is_consecutive = venue.is_consecutive and stream.is_consecutive
    return venue


def _suffix(venue: Venue, stream: Stream) -> str:
    other = stream.symbol if venue.symbol != stream.symbol else stream.kind
    return "".join(c if c.isalnum() else "_" for c in other).lower()


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
