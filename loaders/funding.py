"""The funding rates of Hyperliquid: their table, and the formats they come in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from loaders.chunk import Chunk, Table
from loaders.errors import ObjectError
from loaders.hyperliquid import from_milliseconds, recogniser, to_milliseconds
from loaders.lines import read_lines, read_values, split_json
from loaders.statements import Statement

_COLUMNS = ("time", "coin", "rate", "source")
#: Bytes of text that a statement reads at once, for any length of line.
_BATCH_BYTES = 1 << 19


def read_funding_history(
    path: Path,
    kept_from: datetime | None = None,
    given: Mapping[str, str] | None = None,
) -> Iterator[Chunk]:
    """Read answers of `fundingHistory`: see `loaders.chunk.Table.readers`.

    Row numbers count the entries of the object.

    Raises
    ------
    ObjectError
        Damaged or cut short; not UTF-8; no row is valid.
    """
    statement = Statement("funding_history", _COLUMNS, kept_from)
    first_row = 1
    for lines, progress in _batches(path):
        found = statement.select(lines)
        numbers = pa.array(range(first_row, first_row + found.num_rows), pa.int64())
        place = found.schema.get_field_index("line_number")
        found = found.set_column(place, "line_number", numbers)
        first_row += found.num_rows
        yield statement.chunk(found, progress)
    statement.check()


def _batches(path: Path) -> Iterator[tuple[pa.Table, float]]:
    """Yield batches of the JSON values of an object, ``line_number`` and ``line``."""
    numbers: list[int] = []
    texts: list[str] = []
    size, progress = 0, 0.0
    for number, text, progress in read_values(path):
        try:
            texts.append(text.decode())
        except UnicodeDecodeError:
            raise ObjectError(f"line {number} is not UTF-8") from None
        numbers.append(number)
        size += len(text)
        if size >= _BATCH_BYTES:
            yield pa.table({"line_number": numbers, "line": texts}), progress
            numbers, texts, size = [], [], 0
    if texts:
        yield pa.table({"line_number": numbers, "line": texts}), progress


def read_misc_events(
    path: Path,
    kept_from: datetime | None = None,
    given: Mapping[str, str] | None = None,
) -> Iterator[Chunk]:
    """Read the funding payments of `misc_events_by_block`.

    A payment contains the rate that all positions of the coin pay in that hour, so
    there is one row per coin and hour. The last chunk has all valid rows. A line may
    have some 100,000 payments; `loaders.lines.split_json` splits it into shorter ones.

    Raises
    ------
    ObjectError
        Damaged or cut short; no row is valid.
    """
    statement = Statement("misc_events", _COLUMNS, kept_from)
    rates: _Rates = defaultdict(dict)
    for lines in read_lines(path, _BATCH_BYTES, split_json):
        found = statement.select(lines.table())
        refused, skipped = [], 0
        for row in found.to_pylist():
            if row["is_skipped"]:
                skipped += row["row_count"]
            elif row["reason"] is not None:
                refused.append(row)
            else:
                first = rates[row["time"], row["coin"]].setdefault(row["rate"], row)
                if first is not row:
                    first["row_count"] += row["row_count"]
        bad = pa.Table.from_pylist(refused, found.schema)
        bad = bad.append_column("source", pa.nulls(len(bad), pa.string()))
        yield statement.chunk(bad, lines.progress, lines.damaged_rows(), skipped)
    rows = pa.Table.from_pylist([_row(rates[key]) for key in sorted(rates)], _ROWS)
    yield statement.chunk(rows, 1.0)
    statement.check()


#: Rows of a statement by hour and coin, then by rate.
_Rates = dict[tuple[int, str], dict[str, dict[str, Any]]]
_ROWS = pa.schema(
    [
        ("line_number", pa.int64()),
        ("time", pa.int64()),
        *(
            (name, pa.string())
            for name in ("coin", "rate", "source", "reason", "refused")
        ),
    ]
)


def _row(by_rate: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Make the row of a coin and hour; it is refused if the payments disagree."""
    first = next(iter(by_rate.values()))
    row = {name: first[name] for name in ("line_number", "time", "coin", "rate")}
    row["source"] = "misc_events"
    if len(by_rate) > 1:
        hour = from_milliseconds(row["time"]).isoformat()
        counts = (f"{rate} ({each['row_count']:,})" for rate, each in by_rate.items())
        row["reason"] = (
            f"funding_rate: payments of {row['coin']} at {hour} disagree: "
            f"{', '.join(counts)}"
        )
        row["refused"] = first["refused"]
    return row


FUNDING = Table(
    relation="hyperliquid.funding_rates",
    time_column="time",
    to_datetime=from_milliseconds,
    from_datetime=to_milliseconds,
    readers={
        "funding_history": read_funding_history,
        "misc_events": read_misc_events,
    },
    suffixes={".json": "funding_history", ".lz4": "misc_events"},
    recognise=recogniser("funding", "misc_events"),
    keys={("time", "coin"): "true"},
    # The source of a rate is no conflict; it is replaced together with the rate.
    differences={"source": "false"},
    taken={"source": "here.rate <> stored.rate"},
)
