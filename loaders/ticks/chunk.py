"""What a decoder of ticks hands to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from loaders.chunk import BadRow

#: Good ticks in the order of the recording. Price and volume are decimal texts without
#: an exponent, within numeric(18,8) and numeric(24,12); flags are JSON texts or null.
TICK_SCHEMA = pa.schema(
    [
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("source_seq", pa.int64(), nullable=False),
        pa.field("price", pa.string(), nullable=False),
        pa.field("volume", pa.string(), nullable=False),
        pa.field("side", pa.int16(), nullable=False),
        pa.field("microstructure_flags", pa.string()),
    ]
)


@dataclass(frozen=True)
class Stream:
    """Where the ticks of an object come from; ids are unique within it.

    Attributes
    ----------
    exchange
        The venue as the table names it, such as ``binance_spot``.
    symbol
        The instrument in the venue's own spelling, such as ``BTCUSDT``.
    kind
        What an id stands for: ``trade`` or ``aggTrade``.
    is_consecutive
        Whether ids count up by one, so that a jump is a gap.
    is_ordered
        Whether ids grow with time. Those of some venues are hashes.
    """

    exchange: str
    symbol: str
    kind: str
    is_consecutive: bool = True
    is_ordered: bool = True


@dataclass(frozen=True)
class TickChunk:
    """A part of an object.

    Attributes
    ----------
    stream
        Whose ticks these are; None while no tick was seen.
    rows
        The good ticks, `TICK_SCHEMA`.
    rows_read
        Lines or rows of the object it covers, of any kind; a line with several trades
        counts them all.
    rows_skipped
        Of these, lines that are no market trades of the instrument: book updates,
        heartbeats, insurance fund, liquidation takeovers, other instruments, blank
        lines.
    progress
        Share of the object read up to here, 0 to 1.
    bad
        The refused rows.
    books
        By window start: what the order-book lines said of the windows that this chunk
        finished (or of the last one, at the end of the object); values are the objects
        that `window_5m.raw_payload` keeps under ``book``. Each has ``quote_count``, how
        many order-book lines it is made of: of two recordings of a window the one with
        more stays.
    void_ids
        Ids used up by what is no market trade.
    others
        Rows of other instruments, by name; they are among the skipped.
    """

    stream: Stream | None
    rows: pa.RecordBatch
    rows_read: int
    rows_skipped: int
    progress: float
    bad: list[BadRow] = field(default_factory=list)
    books: Mapping[datetime, dict[str, Any]] = field(default_factory=dict)
    void_ids: list[int] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class DecoderOptions:
    """What is said of an object beside its content.

    Attributes
    ----------
    exchange
        Overrides the venue that the format or the content names.
    symbol
        Instrument to take where the object does not name it, or names several.
    columns
        For the generic CSV: tick column to header name or zero-based position.
    uri
        Where it is, as a URI or path; Binance's files say their instrument by it.
        By default the local file's.
    """

    exchange: str | None = None
    symbol: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    uri: str | None = None
