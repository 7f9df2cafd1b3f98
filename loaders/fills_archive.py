"""Read fills from JSON: the exchange's archive, answers of its API, one fill per line.

Each line has one JSON value in one of these forms; the text may be compressed with LZ4,
gzip or zip::

    {"local_time": …, "block_time": "2025-07-27T08:50:10.334741319",
     "block_number": 676607012, "events": [["0x…user", {"coin": …, "px": …}], …]}

    ["0x…user", {"coin": …, "px": …}]

    {"user": "0x…", "coin": …, "px": …}

    [{"coin": …, "px": …}, …]

The first is a line of ``node_fills_by_block``, the second of the older ``node_fills``.
The last is an answer of ``userFills`` or ``userFillsByTime``, which may be written over
several lines and names no user.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from loaders.chunk import CHUNK_ROWS, Chunk
from loaders.convert import whole_number
from loaders.errors import ObjectError
from loaders.fills_schema import FIELDS, Kind, field_called, given_values
from loaders.lines import read_values
from loaders.validate import falls, split_fills

_BY_NAME = {f.name: f for f in FIELDS}
_INTEGERS = tuple(f.name for f in FIELDS if f.kind in (Kind.INTEGER, Kind.MILLISECONDS))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Python types that need no check: asking Arrow for each value takes 20 times as long.
_FITS = {
    *((str, kind) for kind in (Kind.TEXT, Kind.DECIMAL, Kind.JSON, Kind.TIMESTAMP)),
    (bool, Kind.BOOLEAN),
}
#: Errors that mean that a value does not fit its column.
_NOT_FITTING = (pa.ArrowException, TypeError, ValueError, OverflowError)
_BLOCK_FIELDS = ("block_number", "block_time", "event_index")


def _json_type(kind: Kind) -> pa.DataType:
    # Times stay the integers and strings of the JSON here; `split_fills` converts them.
    return pa.string() if kind is Kind.TIMESTAMP else kind.arrow_type


_FILL_TYPE = pa.struct(
    [
        (f.name, _json_type(f.kind))
        for f in FIELDS
        if f.name not in (*_BLOCK_FIELDS, "user")
    ]
)


class _UserMissing(Exception):
    """Neither the fill nor the command line names the user."""


class _Events:
    """Collects the events of consecutive lines until they make a batch.

    Parameters
    ----------
    given
        Values for fills that lack them, by field.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        # A node may write a block over several lines, or the same line twice.
        self._counts: Counter[int] = Counter()
        self._starts: dict[tuple[int, int], int] = {}
        self._first_row = 1
        self.clear()

    def __len__(self) -> int:
        return len(self.users)

    def clear(self) -> None:
        """Start the next batch."""
        self.users: list[Any] = []
        self.fills: list[Any] = []
        self.block_numbers: list[Any] = []
        self.block_times: list[Any] = []
        self.indices: list[Any] = []

    def add(self, line: bytes) -> None:
        """Add the fills of a line.

        Raises
        ------
        KeyError, TypeError, ValueError
            The line has none of the forms.
        """
        content = orjson.loads(line)
        match content:
            case {"events": events}:
                self._add_block(content, events, hash(line))
            case [str(user), fill]:
                self._add(user, fill)
            case dict():
                self._add_fill(content, None)
            case list():
                self._add_answer(content)
            case _:
                raise TypeError(f"{type(content).__name__} is no object and no array")

    def _add_block(self, block: dict[str, Any], events: list[Any], line: int) -> None:
        number, time = block["block_number"], block["block_time"]
        if not events:
            return
        users, fills = zip(*events, strict=True)
        count = len(events)
        start = self._starts.get((number, line))
        if start is None:
            start = self._starts[number, line] = self._counts[number]
            self._counts[number] += count
        self.users.extend(users)
        self.fills.extend(fills)
        self.block_numbers.extend([number] * count)
        self.block_times.extend([time] * count)
        self.indices.extend(range(start, start + count))

    def _add_answer(self, fills: Sequence[Any]) -> None:
        """Add an answer of the API.

        Places grow with time; `userFills` lists the newest fill first.
        """
        if not all(isinstance(fill, dict) for fill in fills):
            raise TypeError("an array of something else than fills")
        first, last = self._first_row + len(self), len(fills) - 1
        fills = [_in_the_exchanges_names(fill) for fill in fills]
        is_falling = falls([fill.get("time") for fill in fills])
        for place, fill in enumerate(fills):
            self._add_fill(fill, first + (last - place if is_falling else place))

    def _add_fill(self, fill: dict[str, Any], place: int | None) -> None:
        named = {**self._given, **_in_the_exchanges_names(fill)}
        if "coin" not in named and "px" not in named:
            raise ValueError("an object without events, and no fill")
        user = named.get("user") or self._given.get("user")
        if user is None:
            raise _UserMissing
        number, index = named.get("block_number"), named.get("event_index")
        if number is None and index is None:
            index = place
        self._add(user, named, number, named.get("block_time"), index)

    def _add(
        self, user: Any, fill: Any, number: Any = None, time: Any = None, i: Any = None
    ) -> None:
        self.users.append(user)
        self.fills.append(fill)
        self.block_numbers.append(number)
        self.block_times.append(time)
        self.indices.append(i)

    def chunk(self, progress: float, kept_from: datetime | None) -> Chunk:
        """Validate the collected events, and start the next batch."""
        chunk = _chunk(self, self._first_row, progress, kept_from)
        self._first_row += len(self)
        self.clear()
        return chunk


def read_fills_archive(
    path: Path,
    kept_from: datetime | None = None,
    given: Mapping[str, str] | None = None,
) -> Iterator[Chunk]:
    """Read fills as JSON in batches of bounded size.

    Parameters
    ----------
    path
        A local file: an hour of the archive (``H.lz4``), or any other of the forms
        above.
    kept_from
        Refuse fills older than this, as late.
    given
        Values by column for fills that lack them, such as the ``user`` of an answer of
        the API.

    Yields
    ------
    Chunk
        About `CHUNK_ROWS` fills of whole lines, in the order of the file. Row numbers
        count the fills of the object.

    Raises
    ------
    ObjectError
        The file is damaged or cut short; a line has none of the forms or is too long; a
        fill has no user.
    """
    if path.stat().st_size == 0:
        raise ObjectError("the file is empty")
    values = given_values(given or {})
    events = _Events({field.name: value for field, value in values.items()})
    number = 0
    for number, line, progress in read_values(path):
        try:
            events.add(line)
        except _UserMissing:
            raise ObjectError(
                f"line {number}: the fills do not name their user; whose they are says "
                "--user 0x… (an answer of the API is of one user)"
            ) from None
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ObjectError(
                f"line {number} is not a block of the archive, nor a fill or an array "
                f"of fills ({type(error).__name__}: {error})"
            ) from error
        if len(events) >= CHUNK_ROWS:
            yield events.chunk(progress, kept_from)
    if not number:
        raise ObjectError("there is no line in it")
    if len(events):
        yield events.chunk(1.0, kept_from)


def _in_the_exchanges_names(fill: dict[str, Any]) -> dict[str, Any]:
    if fill.keys() <= _BY_NAME.keys():
        return fill
    named = {_exchanges_name(key): value for key, value in fill.items()}
    if len(named) < len(fill):
        raise ValueError("a fill has one of its values twice")
    return named


@lru_cache(maxsize=1_000)
def _exchanges_name(key: str) -> str:
    field = field_called(key)
    return key if field is None else field.name


def _chunk(
    events: _Events, first_row: int, progress: float, kept_from: datetime | None
) -> Chunk:
    for fill in events.fills:
        if isinstance(fill, dict) and not isinstance(
            found := fill.get("liquidation"), str | None
        ):
            fill["liquidation"] = orjson.dumps(found).decode()
    fills, users, refused = _typed(events)
    columns = {
        name: (_BY_NAME[name], array)
        for name, array in zip(fills.type.names, fills.flatten(), strict=True)
    }
    columns["user"] = (_BY_NAME["user"], users)
    for name, values in (
        ("block_number", events.block_numbers),
        ("block_time", events.block_times),
        ("event_index", events.indices),
    ):
        columns[name] = (_BY_NAME[name], _typed_column(name, values, refused))

    def raw_row(index: int) -> dict[str, Any]:
        return {
            "block_number": events.block_numbers[index],
            "block_time": events.block_times[index],
            "event_index": events.indices[index],
            "event": [events.users[index], events.fills[index]],
        }

    rows, bad = split_fills(columns, raw_row, first_row, refused, kept_from=kept_from)
    return Chunk(rows, len(events), min(1.0, progress), bad)


def _typed_column(name: str, values: list[Any], refused: dict[int, str]) -> pa.Array:
    arrow_type = _json_type(_BY_NAME[name].kind)
    try:
        if float not in set(map(type, values)):
            return pa.array(values, arrow_type)
    except (pa.ArrowException, TypeError, OverflowError):
        pass
    fitting: list[Any] = []
    for row, value in enumerate(values):
        try:
            fitting.append(_fitting(name, value))
        except _NOT_FITTING:
            refused.setdefault(row, _expected(name, value))
            fitting.append(None)
    return pa.array(fitting, arrow_type)


def _typed(events: _Events) -> tuple[pa.StructArray, pa.Array, dict[int, str]]:
    """Convert a whole batch at once, or value by value if something does not fit."""
    try:
        users = pa.array(events.users, pa.string())
        fills = pa.array(events.fills, _FILL_TYPE)
        if not _has_floats(events.fills):
            return fills, users, {}
    except (pa.ArrowException, TypeError, OverflowError):
        pass
    refused: dict[int, str] = {}
    fitting: list[Any] = []
    names: list[str | None] = []
    for row, (user, fill) in enumerate(zip(events.users, events.fills, strict=True)):
        found, complaint = _fitting_fill(user, fill)
        if complaint is not None:
            refused[row] = complaint
        fitting.append(found)
        names.append(user if complaint is None else None)
    return pa.array(fitting, _FILL_TYPE), pa.array(names, pa.string()), refused


def _has_floats(fills: list[Any]) -> bool:
    """Return whether an integer field has a float: Arrow would cut off its fraction."""
    return any(
        float in {type(fill.get(name)) for fill in fills if isinstance(fill, dict)}
        for name in _INTEGERS
    )


def _fitting_fill(user: Any, fill: Any) -> tuple[dict[str, Any] | None, str | None]:
    if not isinstance(user, str | None):
        return None, f"user: expected a string ({user!r})"
    if not isinstance(fill, dict):
        return None, f"event: expected an object ({fill!r})"
    found = {}
    for member in _FILL_TYPE:
        value = fill.get(member.name)
        try:
            found[member.name] = _fitting(member.name, value)
        except _NOT_FITTING:
            return None, _expected(member.name, value)
    return found, None


def _fitting(name: str, value: Any) -> Any:
    """Return a value as its column's type; raise an error if it does not fit."""
    field = _BY_NAME[name]
    if value is None or (type(value), field.kind) in _FITS:
        return value
    if isinstance(value, str) and not field.required and not value.strip():
        return None
    match field.kind, value:
        case Kind.DECIMAL, int() if not isinstance(value, bool):
            value = str(value)
        case Kind.TIMESTAMP, int() if not isinstance(value, bool):
            value = (_EPOCH + timedelta(milliseconds=value)).isoformat()
        case (Kind.INTEGER, str()) | (Kind.INTEGER | Kind.MILLISECONDS, float()):
            value = whole_number(value)
            if value is None:
                raise ValueError
    pa.array([value], _json_type(field.kind))
    return value


def _expected(name: str, value: Any) -> str:
    return f"{name}: expected {_BY_NAME[name].kind.value} ({value!r})"
