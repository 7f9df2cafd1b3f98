"""Fills from the exchange's own archive, ``node_fills_by_block``.

An object is an LZ4 frame of JSON lines, one block per line::

    {"local_time": …, "block_time": "2025-07-27T08:50:10.334741319",
     "block_number": 676607012, "events": [["0x…user", {"coin": …, "px": …}], …]}
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import lz4.frame
import orjson
import pyarrow as pa

from loaders.chunk import CHUNK_ROWS, Chunk
from loaders.errors import ObjectError
from loaders.fills_schema import FIELDS, Kind
from loaders.validate import split_fills

_READ_BYTES = 4 << 20
_BY_NAME = {f.name: f for f in FIELDS}
_BLOCK_FIELDS = ("block_number", "block_time", "event_index")


def _json_type(kind: Kind) -> pa.DataType:
    # Times come as the integers and strings of the JSON; converted with the rest.
    return pa.string() if kind is Kind.TIMESTAMP else kind.arrow_type


_FILL_TYPE = pa.struct(
    [
        (f.name, _json_type(f.kind))
        for f in FIELDS
        if f.name not in (*_BLOCK_FIELDS, "user")
    ]
)


class _Events:
    """Events of consecutive blocks, gathered until they make a batch."""

    def __init__(self) -> None:
        self.users: list[Any] = []
        self.fills: list[Any] = []
        self.block_numbers: list[Any] = []
        self.block_times: list[Any] = []
        self.indices: list[int] = []

    def __len__(self) -> int:
        return len(self.users)

    def add_block(self, block: dict[str, Any]) -> None:
        events = block["events"]
        if not events:
            return
        users, fills = zip(*events, strict=True)
        self.users.extend(users)
        self.fills.extend(fills)
        count = len(events)
        self.block_numbers.extend([block["block_number"]] * count)
        self.block_times.extend([block["block_time"]] * count)
        self.indices.extend(range(count))


def read_fills_archive(
    path: Path, kept_from: datetime | None = None
) -> Iterator[Chunk]:
    """Read an hour of the exchange's archive in batches of bounded size.

    Parameters
    ----------
    path
        A local file, ``H.lz4``.
    kept_from
        Refuse fills older than this, as late.

    Yields
    ------
    Chunk
        Some `CHUNK_ROWS` fills each, whole blocks, in the order of the file; a row
        number counts the events of the object.

    Raises
    ------
    ObjectError
        Not an LZ4 frame, cut short, or a line that is not a block.
    """
    size = max(1, path.stat().st_size)
    first_row = 1
    with open(path, "rb") as compressed:
        events = _Events()
        for number, line in enumerate(_lines(compressed), start=1):
            try:
                events.add_block(orjson.loads(line))
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
                raise ObjectError(
                    f"line {number} is not a block of the archive "
                    f"({type(error).__name__}: {error})"
                ) from error
            if len(events) >= CHUNK_ROWS:
                yield _chunk(events, first_row, compressed.tell() / size, kept_from)
                first_row += len(events)
                events = _Events()
        if len(events):
            yield _chunk(events, first_row, 1.0, kept_from)


def _lines(compressed: BinaryIO) -> Iterator[bytes]:
    rest = b""
    for data in _decompressed(compressed):
        lines = (rest + data).split(b"\n") if rest else data.split(b"\n")
        rest = lines.pop()
        yield from filter(None, lines)
    if rest:
        yield rest


def _decompressed(compressed: BinaryIO) -> Iterator[bytes]:
    """Inflate piece by piece; a file that ends inside a frame is an error."""
    try:
        if os.fstat(compressed.fileno()).st_size == 0:
            raise EOFError("the file is empty")
        with lz4.frame.open(compressed, "rb") as frame:
            while data := frame.read(_READ_BYTES):
                yield data
    except (EOFError, RuntimeError) as error:
        raise ObjectError(f"not a whole LZ4 frame: {error}") from error


def _chunk(
    events: _Events, first_row: int, progress: float, kept_from: datetime | None
) -> Chunk:
    for fill in events.fills:
        if isinstance(fill, dict) and fill.get("liquidation") is not None:
            fill["liquidation"] = orjson.dumps(fill["liquidation"]).decode()
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
        columns[name] = (_BY_NAME[name], _typed_column(name, values))

    def raw_row(index: int) -> dict[str, Any]:
        return {
            "block_number": events.block_numbers[index],
            "block_time": events.block_times[index],
            "event_index": events.indices[index],
            "event": [events.users[index], events.fills[index]],
        }

    rows, bad = split_fills(columns, raw_row, first_row, refused, kept_from=kept_from)
    return Chunk(rows, len(events), min(1.0, progress), bad)


def _typed_column(name: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, _json_type(_BY_NAME[name].kind))
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise ObjectError(f"{name} of a block: {error}") from error


def _typed(events: _Events) -> tuple[pa.StructArray, pa.Array, dict[int, str]]:
    """Type a whole batch at once; value by value only where something does not fit."""
    try:
        users = pa.array(events.users, pa.string())
        return pa.array(events.fills, _FILL_TYPE), users, {}
    except (pa.ArrowException, TypeError, OverflowError):
        refused: dict[int, str] = {}
        fills: list[Any] = []
        names: list[str | None] = []
        for row, (user, fill) in enumerate(
            zip(events.users, events.fills, strict=True)
        ):
            complaint = _complaint(user, fill)
            if complaint is not None:
                refused[row] = complaint
            fills.append(fill if complaint is None else None)
            names.append(user if complaint is None else None)
        return pa.array(fills, _FILL_TYPE), pa.array(names, pa.string()), refused


def _complaint(user: Any, fill: Any) -> str | None:
    if not isinstance(user, str | None):
        return f"user: expected a string ({user!r})"
    if not isinstance(fill, dict):
        return f"event: expected an object ({fill!r})"
    for member in _FILL_TYPE:
        value = fill.get(member.name)
        try:
            pa.array([value], member.type)
        except (pa.ArrowException, TypeError, OverflowError):
            expected = _BY_NAME[member.name].kind.value
            return f"{member.name}: expected {expected} ({value!r})"
    return None
