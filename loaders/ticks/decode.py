"""Recordings of trades, batch by batch, by the statements of `loaders.formats`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from loaders import formats
from loaders.chunk import BadRow
from loaders.errors import ObjectError
from loaders.lines import Lines, read_lines
from loaders.ticks.chunk import TICK_SCHEMA, DecoderOptions, Stream, TickChunk
from loaders.ticks.instruments import BINANCE, CONSECUTIVE, SPACED, Instrument
from loaders.ticks.objects import variables
from loaders.validate import raw_json

SPOT, USDM, COINM = BINANCE

#: Raw text kept of a refused line.
_RAW_CHARACTERS = 4000


def decode(name: str, path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a local file in chunks; the same file always gives the same ones.

    Parameters
    ----------
    name
        The format, one of `loaders.ticks.objects.FORMATS`.
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
        self._named_exchange = options.exchange
        self._query = _query(name)
        self._connection = formats.connect(**variables(name, path, options))
        self._instrument = Instrument(name, options.symbol)
        #: Where the trades are from by what they look like, and what their ids count.
        self._market: str | None = None
        self._kind: str | None = None
        self._has_known = self._has_text = False
        self._first_bad: BadRow | None = None

    @property
    def _stream(self) -> Stream | None:
        """Whose ticks these are, once known."""
        if self._kind is None or self._market is None or self._instrument.symbol is None:
            return None
        exchange = self._named_exchange or self._market
        is_consecutive = self._market in CONSECUTIVE and exchange != SPACED
        return Stream(exchange, self._instrument.symbol, self._kind, is_consecutive)

    def read(self, lines: Lines) -> TickChunk:
        """Read a batch."""
        table = lines.table()
        found = formats.select(self._connection, self._query, {"lines": table})
        messages, others = self._instrument.own(found)
        trades = _only(messages, "trade")
        refused = _only(messages, "refused")
        bad = [_bad_row(lines, row) for row in refused.to_pylist()]
        self._settle(trades)
        self._check_ids(refused, bad)
        self._first_bad = self._first_bad or next(iter(bad), None)
        self._has_text |= table.num_rows > 0
        self._has_known |= table.num_rows > len(bad)
        # A line with several trades counts them all.
        rows_read = len(lines.texts) + found.num_rows - table.num_rows
        return TickChunk(
            self._stream,
            _ticks(trades),
            rows_read,
            rows_read - trades.num_rows - len(bad),
            lines.progress,
            bad,
            {},
            _only(messages, "void").column("source_seq").drop_null().to_pylist(),
            others,
        )

    def last_books(self) -> dict[datetime, dict[str, Any]]:
        """Hand out the last windows of the order book."""
        return {}

    def check(self) -> None:
        """Look at an object that was read to its end."""
        self._instrument.check()
        if not self._has_text:
            raise ObjectError("is empty: nothing to load")
        if self._first_bad is not None and not self._has_known:
            first = self._first_bad
            raise ObjectError(
                f"{self._name}: no line is a known message (line "
                f"{first.row_number:,}: {first.reason}; {first.raw[:200]}). Name "
                "another --format, or take off what a recorder put around the messages"
            )

    def _settle(self, trades: pa.Table) -> None:
        """Hold the object to one market and one kind of ids."""
        kinds = pc.unique(trades.column("kind")).to_pylist()
        markets = pc.unique(trades.column("exchange").drop_null()).to_pylist()
        if trades.num_rows and self._kind is None:
            self._kind = kinds[0]
            # An aggregate without a mark is of USD-M; spot's have one.
            is_aggregate = self._kind == "aggTrade"
            self._market = next(iter(markets), USDM if is_aggregate else None)
        for mine, found, way_out in (
            (self._kind, kinds, "by the field e"),
            (self._market, markets, "by venue"),
        ):
            other = next((each for each in found if each != mine), None)
            if other is not None:
                raise ObjectError(
                    f"{self._name}: both {mine} and {other} of "
                    f"{self._instrument.symbol} are in it, whose ids mean different "
                    f"things: split it {way_out}, and load one of the two under "
                    "another --exchange, or not at all"
                )
        if trades.num_rows and self._market is None:
            raise ObjectError(
                f"{self._name}: trades of {self._instrument.symbol} with neither X "
                f"(futures have it) nor M (spot has it): name the market with "
                f"--exchange {SPOT} or --exchange {USDM}"
            )

    def _check_ids(self, refused: pa.Table, bad: list[BadRow]) -> None:
        """Refuse the object if nothing but the ids of its trades is wrong."""
        if self._kind is not None:
            return
        is_id = refused.column("is_id_alone").to_pylist()
        first = next((row for row, is_it in zip(bad, is_id, strict=True) if is_it), None)
        if first is not None:
            raise ObjectError(
                f"{self._name}: ids are no integers here (line {first.row_number:,}: "
                f"{first.reason}), so this venue's trades cannot be told apart by "
                "them; give them whole numbers and load them as generic CSV"
            )


def _query(name: str) -> str:
    """Return the statement of a format, and around it what all have in common."""
    messages = f"with\n\nmessages as (\n\n{formats.statement(name)}\n),\n"
    return formats.statement("ticks").replace("with\n", messages, 1)


def _only(messages: pa.Table, message: str) -> pa.Table:
    return messages.filter(pc.equal(messages.column("message"), message))


def _ticks(trades: pa.Table) -> pa.RecordBatch:
    """Return the rows of `TICK_SCHEMA`."""
    rows = trades.select(TICK_SCHEMA.names).cast(TICK_SCHEMA).combine_chunks()
    columns = [
        column.chunk(0) if column.num_chunks else pa.array([], column.type)
        for column in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TICK_SCHEMA)


def _bad_row(lines: Lines, row: Mapping[str, Any]) -> BadRow:
    text = lines.text(row["line_number"])
    if len(text) > _RAW_CHARACTERS:
        text = f"{text[:_RAW_CHARACTERS]}… ({len(text):,} characters)"
    return BadRow(row["line_number"], row["reason"], raw_json(text))
