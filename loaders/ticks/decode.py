"""Recordings of trades, batch by batch, by the statements of `loaders.formats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from loaders import formats
from loaders.chunk import BadRow
from loaders.errors import ObjectError
from loaders.lines import Lines, read_lines
from loaders.ticks.chunk import TICK_SCHEMA, DecoderOptions, Stream, TickChunk
from loaders.ticks.instruments import CONSECUTIVE, SPACED, Instrument
from loaders.validate import raw_json

#: Raw text kept of a refused line.
_RAW_CHARACTERS = 4000


def decode(name: str, path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a local file in chunks; the same file always gives the same ones.

    Parameters
    ----------
    name
        The format, one of `loaders.ticks.recognition.FORMATS`.
    path
        The file.
    options
        What is said of it beside its content.

    Raises
    ------
    ObjectError
        Not this format at all; several venues, instruments or kinds of ids in one
        object; ids that are no integers; no line is a known message, or none is of the
        instrument that is wanted.
    """
    reader = _Reader(name, path, options)
    chunk: TickChunk | None = None
    damage: ObjectError | None = None
    batches = read_lines(path)
    while True:
        try:
            lines = next(batches)
        except StopIteration:
            break
        except ObjectError as error:
            damage = error
            break
        if chunk is not None:
            yield chunk
        chunk = reader.read(lines)
    # Before the last chunk: of an object of one chunk nothing is written then.
    if damage is None:
        reader.check()
    if chunk is not None:
        yield replace(chunk, books={**chunk.books, **reader.last_books()})
    if damage is not None:
        raise damage


class _Reader:
    """Reads the batches of one object."""

    def __init__(self, name: str, path: Path, options: DecoderOptions) -> None:
        self._name = name
        self._exchange = options.exchange
        self._query = formats.statement("ticks").replace(
            "with\n", f"with\n\nmessages as (\n{formats.statement(name)}),\n", 1
        )
        self._connection = formats.connect(exchange=options.exchange)
        self._instrument = Instrument(name, options.symbol)
        self._venue: str | None = None
        self._kind: str | None = None
        self._has_known = self._has_text = False
        self._first_bad: BadRow | None = None

    def read(self, lines: Lines) -> TickChunk:
        """Read a batch."""
        table = lines.table()
        self._has_text |= table.num_rows > 0
        messages = formats.select(self._connection, self._query, {"lines": table})
        others: Counter[str] = Counter()
        own = self._instrument.own(messages.column("symbol"), others)
        message = messages.column("message")
        is_refused = pc.equal(message, "refused")
        bad = [
            BadRow(number, reason, raw_json(_shortened(lines.text(number))))
            for number, reason in zip(
                *(
                    messages.filter(pc.and_(is_refused, own)).column(name).to_pylist()
                    for name in ("line_number", "reason")
                ),
                strict=True,
            )
        ]
        trades = messages.filter(pc.and_(pc.equal(message, "trade"), own))
        void = messages.filter(pc.and_(pc.equal(message, "void"), own))
        rows = self._ticks(trades)
        surplus = messages.num_rows - table.num_rows
        rows_read = len(lines.texts) + surplus
        return TickChunk(
            self._stream,
            rows,
            rows_read,
            rows_read - rows.num_rows - len(bad),
            lines.progress,
            bad,
            {},
            void.column("source_seq").drop_null().to_pylist(),
            others,
        )
