"""Truth files: what a correct reader of the recordings finds."""

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

from simulation.ticks.market import MINUTE_US, SECOND_US
from simulation.ticks.patterns import PATTERN_MINUTES, Occurrence
from simulation.ticks.recordings import FileRecord
from simulation.ticks.venues import TRADE, Venue

SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("source_seq", pa.int64()),
        ("ts", pa.timestamp("us", tz="UTC")),
        ("price", pa.decimal128(18, 8)),
        ("volume", pa.decimal128(24, 12)),
        ("side", pa.int16()),
    ]
)
_GAP_COLUMNS = (
    *("exchange", "seq_before", "seq_after", "missing"),
    *("ts_before", "ts_after", "cause"),
)
_PATTERN_COLUMNS = (
    *("pattern", "start_at", "end_at", "amplitude", "log_return_15m_after"),
)
Hole = tuple[int, int]


class Truth:
    """Collects the truth and writes it beside the recordings.

    Parameters
    ----------
    folder : Path
    start : int
        Of the tape, µs since the epoch.
    holes : dict of str to list of (int, int)
        By venue: seconds of the tape in which nothing was recorded.
    """

    def __init__(self, folder: Path, start: int, holes: dict[str, list[Hole]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._start = start
        self._holes = holes
        self._ends: dict[str, npt.NDArray[Any]] = {}
        self._gaps: list[tuple[Any, ...]] = []
        self._counts: Counter[str] = Counter()
        self._same_millisecond = 0
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
        rows = rows[rows["kind"] == TRADE]
        if len(rows) == 0:
            return
        columns = {
            "exchange": pa.repeat(venue.name, len(rows)),
            "source_seq": pa.array(rows["seq"]),
            "ts": pa.array(rows["ts"]).cast(SCHEMA.field("ts").type),
            "price": _decimals(rows["price"] * 10 ** (8 - venue.price_places), "price"),
            "volume": _decimals(_volumes(venue, rows), "volume"),
            "side": pa.array(rows["side"].astype(np.int16)),
        }
        self._writer.write_table(pa.table(columns, schema=SCHEMA))
        if venue.is_consecutive:
            self._add_gaps(venue, rows)
        self._counts[venue.name] += len(rows)
        same = np.diff(rows["ts"] // 1000) == 0
        shared = np.append(same, False) | np.append(False, same)
        self._same_millisecond += int(np.count_nonzero(shared))
        self._ends[venue.name] = rows[-1:]

    def _add_gaps(self, venue: Venue, rows: npt.NDArray[Any]) -> None:
        """List the jumps of ids, those behind the last batch included.

        Their cause is `not_recorded` or `no_trade`. The latter are ids of rows that are
        no market trades; they are not gaps for a reader that sees these rows.
        """
        rows = np.concatenate([self._ends.get(venue.name, rows[:1]), rows])
        for place in np.flatnonzero(np.diff(rows["seq"]) > 1):
            seqs, times = rows["seq"][place : place + 2], rows["ts"][place : place + 2]
            before, after = (times - self._start) / SECOND_US
            is_hole = any(
                before < last and first <= after
                for first, last in self._holes[venue.name]
            )
            cause = "not_recorded" if is_hole else "no_trade"
            missing = seqs[1] - seqs[0] - 1
            self._gaps.append((venue.name, *seqs, missing, *map(_time, times), cause))

    def finish(
        self,
        occurrences: list[Occurrence],
        files: list[FileRecord],
        settings: dict[str, Any],
    ) -> dict[str, Any]:
        """Write gaps, patterns, files and the summary.

        Parameters
        ----------
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
        self._write("gaps", _GAP_COLUMNS, self._gaps)
        self._write(
            "patterns", _PATTERN_COLUMNS, (_row(o, self._start) for o in occurrences)
        )
        columns = [field.name for field in fields(FileRecord)]
        self._write("files", columns, (asdict(file).values() for file in files))
        summary = {
            **settings,
            "gaps": len(self._gaps),
            "pattern_occurrences": len(occurrences),
            "files": len(files),
            "lines_of_ticks": sum(file.ticks for file in files),
            "book_lines": sum(file.book_lines for file in files),
            "bad_lines": sum(file.bad_lines for file in files),
            "distinct_ticks": dict(sorted(self._counts.items())),
            "same_millisecond": self._same_millisecond,
        }
        text = json.dumps(summary, indent=2) + "\n"
        (self._folder / "summary.json").write_text(text)
        return summary

    def _write(
        self, name: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]
    ) -> None:
        with (self._folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)


def _row(occurrence: Occurrence, start: int) -> tuple[str, ...]:
    first = start + occurrence.minute * MINUTE_US
    last = first + PATTERN_MINUTES * MINUTE_US
    follow = "" if occurrence.follow is None else f"{occurrence.follow:.6f}"
    amplitude = f"{occurrence.amplitude:.6f}"
    return occurrence.shape.name, _time(first), _time(last), amplitude, follow


def _time(microseconds: int) -> str:
    moment = datetime.fromtimestamp(int(microseconds) / 1e6, UTC)
    return moment.isoformat(timespec="microseconds")


def _volumes(venue: Venue, rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return volumes in 10 ** -12 BTC; contracts at the trade's price, half-even."""
    if not venue.contract_usd:
        return np.asarray(rows["size"] * 10 ** (12 - venue.size_places))
    # A long division: the whole numerator would not fit in 64 bits.
    dollars = rows["size"] * venue.contract_usd * 10**venue.price_places
    price = rows["price"]
    whole, rest = np.divmod(dollars * 10**6, price)
    part, rest = np.divmod(rest * 10**6, price)
    volumes: npt.NDArray[np.int64] = whole * 10**6 + part
    volumes += (2 * rest > price) | ((2 * rest == price) & (volumes % 2 == 1))
    return volumes


def _decimals(values: npt.NDArray[np.int64], column: str) -> pa.Array:
    """Make decimals of scaled integers that are not negative."""
    words = np.zeros((len(values), 2), dtype=np.int64)
    words[:, 0] = values
    kind = SCHEMA.field(column).type
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(words)])
