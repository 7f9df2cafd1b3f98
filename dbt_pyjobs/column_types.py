"""Cast Arrow arrays to text that PostgreSQL reads as the declared type, without loss.

The type comes from the model's YAML, never from the data. A cast that would lose
information raises `CastError` with the reason.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from dbt_pyjobs.list_literals import elements_of, is_list, join_lists

Cast = Callable[[pa.Array], pa.Array]

_TYPE = re.compile(
    r"""^(?:"?\w+"?\.)?                       # schema
        (?P<name>[a-z][a-z0-9_ ]*?)
        \s*(?:\((?P<args>[\d\s,]+)\))?
        \s*(?P<zone>with\ time\ zone|without\ time\ zone)?
        \s*(?P<dims>(?:\[\d*\])*)$""",
    re.VERBOSE,
)

_INTEGERS = {
    **dict.fromkeys(("bigint", "int8"), pa.int64()),
    **dict.fromkeys(("integer", "int", "int4"), pa.int32()),
    **dict.fromkeys(("smallint", "int2"), pa.int16()),
}
_FLOATS = {
    **dict.fromkeys(("double precision", "float8", "float"), pa.float64()),
    **dict.fromkeys(("real", "float4"), pa.float32()),
}
_TEXTS = ("text", "varchar", "character varying", "char", "character", "bpchar")
_VECTORS = ("vector", "halfvec")


class CastError(ValueError):
    """Values of a column do not fit its declared type; the message says why.

    Attributes
    ----------
    place
        Index of the first value that does not fit; None if the type itself is wrong.
    """

    def __init__(self, reason: str, place: int | None = None) -> None:
        super().__init__(reason)
        self.place = place


def first_misfit(count: int, fits: Callable[[int], bool]) -> int | None:
    """Return the index of the first of ``count`` values that does not fit.

    Parameters
    ----------
    count
        Number of values.
    fits
        Returns whether the first n values fit.
    """
    place = bisect_left(range(count), True, key=lambda index: not fits(index + 1))
    return place if place < count else None


def cast_for(data_type: str) -> Cast:
    """Return the function that casts arrays for a column of ``data_type``.

    Parameters
    ----------
    data_type
        A PostgreSQL type as YAML declares it, such as ``numeric(18, 8)``.

    Returns
    -------
    callable
        Takes an array and returns one of the same length, whose CSV form the server
        reads without loss. Raises `CastError`.

    Raises
    ------
    CastError
        The type cannot be written from Arrow.
    """
    match = _TYPE.match(" ".join(data_type.lower().split()))
    if match is None:
        raise CastError(f"{data_type!r} is not a type this project can read")
    name = match["name"].strip()
    args = [int(arg) for arg in (match["args"] or "").split(",") if arg.strip()]
    zoned = match["zone"] == "with time zone"
    if match["dims"]:
        if match["dims"].count("[") > 1:
            raise CastError("arrays of more than one dimension are not supported")
        element = cast_for(data_type[: data_type.rindex("[")])
        return _checked(data_type, lambda array: _array_literal(array, element))
    return _checked(data_type, _scalar_cast(name, args, zoned))


def _scalar_cast(name: str, args: list[int], zoned: bool) -> Cast:
    if name in _INTEGERS:
        return lambda array: _integer(array, _INTEGERS[name])
    if name in _FLOATS:
        return lambda array: _float(array, _FLOATS[name])
    if name in ("numeric", "decimal"):
        return lambda array: _numeric(array, args)
    if name in ("boolean", "bool"):
        return lambda array: _same_kind(array, pa.types.is_boolean, pa.bool_())
    if name == "date":
        return lambda array: _same_kind(array, pa.types.is_date, pa.date32())
    if name in ("timestamptz", "timestamp"):
        digits = args[0] if args else 6
        return lambda array: _timestamp(array, zoned or name == "timestamptz", digits)
    if name == "time" and not zoned:
        return lambda array: _same_kind(array, pa.types.is_time, pa.time64("us"))
    if name == "interval":
        return _interval
    if is_json(name):
        return _json
    if name == "bytea":
        return _bytea
    if name in _VECTORS:
        return _vector
    return _text


def _checked(data_type: str, cast: Cast) -> Cast:
    """Wrap a cast: a column of nulls always fits, Arrow's errors become `CastError`."""

    def checked(array: pa.Array) -> pa.Array:
        if pa.types.is_dictionary(array.type):
            array = _decoded(array)
        if array.null_count == len(array):
            # pandas and others choose an arbitrary type for a column of nulls.
            return pa.nulls(len(array), pa.string())
        try:
            return cast(array)
        except (CastError, pa.ArrowException, TypeError) as error:
            raise CastError(
                f"{array.type} does not fit {data_type}: {error}",
                first_misfit(len(array), lambda count: fits(array.slice(0, count))),
            ) from error

    def fits(values: pa.Array) -> bool:
        if values.null_count == len(values):
            return True
        try:
            cast(values)
        except (CastError, pa.ArrowException, TypeError):
            return False
        return True

    return checked


def _decoded(array: pa.DictionaryArray) -> pa.Array:
    values = array.dictionary
    if pa.types.is_string_view(values.type):
        # polars' categories have string views, which Arrow's `take` does not support.
        values = pc.cast(values, pa.string())
    return values.take(array.indices)


def is_json(data_type: str) -> bool:
    """Return whether a declared type is json or jsonb."""
    return data_type.lower().strip() in ("json", "jsonb")


def _same_kind(
    array: pa.Array, is_kind: Callable[[pa.DataType], bool], target: pa.DataType
) -> pa.Array:
    if not is_kind(array.type):
        raise CastError(f"give it as {target}")
    return pc.cast(array, target)


def _integer(array: pa.Array, target: pa.DataType) -> pa.Array:
    kind = array.type
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        raise CastError(f"give it as {target}")
    return pc.cast(array, target)


def _float(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_integer(array.type):
        return pc.cast(array, target)
    if not pa.types.is_floating(array.type):
        raise CastError(f"that would lose digits; cast to {target} in the model")
    narrow = pc.cast(array, target)
    if array.type != target and target == pa.float32():
        back = pc.cast(narrow, array.type)
        same = pc.or_(pc.equal(back, array), pc.is_nan(array))
        if not pc.all(same).as_py() and len(array) > array.null_count:
            raise CastError("that would lose digits; declare it double precision")
    return narrow


def _numeric(array: pa.Array, args: list[int]) -> pa.Array:
    if pa.types.is_integer(array.type):
        return array
    if not pa.types.is_decimal(array.type):
        raise CastError(
            "only decimals and integers are exact; declare it double precision, or "
            "make decimals in the model"
        )
    if not args:
        # Every dbt command loads this module, and numba takes a third of a second.
        from pgio.decimal_text import plain_text

        # A numeric without a scale stores each value at its own scale. At the scale of
        # the Arrow type, 1.5 would be stored as 1.500000000000000000.
        return plain_text(array)
    precision, scale = args[0], args[1] if len(args) > 1 else 0
    if precision <= 38:
        return pc.cast(array, pa.decimal128(precision, scale))
    return pc.cast(array, pa.decimal256(min(precision, 76), scale))


def _timestamp(array: pa.Array, zoned: bool, digits: int) -> pa.Array:
    if not pa.types.is_timestamp(array.type):
        raise CastError("give it as a timestamp")
    if zoned and array.type.tz is None:
        raise CastError("the values carry no time zone; make them timestamp[us, UTC]")
    if not zoned and array.type.tz is not None:
        raise CastError("the values carry a time zone; declare it timestamptz")
    exact = pc.cast(array, pa.timestamp("us", tz="UTC" if zoned else None))
    if digits < 6:
        step = 10 ** (6 - digits)
        ticks = pc.cast(exact, pa.int64())
        whole = pc.multiply(pc.divide(ticks, step), step)
        if pc.any(pc.not_equal(ticks, whole)).as_py():
            raise CastError(f"some values have more than {digits} digits of a second")
    return exact


def _interval(array: pa.Array) -> pa.Array:
    if not pa.types.is_duration(array.type):
        return _text(array)
    micros = pc.cast(pc.cast(array, pa.duration("us")), pa.int64())
    return pc.binary_join_element_wise(
        pc.cast(micros, pa.string()), "microseconds", " "
    )


def _text(array: pa.Array) -> pa.Array:
    kind = array.type
    if not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    ):
        raise CastError("give it as text")
    return pc.cast(array, pa.string())


def _json(array: pa.Array) -> pa.Array:
    if not pa.types.is_nested(array.type):
        return _text(array)
    return pa.array(map(json_text, array.to_pylist()), pa.string())


def json_text(value: Any) -> str | None:
    """Return a value as JSON text; None stays None, and text is JSON already."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _bytea(array: pa.Array) -> pa.Array:
    kind = array.type
    if not (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    ):
        raise CastError("give it as binary")
    texts = [
        None if value is None else f"\\x{value.hex()}" for value in array.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _vector(array: pa.Array) -> pa.Array:
    if not is_list(array.type):
        return _text(array)
    elements = elements_of(array)
    if not pa.types.is_floating(elements.type):
        elements = _float(elements, pa.float32())
    if elements.null_count:
        raise CastError("a vector has no null elements")
    return join_lists(array, pc.cast(elements, pa.string()), "[", "]")


def _array_literal(array: pa.Array, element: Cast) -> pa.Array:
    if not is_list(array.type):
        return _text(array)
    texts = pc.cast(element(elements_of(array)), pa.string())
    for special in ("\\", '"'):
        texts = pc.replace_substring(texts, special, "\\" + special)
    quoted = pc.binary_join_element_wise('"', texts, '"', "")
    return join_lists(array, pc.fill_null(quoted, "NULL"), "{", "}")
