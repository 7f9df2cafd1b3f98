"""The types that a tick decoder yields."""

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
    """A venue's sequence of trade ids for one instrument; ids are unique within it.

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
        Whether ids grow with time. Some venues use hashes as ids.
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
        Lines or rows of the object in this chunk, of any kind; a line with several
        trades counts once for each trade.
    rows_skipped
        Those of them that are not market trades of the instrument: book updates,
        heartbeats, insurance fund, liquidation takeovers, other instruments, blank
        lines.
    progress
        Share of the object read up to here, 0 to 1.
    bad
        The refused rows.
    books
        Order-book summaries by window start, of the windows that end in this chunk (at
        the end of the object also of the last window). The values are stored in
        `window_5m.raw_payload` under ``book``. Each has ``quote_count``, the number of
        bookTicker messages in it; of two recordings of a window the one with more is
        kept.
    void_ids
        Ids used by events that are not market trades.
    others
        Number of rows of each other instrument; they are included in `rows_skipped`.
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
    """What the command line says about an object.

    Attributes
    ----------
    exchange
        Overrides the venue that the format or the content names.
    symbol
        Instrument to load if the object names none or several.
    columns
        For the generic CSV: tick column to header name or zero-based position.
    uri
        URI or path of the object; names of Binance's files contain the instrument. The
        default is the path of the local file.
    """

    exchange: str | None = None
    symbol: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    uri: str | None = None
