"""Side files: what a reader of the recordings should have found."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from simulation.ticks.market import MINUTE_US
from simulation.ticks.patterns import PATTERN_MINUTES, Occurrence
from simulation.ticks.recordings import FileRecord
from simulation.ticks.venues import Kind, Venue

PRICE = pa.decimal128(18, 8)
VOLUME = pa.decimal128(24, 12)
SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("source_seq", pa.int64()),
        ("ts", pa.timestamp("us", tz="UTC")),
        ("price", PRICE),
        ("volume", VOLUME),
        ("side", pa.int16()),
    ]
)
_GAP_COLUMNS = (
    *("exchange", "seq_before", "seq_after", "missing"),
    *("ts_before", "ts_after", "cause"),
)
Hole = tuple[int, int]


class Truth:
    """Collects the truth and writes it beside the recordings.

    Parameters
    ----------
    folder : Path
    holes : dict of str to list of (int, int)
        By venue: when nothing was recorded, µs.
    """

    def __init__(self, folder: Path, holes: dict[str, list[Hole]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._holes = holes
        self._ends: dict[str, npt.NDArray[Any]] = {}
        self._gaps: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self._writer = pq.ParquetWriter(
            folder / "ticks.parquet",
            SCHEMA,
            compression="zstd",
            use_dictionary=["exchange", "side"],
        )

    def add(self, venue: Venue, rows: npt.NDArray[Any]) -> None:
        """Append a venue's rows, which must be later than all before them.

        Parameters
        ----------
        venue : Venue
        rows : ndarray of `TICK`
        """
        rows = rows[rows["kind"] == Kind.TRADE]
        if len(rows) == 0:
            return
        price = rows["price"] * 10 ** (8 - venue.price_places)
        table = pa.table(
            {
                "exchange": pa.repeat(venue.name, len(rows)),
                "source_seq": pa.array(rows["seq"]),
                "ts": pa.array(rows["ts"]).cast(SCHEMA.field("ts").type),
                "price": _decimals(price, PRICE),
                "volume": _decimals(_volumes(venue, rows), VOLUME),
                "side": pa.array(rows["side"].astype(np.int16)),
            },
            schema=SCHEMA,
        )
        self._writer.write_table(table)
        if venue.is_consecutive:
            self._add_gaps(venue, rows)
        self._counts[venue.name] += len(rows)
        self._counts["same_millisecond"] += _repeats(rows["ts"] // 1000)
        self._ends[venue.name] = rows[-1:]

    def _add_gaps(self, venue: Venue, rows: npt.NDArray[Any]) -> None:
        """List the jumps of ids, those behind the last batch included.

        Their cause is `not_recorded`, or `no_trade`: the id of a row that is no market
        trade, which a reader that sees the row need not call a gap.
        """
        before = self._ends.get(venue.name, rows[:1])
        rows = np.concatenate([before, rows])
        for place in np.flatnonzero(np.diff(rows["seq"]) > 1):
            one, other = rows[place], rows[place + 1]
            is_hole = any(
                one["ts"] < last and first <= other["ts"]
                for first, last in self._holes[venue.name]
            )
            self._gaps.append(
                {
                    "exchange": venue.name,
                    "seq_before": int(one["seq"]),
                    "seq_after": int(other["seq"]),
                    "missing": int(other["seq"] - one["seq"] - 1),
                    "ts_before": _time(one["ts"]),
                    "ts_after": _time(other["ts"]),
                    "cause": "not_recorded" if is_hole else "no_trade",
                }
            )

    def finish(
        self,
        start: int,
        occurrences: list[Occurrence],
        files: list[FileRecord],
        settings: dict[str, Any],
    ) -> dict[str, Any]:
        """Write gaps, patterns, files and the summary.

        Parameters
        ----------
        start : int
            Of the tape, µs since the epoch.
        occurrences : list of Occurrence
        files : list of FileRecord
        settings : dict
            What the simulation was asked for; goes into the summary.

        Returns
        -------
        dict
            The content of `summary.json`.
        """
        self._writer.close()
        self._write("gaps.csv", _GAP_COLUMNS, self._gaps)
        starts = [start + each.minute * MINUTE_US for each in occurrences]
        self._write(
            "patterns.csv",
            ("pattern", "start_at", "end_at", "amplitude", "log_return_15m_after"),
            (
                {
                    "pattern": each.shape.name,
                    "start_at": _time(first),
                    "end_at": _time(first + PATTERN_MINUTES * MINUTE_US),
                    "amplitude": f"{each.amplitude:.6f}",
                    "log_return_15m_after": (
                        "" if each.follow is None else f"{each.follow:.6f}"
                    ),
                }
                for each, first in zip(occurrences, starts, strict=True)
            ),
        )
        self._write(
            "files.csv",
            [field.name for field in fields(FileRecord)],
            (asdict(record) for record in files),
        )
        summary = {
            **settings,
            "gaps": len(self._gaps),
            "pattern_occurrences": len(occurrences),
            "files": len(files),
            "lines_of_ticks": sum(record.ticks for record in files),
            "book_lines": sum(record.book_lines for record in files),
            "bad_lines": sum(record.bad_lines for record in files),
            "distinct_ticks": dict(sorted(self._counts.items())),
        }
        summary["same_millisecond"] = summary["distinct_ticks"].pop("same_millisecond")
        text = json.dumps(summary, indent=2) + "\n"
        (self._folder / "summary.json").write_text(text)
        return summary

    def _write(
        self, name: str, columns: Iterable[str], rows: Iterable[dict[str, Any]]
    ) -> None:
        with (self._folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(columns), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(int(microseconds) / 1e6, UTC).isoformat(
        timespec="microseconds"
    )


def _repeats(values: npt.NDArray[np.int64]) -> int:
    """Count the values that equal a neighbour."""
    same = np.diff(values) == 0
    return int(np.count_nonzero(np.append(same, False) | np.append(False, same)))


def _volumes(venue: Venue, rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return volumes in 10 ** -12 BTC; contracts at the trade's price, half-even."""
    if not venue.contract_usd:
        sizes: npt.NDArray[np.int64] = rows["size"] * 10 ** (12 - venue.size_places)
        return sizes
    # A long division: the whole numerator would not fit in 64 bits.
    dollars = rows["size"] * venue.contract_usd * 10**venue.price_places
    price = rows["price"]
    whole, rest = np.divmod(dollars * 10**6, price)
    part, rest = np.divmod(rest * 10**6, price)
    volumes: npt.NDArray[np.int64] = whole * 10**6 + part
    volumes += (2 * rest > price) | ((2 * rest == price) & (volumes % 2 == 1))
    return volumes


def _decimals(values: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Make decimals of scaled integers that are not negative."""
    words = np.zeros((len(values), 2), dtype=np.int64)
    words[:, 0] = values
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(words)])
