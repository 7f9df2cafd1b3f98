"""The raw fills of Hyperliquid: their table, and the formats they come in."""

from __future__ import annotations

from loaders.chunk import Table
from loaders.fills_archive import read_fills_archive
from loaders.fills_parquet import read_fills_parquet
from loaders.hyperliquid import from_milliseconds, recogniser, to_milliseconds

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
    recognise=recogniser("fills", "archive"),
    keys={
        ("time", "coin", "tid", "side"): "{0}.tid <> 0",
        ("time", "user_address", "coin", "side", "oid"): "{0}.tid = 0",
    },
    # Two sources of one fill may differ in these columns without a conflict: only the
    # archive knows its place, and some files have coarser times, or nulls.
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
