"""Validate fills and separate the invalid rows, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.chunk import BadRow, raw_json
from loaders.convert import convert, plain_array
from loaders.fills_schema import FIELDS, Field
from loaders.hyperliquid import first_millisecond

#: The exchange had no fills before this.
EARLIEST = datetime(2023, 1, 1, tzinfo=UTC)

_SIDES = pa.array(["B", "A"])
_NEGATIVE = r"^-.*[1-9]"


class _Refusals:
    """The first error of every invalid row."""

    def __init__(self) -> None:
        self.reasons: dict[int, str] = {}

    def add(
        self, mask: pa.Array | None, name: str, complaint: str, values: pa.Array | None
    ) -> None:
        """Refuse the rows of ``mask``, quoting their value in ``values``."""
        if mask is None or pc.any(mask).as_py() is not True:
            return
        rows = pc.indices_nonzero(pc.fill_null(mask, False))
        found = [None] * len(rows) if values is None else values.take(rows).to_pylist()
        for row, value in zip(rows.to_pylist(), found, strict=True):
            shown = "" if values is None else f" ({_shorten(value)})"
            self.reasons.setdefault(row, f"{name}: {complaint}{shown}")


def split_fills(
    columns: Mapping[str, tuple[Field, pa.Array]],
    raw_row: Callable[[int], Any],
    first_row: int,
    refused: Mapping[int, str] | None = None,
    kept_from: datetime | None = None,
    newest_first_of: int | None = None,
) -> tuple[pa.RecordBatch, list[BadRow]]:
    """Convert a batch of fills to the table's columns and separate the invalid rows.

    Parameters
    ----------
    columns
        By the file's column name, the field and its original values; all of one length
        n.
    raw_row
        Returns the original row at an index in [0, n), for the quarantine.
    first_row
        Row number in the object of the row at index 0, from 1.
    refused
        Reasons, by index, of rows that the reader refused.
    kept_from
        First instant from which the table has all rows, if any were dropped.
    newest_first_of
        Number of rows of the object if the newest come first: places are then counted
        from its end.

    Returns
    -------
    tuple
        The valid rows with the table's columns in order, without ``load_id``, and the
        invalid rows in the order of the file.
    """
    refusals = _Refusals()
    refusals.reasons.update(refused or {})
    converted: dict[str, pa.Array] = {}
    names: dict[str, str] = {}
    for name, (field, array) in columns.items():
        values, failed = convert(array, field.kind, is_optional=not field.required)
        expected = f"expected {field.kind.value}"
        refusals.add(failed, name, expected, plain_array(array) if failed else array)
        converted[field.column] = values
        names[field.column] = name
    _check_values(converted, names, refusals)
    wrong = set(refusals.reasons)
    if kept_from is not None:
        _check_age(converted["time"], names["time"], kept_from, refusals)
    _add_places(converted, first_row, newest_first_of)
    rows = _in_table_order(converted)
    if not refusals.reasons:
        return rows, []
    keep = pc.invert(pa.array([i in refusals.reasons for i in range(len(rows))]))
    bad = [
        BadRow(
            first_row + row,
            refusals.reasons[row],
            raw_json(raw_row(row)),
            is_too_old=row not in wrong,
        )
        for row in sorted(refusals.reasons)
    ]
    return rows.filter(keep), bad


def _check_values(
    columns: Mapping[str, pa.Array], names: Mapping[str, str], refusals: _Refusals
) -> None:
    for column in ("time", "user_address", "coin", "px", "sz", "tid"):
        refusals.add(columns[column].is_null(), names[column], "is missing", None)
    for column in ("user_address", "coin", "dir"):
        empty = pc.equal(columns[column], "")
        refusals.add(empty, names[column], "is missing", None)
    for column in ("px", "sz"):
        values = columns[column]
        if pc.any(pc.starts_with(values, "-")).as_py():
            negative = pc.match_substring_regex(values, _NEGATIVE)
            refusals.add(negative, names[column], "is negative", values)
    side = columns["side"]
    refusals.add(
        pc.invert(pc.is_in(side, _SIDES)), names["side"], "is neither B nor A", side
    )
    time = columns["time"]
    earliest, latest = (int(t.timestamp() * 1000) for t in time_limits())
    outside = pc.or_(pc.less(time, earliest), pc.greater_equal(time, latest))
    refusals.add(outside, names["time"], "is not between 2023 and tomorrow", time)
    # The key of a dust conversion (tid 0) contains the order id.
    keyless = pc.and_(columns["oid"].is_null(), pc.equal(columns["tid"], 0))
    refusals.add(keyless, names["oid"], "is missing, and tid is 0", None)


def _add_places(
    columns: dict[str, pa.Array], first_row: int, newest_first_of: int | None
) -> None:
    """Give rows without a place in a block their place in the file."""
    length = len(columns["time"])
    nothing = pa.nulls(length, pa.int64())
    known = columns.get("event_index", nothing)
    block = columns.get("block_number", nothing)
    if block.null_count == 0:
        return
    numbers = np.arange(first_row, first_row + length)
    if newest_first_of is not None:
        numbers = newest_first_of + 1 - numbers
    places = pa.array(numbers, pa.int64())
    is_known = pc.or_(block.is_valid(), known.is_valid())
    columns["event_index"] = pc.if_else(is_known, known, places)


def falls(times: Sequence[Any]) -> bool:
    """Return whether the newest times come first."""
    known = [time for time in times if isinstance(time, int)]
    steps = [b - a for a, b in pairwise(known) if a != b]
    return sum(step < 0 for step in steps) * 2 > len(steps)


def _check_age(
    time: pa.Array, name: str, kept_from: datetime, refusals: _Refusals
) -> None:
    """Refuse rows older than the retention: their buckets could not be complete."""
    # A millisecond that began before the instant is only partly kept.
    is_too_old = pc.less(time, first_millisecond(kept_from))
    refusals.add(is_too_old, name, late(kept_from), time)


def late(kept_from: datetime) -> str:
    """Return the reason for refusing a row older than the retention."""
    return f"is older than what is kept, from {kept_from.isoformat()} on"


def time_limits() -> tuple[datetime, datetime]:
    """Return the earliest possible time of a fill, and the end of tomorrow (UTC)."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return EARLIEST, today + timedelta(days=2)


def _in_table_order(columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    length = len(columns["time"])
    arrays = []
    for field in FIELDS:
        array = columns.get(field.column)
        if array is None:
            array = pa.nulls(length, field.kind.arrow_type)
        elif field.column in ("user_address", "builder"):
            array = pc.ascii_lower(array)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=[f.column for f in FIELDS])


def _shorten(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
