"""The raw fills of Hyperliquid: their table, and the formats they come in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loaders.chunk import Table
from loaders.content import read_head
from loaders.errors import ObjectError
from loaders.fills_archive import NOTHING, read_fills_archive
from loaders.fills_parquet import MAGIC, read_fills_parquet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Of LZ4 and zstd.
_BLOCKWISE = (b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd")
#: How much of a text tells what it is.
_HEAD_BYTES = 1 << 16
_OLDER_ARCHIVE = re.compile(rb'\[\s*"0x')
_BLOCK = re.compile(rb'\{.*"events"\s*:', re.DOTALL)
_FILLS = re.compile(rb'(\[\s*)?\{.*"(coin|px)"\s*:|\[\s*\]$', re.DOTALL)


def from_milliseconds(time: int) -> datetime:
    """Milliseconds since the epoch as an aware datetime, exactly."""
    return _EPOCH + timedelta(milliseconds=time)


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def recognise_fills(path: Path) -> str | None:
    """Tell the format of an object from its first bytes, whatever it is called.

    Parameters
    ----------
    path
        A local file with the object's content, or with its first `_HEAD_BYTES`.

    Returns
    -------
    str or None
        ``parquet``, ``archive``, ``json``; None where it is nothing of these.

    Raises
    ------
    ObjectError
        It is empty, or packed in a way that cannot be read.
    """
    if path.stat().st_size == 0:
        raise ObjectError("the file is empty")
    with open(path, "rb") as file:
        packed = file.read(len(MAGIC))
    if packed == MAGIC:
        return "parquet"
    try:
        head = read_head(path, _HEAD_BYTES)
    except ObjectError:
        # A first block may be longer than what is there of it.
        if packed in _BLOCKWISE:
            return "archive"
        raise
    text = head.strip(NOTHING)
    if text.startswith(MAGIC):
        return "parquet"
    if _OLDER_ARCHIVE.match(text) or _BLOCK.match(text):
        return "archive"
    return "json" if _FILLS.match(text) else None


FILLS = Table(
    relation="hyperliquid.fills",
    time_column="time",
    to_datetime=from_milliseconds,
    from_datetime=to_milliseconds,
    readers={
        "parquet": read_fills_parquet,
        "archive": read_fills_archive,
        "json": read_fills_archive,
    },
    suffixes={
        ".parquet": "parquet",
        ".parq": "parquet",
        ".pq": "parquet",
        ".lz4": "archive",
    },
    recognise=recognise_fills,
    keys={
        ("time", "coin", "tid", "side"): "{0}.tid <> 0",
        ("time", "user_address", "coin", "side", "oid"): "{0}.tid = 0",
    },
    # What two sources of one fill may differ in without contradicting each other: its
    # place is known to the archive alone, and some files keep coarser times, or nulls.
    differences={
        "event_index": "here.block_number = stored.block_number"
        " and here.event_index <> stored.event_index",
        "block_time": "abs(extract(epoch from here.block_time - stored.block_time))"
        " >= 0.001",
        "liquidation": "jsonb_strip_nulls(here.liquidation)"
        " <> jsonb_strip_nulls(stored.liquidation)",
    },
    taken={
        "event_index": "here.event_index is distinct from stored.event_index"
        " and (here.block_number is not null or stored.event_index is null)",
    },
)
