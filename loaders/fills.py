"""The raw fills of Hyperliquid as a data set of the loader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from loaders.chunk import Dataset
from loaders.fills_archive import read_fills_archive
from loaders.fills_parquet import read_fills_parquet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_milliseconds(time: int) -> datetime:
    """Milliseconds since the epoch as an aware datetime, exactly."""
    return _EPOCH + timedelta(milliseconds=time)


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


FILLS = Dataset(
    relation="hyperliquid.fills",
    time_column="time",
    to_datetime=from_milliseconds,
    from_datetime=to_milliseconds,
    readers={"parquet": read_fills_parquet, "archive": read_fills_archive},
    suffixes={".parquet": "parquet", ".lz4": "archive"},
)
