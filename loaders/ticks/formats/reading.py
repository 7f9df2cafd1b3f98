"""From lines to chunks: what all line formats have in common.

Nearly every line is understood a whole chunk at a time. Those that are not are looked
at one by one, and either written in the usual layout, whereupon they go the way of the
others, or refused with a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loaders.chunk import BadRow
from loaders.errors import ObjectError
from loaders.ticks.chunk import Stream, TickChunk
from loaders.ticks.formats.exact import BadIdentifier, BadLine
from loaders.ticks.formats.fields import (
    Fields,
    Mask,
    Values,
    merge_fields,
    write_fields,
)
from loaders.ticks.formats.lines import Lines, read_lines
from loaders.ticks.formats.scan_csv import BLANK, UNDERSTOOD
from loaders.ticks.instruments import InstrumentGuard
from loaders.validate import raw_json

#: What a row is: to be looked at by itself, none of ours, a trade, news of the book.
UNUSUAL, SKIPPED, TICK, BOOK = range(4)
Verdicts = npt.NDArray[np.int8]

#: Raw text kept of a refused line.
_RAW_CHARACTERS = 4000


class LineReader(Protocol):
    """What makes a format."""

    @property
    def name(self) -> str:
        """How complaints name it."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Fields it reads."""
        ...

    @property
    def guard(self) -> InstrumentGuard:
        """Holds the object to one instrument, and counts the rows of others."""
        ...

    @property
    def stream(self) -> Stream | None:
        """Whose ticks these are, once known."""
        ...

    def scan(self, lines: Lines) -> tuple[Fields, npt.NDArray[np.uint8]]:
        """Cut lines into fields, one row each, and say which were understood."""
        ...

    def judge(self, fields: Fields) -> Verdicts:
        """Say what each row is; a `TICK` can be read by `ticks` as it stands."""
        ...

    def repair(self, line: bytes) -> Sequence[Values | BadLine]:
        """Understand one line by itself; nothing for a line that is to be skipped.

        Raises
        ------
        BadLine
            The line is refused as a whole.
        """
        ...

    def ticks(self, fields: Fields) -> tuple[pa.RecordBatch, list[int]]:
        """Read rows that are trades; leave out those that are none of the stream's.

        Returns
        -------
        tuple
            `TICK_SCHEMA`, and ids that were used up by what is no market trade.
        """
        ...

    def books(
        self, lines: Lines, fields: Fields, verdicts: Verdicts
    ) -> Mapping[datetime, dict[str, Any]]:
        """Take in book rows; hand out the windows that are finished."""
        ...

    def last_books(self) -> Mapping[datetime, dict[str, Any]]:
        """Hand out what is left at the end of the object."""
        ...


def read_chunks(path: Path, reader: LineReader) -> Iterator[TickChunk]:
    """Decode a file.

    Raises
    ------
    ObjectError
        As `read_lines` and the reader; ids are no integers; no line is a known message,
        or none is of the instrument that is wanted.
    """
    had_tick = had_known = had_text = False
    first_bad: BadRow | None = None
    others: Counter[str] = Counter()
    chunk: TickChunk | None = None
    damage: ObjectError | None = None
    pieces = read_lines(path)
    while True:
        try:
            lines = next(pieces)
        except StopIteration:
            break
        except ObjectError as error:
            damage = error
            break
        if chunk is not None:
            yield chunk
        chunk, blank, foreign = _chunk(lines, reader)
        chunk = replace(chunk, others=reader.guard.others - others)
        others = Counter(reader.guard.others)
        had_tick = had_tick or chunk.rows.num_rows > 0
        had_known = had_known or chunk.rows_read - len(chunk.bad) > blank
        had_text = had_text or bool(lines.text.tobytes().strip())
        first_bad = first_bad or next(iter(chunk.bad), None)
        if foreign is not None and not had_tick:
            raise ObjectError(
                f"{reader.name}: ids are no integers here (line "
                f"{foreign.row_number:,}: {foreign.reason}), so this venue's trades "
                "cannot be told apart by them; give them whole numbers and load them "
                "as generic CSV"
            )
    # Before the last chunk: of an object of one chunk nothing is written then.
    if damage is None:
        reader.guard.check()
        if not had_text:
            raise ObjectError("is empty: nothing to load")
        if first_bad is not None and not had_known:
            raise ObjectError(
                f"{reader.name}: no line is a known message (line "
                f"{first_bad.row_number:,}: {first_bad.reason}; "
                f"{first_bad.raw[:200]}). Name another --format, or take off what a "
                "recorder put around the messages"
            )
    if chunk is not None:
        yield replace(chunk, books={**chunk.books, **reader.last_books()})
    if damage is not None:
        raise damage


def _chunk(lines: Lines, reader: LineReader) -> tuple[TickChunk, int, BadRow | None]:
    """Read a chunk; also count blank lines and headers, and find an id that is text."""
    fields, status = reader.scan(lines)
    verdicts = np.full(len(lines), UNUSUAL, dtype=np.int8)
    if (status == UNDERSTOOD).any():
        verdicts = reader.judge(fields)
        verdicts[status != UNDERSTOOD] = UNUSUAL
    verdicts[status == BLANK] = SKIPPED
    rows_read = len(lines)
    bad: list[BadRow] = []
    foreign: BadRow | None = None
    unusual = np.flatnonzero(verdicts == UNUSUAL)
    if len(unusual):
        repaired, bad, foreign, surplus = _repair(lines, unusual, reader)
        rows_read += surplus
        usual: Mask = verdicts > SKIPPED
        fields = merge_fields(fields.take(usual), repaired)
        verdicts = reader.judge(fields)
    rows, used_ids = reader.ticks(fields.take(verdicts == TICK))
    books = dict(reader.books(lines, fields, verdicts))
    skipped = rows_read - rows.num_rows - len(bad)
    chunk = TickChunk(
        reader.stream, rows, rows_read, skipped, lines.progress, bad, books, used_ids
    )
    return chunk, int((status == BLANK).sum()), foreign


def _repair(
    lines: Lines, unusual: npt.NDArray[Any], reader: LineReader
) -> tuple[Fields, list[BadRow], BadRow | None, int]:
    """Understand lines one by one; also count the rows above one per line."""
    understood: list[Values] = []
    indices: list[int] = []
    bad: list[BadRow] = []
    foreign: BadRow | None = None
    surplus = 0
    for index in unusual.tolist():
        line = lines.line(index)
        try:
            rows = reader.repair(line)
        except BadLine as complaint:
            rows = [complaint]
        surplus += max(0, len(rows) - 1)
        for row in rows:
            if isinstance(row, BadLine):
                bad.append(_bad_row(lines, index, row))
                if foreign is None and isinstance(row, BadIdentifier):
                    foreign = bad[-1]
            else:
                understood.append(row)
                indices.append(index)
    return write_fields(reader.names, understood, indices), bad, foreign, surplus


def _bad_row(lines: Lines, index: int, complaint: BadLine) -> BadRow:
    text = lines.line(index).decode("utf-8", errors="replace")
    if len(text) > _RAW_CHARACTERS:
        text = f"{text[:_RAW_CHARACTERS]}… ({len(text):,} characters)"
    return BadRow(lines.first_number + index, str(complaint), raw_json(text))
