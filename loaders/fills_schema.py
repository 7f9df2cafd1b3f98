"""Columns of a fill: the exchange's names, the table's, and what each may hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa

from loaders.errors import ObjectError


class Kind(Enum):
    """What the values of a column are, and the Arrow type they are sent as."""

    MILLISECONDS = "milliseconds since the epoch (an integer) or a timestamp"
    TIMESTAMP = "a timestamp, an ISO string or milliseconds since the epoch"
    TEXT = "a string"
    DECIMAL = "a decimal written as a string, a decimal or an integer, not a float"
    INTEGER = "an integer"
    BOOLEAN = "a boolean"
    JSON = "a struct or JSON text"

    @property
    def arrow_type(self) -> pa.DataType:
        """Type of the column in a batch that goes to the table.

        Decimals travel as checked text: they reach the server's ``numeric`` digit for
        digit, without a detour through a fixed scale.
        """
        return _ARROW_TYPES.get(self, pa.string())


_ARROW_TYPES = {
    Kind.MILLISECONDS: pa.int64(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    Kind.INTEGER: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
}


@dataclass(frozen=True)
class Field:
    """One column: its name at the exchange, in the table, and its rules."""

    name: str
    column: str
    kind: Kind
    required: bool = False


FIELDS: tuple[Field, ...] = (
    Field("time", "time", Kind.MILLISECONDS, required=True),
    Field("user", "user_address", Kind.TEXT, required=True),
    Field("coin", "coin", Kind.TEXT, required=True),
    Field("px", "px", Kind.DECIMAL, required=True),
    Field("sz", "sz", Kind.DECIMAL, required=True),
    Field("side", "side", Kind.TEXT, required=True),
    Field("dir", "dir", Kind.TEXT, required=True),
    Field("startPosition", "start_position", Kind.DECIMAL, required=True),
    Field("closedPnl", "closed_pnl", Kind.DECIMAL, required=True),
    Field("fee", "fee", Kind.DECIMAL, required=True),
    Field("feeToken", "fee_token", Kind.TEXT),
    Field("builderFee", "builder_fee", Kind.DECIMAL),
    Field("builder", "builder", Kind.TEXT),
    Field("crossed", "crossed", Kind.BOOLEAN, required=True),
    Field("hash", "hash", Kind.TEXT),
    Field("oid", "oid", Kind.INTEGER, required=True),
    Field("tid", "tid", Kind.INTEGER, required=True),
    Field("cloid", "cloid", Kind.TEXT),
    Field("twapId", "twap_id", Kind.INTEGER),
    Field("liquidation", "liquidation", Kind.JSON),
    Field("block_number", "block_number", Kind.INTEGER),
    Field("block_time", "block_time", Kind.TIMESTAMP),
    Field("event_index", "event_index", Kind.INTEGER),
)

_BY_NAME = {f.name: f for f in FIELDS} | {f.column: f for f in FIELDS}


def match_columns(names: Iterable[str]) -> tuple[dict[str, Field], list[str]]:
    """Find the fields among the columns of a file.

    Parameters
    ----------
    names
        Column names of the file, the exchange's or the table's.

    Returns
    -------
    tuple
        Field by the file's column name, and the names that mean nothing here.

    Raises
    ------
    ObjectError
        A required column is missing, or one is there under both of its names.
    """
    matched: dict[str, Field] = {}
    unknown = []
    for name in names:
        match = _BY_NAME.get(name)
        if match is None:
            unknown.append(name)
        elif match in matched.values():
            twice = sorted({match.name, match.column})
            raise ObjectError(f"column {' / '.join(twice)} is there twice")
        else:
            matched[name] = match
    missing = [f.name for f in FIELDS if f.required and f not in matched.values()]
    if missing:
        plural = "columns" if len(missing) > 1 else "column"
        raise ObjectError(f"required {plural} missing: {', '.join(missing)}")
    return matched, unknown


def check_type(name: str, kind: Kind, found: pa.DataType, *, optional: bool) -> None:
    """Refuse a column whose Arrow type cannot hold what the column means.

    Raises
    ------
    ObjectError
        Names the column, its type, and what was expected.
    """
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_null(found) or _accepts(kind, found, optional):
        return
    raise ObjectError(f"column {name} is {found}; expected {kind.value}")


def _accepts(kind: Kind, found: pa.DataType, optional: bool) -> bool:
    is_text = (
        pa.types.is_string(found)
        or pa.types.is_large_string(found)
        or pa.types.is_string_view(found)
    )
    is_integer = pa.types.is_integer(found)
    is_instant = pa.types.is_timestamp(found)
    match kind:
        case Kind.TEXT:
            return bool(is_text)
        case Kind.MILLISECONDS:
            return bool(is_integer or is_instant)
        case Kind.TIMESTAMP:
            return bool(is_integer or is_instant or is_text)
        case Kind.DECIMAL:
            return bool(is_text or is_integer or pa.types.is_decimal(found))
        case Kind.INTEGER:
            # pandas makes floats of an integer column with gaps; whole ones are exact.
            is_float = optional and pa.types.is_floating(found)
            return bool(is_integer or is_float)
        case Kind.BOOLEAN:
            return bool(pa.types.is_boolean(found))
        case Kind.JSON:
            return bool(is_text or pa.types.is_struct(found))
