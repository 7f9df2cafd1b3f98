"""Decode the server's binary values to Arrow arrays, by the server's types."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.binary_kernels import (
    NOT_FINITE,
    TOO_LONG,
    copy_bytes,
    decode_decimals,
    decode_integers,
)
from pgio.binary_rows import Column, RowBatch

_NUMERIC = 1700
_JSONB = 3802
_BYTEA = 17
_STRINGS = {25, 1043, 1042, 19, 18, 114, _JSONB}
_FIXED: dict[int, tuple[pa.DataType, str]] = {
    16: (pa.bool_(), "bool"),
    20: (pa.int64(), "int64"),
    21: (pa.int16(), "int16"),
    23: (pa.int32(), "int32"),
    26: (pa.int64(), "int64"),
    700: (pa.float32(), "float32"),
    701: (pa.float64(), "float64"),
    1082: (pa.date32(), "int32"),
    1114: (pa.timestamp("us"), "int64"),
    1184: (pa.timestamp("us", tz="UTC"), "int64"),
}
#: Days and microseconds from 1970 to PostgreSQL's epoch, 2000-01-01.
_EPOCH = {1082: 10_957, 1114: 946_684_800_000_000, 1184: 946_684_800_000_000}
_INFINITE = {
    1082: (2**31 - 1, -(2**31)),
    1114: (2**63 - 1, -(2**63)),
    1184: (2**63 - 1, -(2**63)),
}
_MAX_PRECISION = 38
_DEFAULT_SCALE = 18


def is_supported(column: Column) -> bool:
    """Return whether the type has a decoder; other types are cast to text first."""
    return column.oid in _FIXED or column.oid in _STRINGS | {_NUMERIC, _BYTEA}


def arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a column."""
    if column.oid in _FIXED:
        return _FIXED[column.oid][0]
    if column.oid == _NUMERIC:
        return pa.decimal128(*_precision_and_scale(column))
    return pa.binary() if column.oid == _BYTEA else pa.string()


def decode_column(rows: RowBatch, position: int) -> pa.Array:
    """Decode one column of a batch.

    Raises
    ------
    ValueError
        A value does not fit the Arrow type; the message names the column and the fix.
    """
    column = rows.columns[position]
    starts, lengths = rows.starts[position], rows.lengths[position]
    if column.oid in _FIXED:
        return _fixed_width(column, rows.data, starts, lengths)
    if column.oid == _NUMERIC:
        return _decimals(column, rows.data, starts, lengths)
    return _strings(column, rows.data, starts, lengths)


def _fixed_width(column: Column, data: Any, starts: Any, lengths: Any) -> pa.Array:
    kind, dtype = _FIXED[column.oid]
    values: npt.NDArray[Any] = np.empty(starts.size, dtype=np.int64)
    decode_integers(data, starts, lengths, values)
    null = lengths < 0
    if column.oid in _EPOCH:
        if np.isin(values[~null], _INFINITE[column.oid]).any():
            raise ValueError(
                f"column {column.name!r} holds an infinite date: filter it in SQL"
            )
        values += _EPOCH[column.oid]
    if dtype == "float64":
        values = values.view(np.float64)
    elif dtype == "float32":
        values = values.astype(np.int32).view(np.float32)
    else:
        values = values.astype(dtype)
    return pa.array(values, mask=null, from_pandas=False).cast(kind)


def _decimals(column: Column, data: Any, starts: Any, lengths: Any) -> pa.Array:
    precision, scale = _precision_and_scale(column)
    limit = np.array(divmod(10**precision, 2**64), dtype=np.uint64)
    words = np.empty((starts.size, 2), dtype=np.uint64)
    row, reason = decode_decimals(data, starts, lengths, scale, limit, words)
    if row >= 0:
        what = {NOT_FINITE: "NaN or infinity", TOO_LONG: "too many digits"}.get(
            reason, f"more than {scale} decimals"
        )
        raise ValueError(
            f"column {column.name!r} holds a numeric with {what}, which has no place "
            f"in decimal128({precision}, {scale}): cast it in SQL to double, "
            "text or a numeric of another scale"
        )
    return pa.Array.from_buffers(
        pa.decimal128(precision, scale),
        starts.size,
        [_validity(lengths), pa.py_buffer(words)],
    )


def _strings(column: Column, data: Any, starts: Any, lengths: Any) -> pa.Array:
    # jsonb sends one byte, the version of the format, before its text.
    skip = 1 if column.oid == _JSONB else 0
    offsets = np.zeros(starts.size + 1, dtype=np.int64)
    np.cumsum(np.maximum(lengths - skip, 0), out=offsets[1:])
    content = np.empty(offsets[-1], dtype=np.uint8)
    copy_bytes(data, starts, lengths, skip, content)
    return pa.Array.from_buffers(
        arrow_type(column),
        starts.size,
        [
            _validity(lengths),
            pa.py_buffer(offsets.astype(np.int32)),
            pa.py_buffer(content),
        ],
    )


def _validity(lengths: npt.NDArray[np.int32]) -> pa.Buffer | None:
    null = lengths < 0
    if not null.any():
        return None
    return pa.py_buffer(np.packbits(~null, bitorder="little"))


def _precision_and_scale(column: Column) -> tuple[int, int]:
    if column.modifier < 0:
        return _MAX_PRECISION, _DEFAULT_SCALE
    packed = column.modifier - 4
    precision, scale = packed >> 16 & 0xFFFF, packed & 0x7FF
    scale = scale - 2048 if scale >= 1024 else scale
    if precision > _MAX_PRECISION or not 0 <= scale <= precision:
        return _MAX_PRECISION, _DEFAULT_SCALE
    return precision, scale
