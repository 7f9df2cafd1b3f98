"""Recordings: a venue's trades in files, with what goes wrong in recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.files import LinesFile, spans
from simulation.text import integer_text, join, lines_buffer
from simulation.ticks.book_lines import Book
from simulation.ticks.json_lines import receive_times
from simulation.ticks.market import STEP_US, Stretch
from simulation.ticks.venues import TICK, Kind, Venue

# Rows printed at once.
_PIECE = 100_000
# Of a disorderly recording: share of lines that come late, by up to so many places, and
# of lines that come twice.
_LATE_SHARE = 0.005
_LATE_PLACES = 40
_TWICE_SHARE = 0.003
_BAD_LINE = "not a line of a recording\n"


@dataclass(frozen=True)
class Format:
    """How a recording looks.

    Attributes
    ----------
    folder
        Below the tape's.
    file_name
        With the fields of `strftime`.
    lines
        Prints rows; each text ends with a newline, or goes on in the next.
    seconds
        Time that a file covers.
    suffixes
        Added to the names of one file after the other, in turn: `.gz`, `.zip`.
    header
        First line of each file.
    overlap
        Seconds at the end of a file that the next one repeats.
    is_disorderly
        Lines come late and twice.
    has_book
        Order-book lines lie between the trades.
    leaves_out_adl
        It could not tell rows of auto-deleveraging from trades, and has none.
    """

    folder: str
    file_name: str
    lines: Callable[[Venue, npt.NDArray[Any]], pa.Array]
    seconds: int = 86_400
    suffixes: tuple[str, ...] = ("",)
    header: str = ""
    overlap: int = 0
    is_disorderly: bool = False
    has_book: bool = False
    leaves_out_adl: bool = False


@dataclass
class FileRecord:
    """What a file holds, for the truth."""

    path: str
    exchange: str
    ticks: int = 0
    other_rows: int = 0
    book_lines: int = 0
    bad_lines: int = 0


@dataclass
class Recording:
    """Writes part of a venue's trades in one format.

    Attributes
    ----------
    folder
        Of the tape.
    venue, format
    start, end
        µs since the epoch: what it covers.
    bad_lines
        Lines that mean nothing, in each file.
    random
        Of disorder and bad lines.
    records
        Of the files written.
    """

    folder: Path
    venue: Venue
    format: Format
    start: int
    end: int
    bad_lines: int
    random: np.random.Generator
    records: list[FileRecord] = field(default_factory=list)
    _file: LinesFile | None = None
    _slot: datetime | None = None
    _last: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, TICK))
    _book: Book | None = None

    def write(self, rows: npt.NDArray[Any], stretch: Stretch) -> None:
        """Append rows, which must be later than all rows before them.

        Parameters
        ----------
        rows : ndarray of `TICK`
        stretch : Stretch
            The market they come from.
        """
        first, last = np.searchsorted(rows["ts"], [self.start, self.end])
        rows = rows[first:last]
        if self.format.leaves_out_adl:
            rows = rows[rows["kind"] != Kind.ADL]
        for first, last, slot in spans(rows["ts"] // 1000, self.format.seconds * 1000):
            self._write_part(rows[first:last], slot, stretch)

    def close(self) -> None:
        """Finish the file in hand."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _write_part(
        self, rows: npt.NDArray[Any], slot: datetime, stretch: Stretch
    ) -> None:
        assert len(rows) > 0
        start = max(int(slot.timestamp()) * 1_000_000, self.start)
        overlap = self.format.overlap * 1_000_000
        is_new = slot != self._slot
        if is_new:
            self._open(slot)
            repeated = self._last[self._last["ts"] >= start - overlap]
            rows = np.concatenate([repeated, rows])
        self._last = rows[rows["ts"] >= rows["ts"][-1] - overlap]
        if self.format.has_book:
            span = (
                max(start, stretch.start),
                min(
                    int(slot.timestamp() + self.format.seconds) * 1_000_000,
                    stretch.start + len(stretch.log_price) * STEP_US,
                    self.end,
                ),
            )
            rows = rows[self._order(len(rows))]
            self._put(self._with_book(rows, stretch, span, is_new), rows, is_new)
            return
        for first in range(0, len(rows), _PIECE):
            piece = rows[first : first + _PIECE]
            piece = piece[self._order(len(piece))]
            lines = self.format.lines(self.venue, piece)
            self._put(lines, piece, is_new and first == 0)

    def _open(self, slot: datetime) -> None:
        self.close()
        self._slot = slot
        suffixes = self.format.suffixes
        suffix = suffixes[len(self.records) % len(suffixes)]
        member = slot.strftime(self.format.file_name)
        path = self.folder / self.format.folder / (member + suffix)
        if suffix == ".zip":
            # Binance's have it instead of the file's own.
            path = path.with_name(member).with_suffix(".zip")
        self._file = LinesFile(path, member)
        self._file.write(self.format.header.encode())
        relative = path.relative_to(self.folder.parent).as_posix()
        self.records.append(FileRecord(relative, self.venue.name))

    def _order(self, count: int) -> npt.NDArray[np.int64]:
        """Return the rows' order in the file; a row may be in it twice."""
        index = np.arange(count)
        if not self.format.is_disorderly:
            return index
        place = index.astype(np.float64)
        late = self.random.choice(count, 1 + int(_LATE_SHARE * count), replace=False)
        place[late] += self.random.integers(1, _LATE_PLACES, len(late)) + 0.5
        twice = self.random.choice(count, 1 + int(_TWICE_SHARE * count), replace=False)
        again = twice + self.random.integers(1, _LATE_PLACES, len(twice)) + 0.5
        order = np.argsort(np.concatenate([place, again]), kind="stable")
        return np.concatenate([index, twice])[order]

    def _with_book(
        self,
        rows: npt.NDArray[Any],
        stretch: Stretch,
        span: tuple[int, int],
        is_new: bool,
    ) -> pa.Array:
        """Print trades and book lines in the order of their receipt."""
        if is_new:
            self._book = self._book or Book(self.venue)
        assert self._book is not None
        head = [self._book.snapshot(stretch, span[0])] if is_new else []
        book = self._book.lines(stretch, *span)
        probe = np.zeros(len(book.times), dtype=TICK)
        probe["ts"], probe["seq"] = book.times, np.arange(len(book.times))
        received = receive_times(probe)
        updates = join(integer_text(received), " ", book.lines)
        # Trades keep their order, disorderly as it is, among the lines of the book.
        when = np.sort(receive_times(rows))
        both = np.argsort(np.concatenate([when, received]), kind="stable")
        lines = self.format.lines(self.venue, rows)
        lines = pa.concat_arrays([lines, updates]).take(pa.array(both))
        self.records[-1].book_lines += len(updates) + len(head)
        if head:
            earliest = min([when[0], *received[:1]])
            first = pa.array([f"{earliest} {head[0]}"])
            lines = pa.concat_arrays([first, lines])
        return lines

    def _put(self, lines: pa.Array, rows: npt.NDArray[Any], is_first: bool) -> None:
        assert self._file is not None
        record = self.records[-1]
        others = int(np.count_nonzero(rows["kind"] != Kind.TRADE))
        record.ticks += len(rows) - others
        record.other_rows += others
        if is_first and self.bad_lines:
            lines = self._with_bad_lines(lines)
            record.bad_lines += self.bad_lines
        self._file.write(lines_buffer(lines))

    def _with_bad_lines(self, lines: pa.Array) -> pa.Array:
        """Put halves of lines, and lines of something else, behind some of them."""
        ends = np.flatnonzero(pc.ends_with(lines, "\n").to_numpy(zero_copy_only=False))
        behind = np.sort(self.random.choice(ends, self.bad_lines))
        texts = [
            _BAD_LINE if number % 2 else _half(lines[int(place)].as_py())
            for number, place in enumerate(behind)
        ]
        places = np.concatenate([np.arange(len(lines)), behind + 0.5])
        both = pa.concat_arrays([lines, pa.array(texts)])
        return both.take(pa.array(np.argsort(places, kind="stable")))


def _half(line: str) -> str:
    return line[: len(line) * 6 // 10].rstrip("\n") + "\n"
