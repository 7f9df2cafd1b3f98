"""Recordings: a venue's trades in files, with typical faults of recordings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.files import LinesFile, spans
from simulation.text import integer_text, join, lines_buffer
from simulation.ticks import formats
from simulation.ticks.book import book_lines
from simulation.ticks.formats import Format, printed, receive_times
from simulation.ticks.market import DAY_US, MINUTE_US, Market
from simulation.ticks.venues import ADL, TICK, TRADE, Venue

Rows = npt.NDArray[Any]

# Rows printed at once.
_PIECE = 100_000
# Of a disorderly recording: share of lines that are late, by how many lines at most,
# and share of repeated lines.
_LATE_SHARE = 0.005
_LATE_PLACES = 40
_TWICE_SHARE = 0.003
_BAD_LINE = "not a line of a recording\n"


def formats_of(
    venue: Venue, start: int, days: int, websocket_minutes: int
) -> list[tuple[Format, int, int]]:
    """Return a venue's recordings; together they cover the tape.

    Parameters
    ----------
    venue : Venue
    start : int
        µs since the epoch.
    days : int
    websocket_minutes : int
        Minutes at the end of Binance's spot tape that a websocket recording covers,
        too.

    Returns
    -------
    list of (Format, int, int)
        Format, start and end, µs since the epoch.
    """
    end = start + days * DAY_US
    # Futures: files until two thirds of the tape, dumps from an hour before.
    turn = start + days * 960 * MINUTE_US
    overlap = turn - 60 * MINUTE_US
    tardis = max(start, end - 2 * DAY_US)
    dump = end - websocket_minutes * MINUTE_US
    return {
        "binance_spot": [
            (formats.BINANCE_SPOT_CSV, start, end),
            (formats.BINANCE_SPOT_DUMP, dump, end),
            (formats.TARDIS, tardis, tardis + DAY_US),
        ],
        "binance_usdm": [
            (formats.BINANCE_USDM_CSV, start, turn),
            (formats.BINANCE_USDM_DUMP, overlap, end),
        ],
        "binance_coinm": [
            (formats.BINANCE_COINM_CSV, start, turn),
            (formats.BINANCE_COINM_DUMP, overlap, end),
        ],
        "binance_usdm_aggtrade": [(formats.BINANCE_AGGREGATES, start, end)],
        "coinbase": [(formats.COINBASE, start, end)],
        "kraken": [(formats.KRAKEN, start, end)],
        "bitstamp": [(formats.BITSTAMP, start, end)],
        "desk": [(formats.DESK, start, end)],
    }[venue.name]


@dataclass
class FileRecord:
    """Content of a file, for the truth."""

    path: str
    exchange: str
    ticks: int = 0
    other_rows: int = 0
    book_lines: int = 0
    bad_lines: int = 0


class Recording:
    """Writes part of a venue's trades in one format.

    Parameters
    ----------
    folder : Path
        Of the tape.
    venue : Venue
    market : Market
        Of the order book.
    form : Format
    start, end : int
        µs since the epoch: what it covers.
    bad_lines : int
        Number of invalid lines in each file.
    seed : int
        Of disorder and bad lines.
    """

    def __init__(
        self,
        folder: Path,
        venue: Venue,
        market: Market,
        form: Format,
        start: int,
        end: int,
        bad_lines: int,
        seed: int,
    ) -> None:
        self._folder, self._venue, self._form = folder, venue, form
        self._market = market
        self._start, self._end = start, end
        self._bad_lines = bad_lines
        self._random = np.random.default_rng([seed, 5, *form.folder.encode()])
        #: Of the files written.
        self.records: list[FileRecord] = []
        self._file: LinesFile | None = None
        self._slot: datetime | None = None
        self._last = np.zeros(0, TICK)

    def write(self, rows: Rows) -> None:
        """Append rows, which must be later than all rows before them.

        Parameters
        ----------
        rows : ndarray of `TICK`
        """
        first, last = np.searchsorted(rows["ts"], [self._start, self._end])
        rows = rows[first:last]
        if self._form.leaves_out_adl:
            rows = rows[rows["kind"] != ADL]
        for first, last, slot in spans(rows["ts"] // 1000, self._form.seconds * 1000):
            self._write_part(rows[first:last], slot)

    def close(self) -> None:
        """Finish the open file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _write_part(self, rows: Rows, slot: datetime) -> None:
        slot_us = int(slot.timestamp()) * 1_000_000
        start = max(slot_us, self._start)
        overlap = self._form.overlap * 1_000_000
        is_new = slot != self._slot
        if is_new:
            self._open(slot)
            repeated = self._last[self._last["ts"] >= start - overlap]
            rows = np.concatenate([repeated, rows])
        self._last = rows[rows["ts"] >= rows["ts"][-1] - overlap]
        if self._form.has_book:
            # A part of the tape holds whole files of this recording.
            end = min(slot_us + self._form.seconds * 1_000_000, self._end)
            rows = rows[self._order(len(rows))]
            self._put(self._with_book(rows, start, end), rows, is_new)
            return
        for piece in range(0, len(rows), _PIECE):
            part = rows[piece : piece + _PIECE]
            part = part[self._order(len(part))]
            lines = printed(self._form, self._venue, part)
            self._put(lines, part, is_new and piece == 0)

    def _open(self, slot: datetime) -> None:
        self.close()
        self._slot = slot
        suffixes = self._form.suffixes
        suffix = suffixes[len(self.records) % len(suffixes)]
        member = slot.strftime(self._form.file_name)
        path = self._folder / self._form.folder / (member + suffix)
        if suffix == ".zip":
            # Binance names the zip after the file in it.
            path = path.with_name(member).with_suffix(".zip")
        self._file = LinesFile(path, member)
        self._file.write(self._form.header.encode())
        relative = path.relative_to(self._folder.parent).as_posix()
        self.records.append(FileRecord(relative, self._venue.name))

    def _order(self, count: int) -> npt.NDArray[np.int64]:
        """Return the rows' order in the file; a row may be in it twice."""
        index = np.arange(count)
        if not self._form.is_disorderly:
            return index
        random = self._random
        place = index.astype(np.float64)
        late = random.choice(count, 1 + int(_LATE_SHARE * count), replace=False)
        place[late] += random.integers(1, _LATE_PLACES, len(late)) + 0.5
        twice = random.choice(count, 1 + int(_TWICE_SHARE * count), replace=False)
        again = twice + random.integers(1, _LATE_PLACES, len(twice)) + 0.5
        order = np.argsort(np.concatenate([place, again]), kind="stable")
        return np.concatenate([index, twice])[order]

    def _with_book(self, rows: Rows, start: int, end: int) -> pa.Array:
        """Print trades and book lines in the order of their receipt."""
        updates, sent = book_lines(self._venue, self._market, start, end)
        received = receive_times(sent, np.arange(len(sent)))
        # Trades keep their order, disorderly as it is, among the lines of the book.
        when = np.sort(receive_times(rows["ts"], rows["seq"]))
        # The book's first line, its snapshot, is the first of the file.
        received[0] = min(when[0], received.min()) - 1
        updates = join(integer_text(received), " ", updates)
        both = np.argsort(np.concatenate([when, received]), kind="stable")
        lines = pa.concat_arrays([printed(self._form, self._venue, rows), updates])
        self.records[-1].book_lines += len(updates)
        return lines.take(pa.array(both))

    def _put(self, lines: pa.Array, rows: Rows, is_first: bool) -> None:
        assert self._file is not None
        record = self.records[-1]
        others = int(np.count_nonzero(rows["kind"] != TRADE))
        record.ticks += len(rows) - others
        record.other_rows += others
        if is_first and self._bad_lines:
            lines = self._with_bad_lines(lines)
            record.bad_lines += self._bad_lines
        self._file.write(lines_buffer(lines))

    def _with_bad_lines(self, lines: pa.Array) -> pa.Array:
        """Insert truncated lines and lines of other content after some lines."""
        ends = np.flatnonzero(pc.ends_with(lines, "\n").to_numpy(zero_copy_only=False))
        behind = np.sort(self._random.choice(ends, self._bad_lines))
        texts = [
            _BAD_LINE if number % 2 else _half(lines[int(place)].as_py())
            for number, place in enumerate(behind)
        ]
        places = np.concatenate([np.arange(len(lines)), behind + 0.5])
        both = pa.concat_arrays([lines, pa.array(texts)])
        return both.take(pa.array(np.argsort(places, kind="stable")))


def _half(line: str) -> str:
    return line[: len(line) * 6 // 10].rstrip("\n") + "\n"
