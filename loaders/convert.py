"""Columns as they come → columns as the table takes them, a whole array at a time.

Each function returns the converted array and a mask of the values it could not convert
(None when it converted them all), so that clean data never meets a Python loop.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from loaders.fills_schema import Kind

Converted = tuple[pa.Array, pa.Array | None]

#: What the project carries exactly from end to end: decimal128(38, 18).
INTEGER_DIGITS = 20
FRACTION_DIGITS = 18

_PLAIN_DECIMAL = (
    rf"^[+-]?(\d{{1,{INTEGER_DIGITS}}}(\.\d{{0,{FRACTION_DIGITS}}})?"
    rf"|\.\d{{1,{FRACTION_DIGITS}}})$"
)
_MICROSECONDS = pa.timestamp("us", tz="UTC")
#: ``2025-07-27T08:50:10.334741`` : what follows is finer than the server keeps.
_ISO_MICROSECONDS = 26


def convert(array: pa.Array, kind: Kind) -> Converted:
    """Convert one column to ``kind.arrow_type``.

    Parameters
    ----------
    array
        Values of a type that `loaders.fills_schema.check_type` accepted.
    kind
        What they mean.

    Returns
    -------
    tuple
        The array, null where a value could not be converted, and the mask of those
        values or None.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        return array.cast(kind.arrow_type), None
    return _CONVERTERS[kind](array)


def _text(array: pa.Array) -> Converted:
    if not pa.types.is_string(array.type):
        array = array.cast(pa.string())
    if not _may_have_nul(array):
        return array, None
    mask = pc.fill_null(pc.match_substring(array, "\0"), False)
    if not _any(mask):
        return array, None
    return pc.if_else(mask, pa.scalar(None, pa.string()), array), mask


def _may_have_nul(array: pa.Array) -> bool:
    """Look at all bytes of the strings at once, 20 times as fast as one by one."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return False
    ends = np.frombuffer(offsets, np.int32)
    start, end = ends[array.offset], ends[array.offset + len(array)]
    characters = np.frombuffer(data, np.uint8)[start:end]
    return bool(len(characters)) and characters.min() == 0


def _boolean(array: pa.Array) -> Converted:
    return array, None


def _milliseconds(array: pa.Array) -> Converted:
    if pa.types.is_timestamp(array.type):
        unit = pa.timestamp("ms", tz=array.type.tz)
        array = pc.cast(array, unit, safe=False).cast(pa.int64())
    return _integer(array)


def _integer(array: pa.Array) -> Converted:
    if pa.types.is_int64(array.type):
        return array, None
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    try:
        return array.cast(pa.int64()), None
    except pa.ArrowInvalid:
        return _each(array, pa.int64(), _exact_integer)


def _decimal(array: pa.Array) -> Converted:
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    is_plain = pc.match_substring_regex(text, _PLAIN_DECIMAL)
    if pc.all(is_plain).as_py() is not False:  # nulls are left out, none at all is None
        return text, None
    return _each(text, pa.string(), plain_decimal, where=pc.invert(is_plain))


def plain_decimal(text: str) -> str | None:
    """Write a decimal without an exponent; None if it is none, or too long to carry.

    Examples
    --------
    >>> plain_decimal("1e-05")
    '0.00001'
    >>> plain_decimal("NaN") is None
    True
    """
    if not text.isascii() or text != text.strip() or "_" in text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite():
        return None
    if value == 0:
        return "0"
    if value.adjusted() >= INTEGER_DIGITS or value.adjusted() < -FRACTION_DIGITS:
        return None
    plain = f"{value:f}"
    fraction = plain.partition(".")[2].rstrip("0")
    return plain if len(fraction) <= FRACTION_DIGITS else None


def _timestamp(array: pa.Array) -> Converted:
    if pa.types.is_integer(array.type):
        return array.cast(pa.int64()).cast(pa.timestamp("ms")).cast(_MICROSECONDS), None
    if pa.types.is_timestamp(array.type):
        if array.type.tz is None:
            array = pc.assume_timezone(array, "UTC")
        return pc.cast(array, _MICROSECONDS, safe=False), None
    text = array.cast(pa.string())
    stripped = pc.utf8_slice_codeunits(pc.utf8_rtrim(text, "Z"), 0, _ISO_MICROSECONDS)
    try:
        return stripped.cast(pa.timestamp("us")).cast(_MICROSECONDS), None
    except pa.ArrowInvalid:
        return _each(stripped, _MICROSECONDS, _iso_timestamp)


def _json(array: pa.Array) -> Converted:
    if array.null_count == len(array):
        return pa.nulls(len(array), pa.string()), None
    return _each(array, pa.string(), _json_text)


def _json_text(value: Any) -> str | None:
    if isinstance(value, dict):
        if all(member is None for member in value.values()):
            return "null"
        return orjson.dumps(value, default=str).decode()
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    # jsonb has no NUL characters.
    return None if "\\u0000" in value else ("null" if parsed is None else value)


def _exact_integer(value: Any) -> int | None:
    whole = int(value) if value == value and abs(value) < 2**63 else None
    return whole if whole == value else None


def _iso_timestamp(value: str) -> Any:
    try:
        return pa.scalar(value).cast(pa.timestamp("us")).cast(_MICROSECONDS)
    except pa.ArrowInvalid:
        return None


def _each(
    array: pa.Array,
    to: pa.DataType,
    function: Callable[[Any], Any],
    where: pa.Array | None = None,
) -> Converted:
    """Convert the values one by one; only where needed, and equal ones once."""
    mask = array.is_valid() if where is None else pc.fill_null(where, False)
    indices = pc.indices_nonzero(mask)
    values = array.take(indices).to_pylist()
    done: dict[Any, Any] = {}
    results = []
    for value in values:
        key = value if isinstance(value, str | int | float) else id(value)
        if key not in done:
            done[key] = function(value)
        results.append(done[key])
    base = array if array.type == to else pa.nulls(len(array), to)
    converted = pc.replace_with_mask(base, mask, pa.array(_nulled(results), to))
    if all(result is not None for result in results):
        return converted, None
    failed = pc.replace_with_mask(
        pa.repeat(False, len(array)), mask, pa.array([r is None for r in results])
    )
    return converted, failed


def _nulled(results: list[Any]) -> list[Any]:
    """JSON null is SQL null."""
    return [None if isinstance(r, str) and r == "null" else r for r in results]


def _any(mask: pa.Array) -> bool:
    return pc.any(mask).as_py() is True


_CONVERTERS: dict[Kind, Callable[[pa.Array], Converted]] = {
    Kind.MILLISECONDS: _milliseconds,
    Kind.TIMESTAMP: _timestamp,
    Kind.TEXT: _text,
    Kind.DECIMAL: _decimal,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.JSON: _json,
}
