"""Columns of a fill: the exchange's names, the table's names, and their types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

from loaders.errors import ObjectError


class Kind(Enum):
    """The accepted values of a column, and the Arrow type they are sent as."""

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

        Decimals are sent as validated text, so every digit reaches the server's
        ``numeric``; a decimal type would need a fixed scale.
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
    Field("deployerFee", "deployer_fee", Kind.DECIMAL),
    Field("priorityGas", "priority_gas", Kind.DECIMAL),
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


def _plain_name(name: str) -> str:
    """Normalise a name: Athena and Glue write all names in lower case."""
    return name.strip().replace("_", "").lower()


_BY_NAME = {
    _plain_name(name): field for field in FIELDS for name in (field.name, field.column)
}


def field_called(name: str) -> Field | None:
    """Find a field by the exchange's name or the table's, in any spelling."""
    return _BY_NAME.get(_plain_name(name))


def match_columns(
    names: Iterable[str], given: Iterable[Field] = ()
) -> tuple[dict[str, Field], list[str]]:
    """Find the fields among the columns of a file.

    Parameters
    ----------
    names
        Column names of the file, the exchange's or the table's; case, underscores and
        blanks around a name do not count.
    given
        Fields whose value is known from elsewhere.

    Returns
    -------
    tuple
        Field by the file's column name, and the unknown names.

    Raises
    ------
    ObjectError
        A required column is missing, or a column occurs twice.
    """
    matched: dict[str, Field] = {}
    unknown = []
    for name in names:
        match = field_called(name)
        if match is None:
            unknown.append(name)
        elif match in matched.values():
            first = next(each for each in matched if matched[each] == match)
            twice = " / ".join(dict.fromkeys((first, name)))
            raise ObjectError(f"column {twice} is there twice")
        else:
            matched[name] = match
    found = {*matched.values(), *given}
    missing = [f.name for f in FIELDS if f.required and f not in found]
    if missing:
        plural = "columns" if len(missing) > 1 else "column"
        way_out = "; whose fills they are says --user 0x…" if "user" in missing else ""
        raise ObjectError(f"required {plural} missing: {', '.join(missing)}{way_out}")
    return matched, unknown


def given_values(given: Mapping[str, str]) -> dict[Field, Any]:
    """Convert the values that are given for all rows of an object.

    Parameters
    ----------
    given
        Value by name, such as ``coin`` of a folder ``coin=BTC``; unknown names are
        ignored.

    Raises
    ------
    ObjectError
        A value does not fit its column, or a column is given twice.
    """
    values: dict[Field, Any] = {}
    for name, text in given.items():
        field = field_called(name)
        if field is None:
            continue
        if field in values:
            raise ObjectError(f"two folders give the column {field.name}")
        try:
            values[field] = _VALUES.get(field.kind, str)(text)
        except (KeyError, ValueError):
            raise ObjectError(
                f"folder {name}={text}: expected {field.kind.value}"
            ) from None
    return values


#: Converters of a folder's text; text of other kinds is not converted.
_VALUES: dict[Kind, Callable[[str], Any]] = {
    Kind.MILLISECONDS: int,
    Kind.INTEGER: int,
    Kind.BOOLEAN: lambda text: {"true": True, "false": False}[text.lower()],
}


def check_type(name: str, kind: Kind, found: pa.DataType) -> None:
    """Raise an error if the Arrow type of a column cannot hold its values.

    Raises
    ------
    ObjectError
        Names the column, its type, and what was expected.
    """
    stored = found.value_type if pa.types.is_dictionary(found) else found
    if isinstance(stored, pa.BaseExtensionType):
        stored = stored.storage_type
    if pa.types.is_null(stored) or _accepts(kind, stored):
        return
    raise ObjectError(f"column {name} is {found}; expected {kind.value}")


def _accepts(kind: Kind, found: pa.DataType) -> bool:
    is_text = (
        pa.types.is_string(found)
        or pa.types.is_large_string(found)
        or pa.types.is_string_view(found)
        # Some tools write text as bytes without a logical type.
        or pa.types.is_binary(found)
        or pa.types.is_large_binary(found)
        or pa.types.is_binary_view(found)
    )
    is_integer = pa.types.is_integer(found)
    is_instant = pa.types.is_timestamp(found)
    match kind:
        case Kind.TEXT:
            return bool(is_text or pa.types.is_fixed_size_binary(found))
        case Kind.MILLISECONDS:
            return bool(is_integer or is_instant)
        case Kind.TIMESTAMP:
            return bool(is_integer or is_instant or is_text)
        case Kind.DECIMAL:
            return bool(is_text or is_integer or pa.types.is_decimal(found))
        case Kind.INTEGER:
            # pandas makes floats of an integer column with gaps.
            is_float = pa.types.is_float64(found) or pa.types.is_float32(found)
            is_number = is_integer or is_float or pa.types.is_decimal(found)
            return bool(is_number or is_text)
        case Kind.BOOLEAN:
            return bool(pa.types.is_boolean(found))
        case Kind.JSON:
            is_nested = pa.types.is_struct(found) or pa.types.is_map(found)
            return bool(is_text or is_nested)
