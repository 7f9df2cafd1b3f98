"""Decode recordings of trades in batches, with the statements of `loaders.formats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from loaders import formats
from loaders.chunk import BadRow
from loaders.errors import ObjectError
from loaders.lines import Lines, read_lines
from loaders.ticks.books import BOOK_COLUMNS, BookFold, Books
from loaders.ticks.chunk import TICK_SCHEMA, DecoderOptions, Stream, TickChunk
from loaders.ticks.depth import Integers
from loaders.ticks.instruments import (
    BINANCE,
    CONSECUTIVE,
    SPACED,
    UNORDERED,
    Instrument,
    contract_usd,
    is_bitcoin,
    is_inverse,
)
from loaders.ticks.objects import variables

SPOT, USDM, COINM = BINANCE


def decode(name: str, path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a local file in chunks; the same file always gives the same ones.

    Parameters
    ----------
    name
        The format, one of `loaders.ticks.objects.known_formats`.
    path
        The file.
    options
        What the command line says about it.

    Raises
    ------
    ObjectError
        The object has another format; it has several venues, instruments or kinds of
        ids; its ids are not integers; no line is a known message, or no line is of the
        wanted instrument.
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
    # Check before the last chunk, so that nothing of a one-chunk object is written.
    if damage is None:
        reader.check()
    if chunk is not None:
        yield replace(chunk, books={**chunk.books, **reader.last_books()})
    if damage is not None:
        raise damage


class _Reader:
    """Reads the batches of one object."""

    def __init__(self, name: str, path: Path, options: DecoderOptions) -> None:
        said = variables(name, path, options)
        self._name = name
        self._named_exchange = options.exchange
        self._connection = formats.connect(**said)
        self._instrument = Instrument(name, said["symbol"])
        #: Market by the form of the trades, and the kind of their ids.
        self._market: str | None = said.get("market")
        self._kind: str | None = said.get("kind")
        self._has_known = self._has_text = self._has_ticks = False
        self._first_bad: BadRow | None = None
        #: Created at the first line of the instrument's order book.
        self._fold: BookFold | None = None

    @property
    def _stream(self) -> Stream | None:
        """The stream of the ticks, once known."""
        symbol = self._instrument.symbol
        if self._kind is None or self._market is None or symbol is None:
            return None
        exchange = self._named_exchange or self._market
        is_consecutive = self._market in CONSECUTIVE and exchange != SPACED
        is_ordered = self._market not in UNORDERED
        return Stream(exchange, symbol, self._kind, is_consecutive, is_ordered)

    def read(self, lines: Lines) -> TickChunk:
        """Read a batch."""
        table = lines.table()
        found = self._select("ticks", table)
        has_book = self._fold is not None or _only(found, "book").num_rows > 0
        if has_book:
            found = self._with_book(found, table)
        messages, others = self._instrument.own(found)
        trades = _only(messages, "trade")
        self._settle(trades)
        self._has_ticks |= trades.num_rows > 0
        refused = _only(messages, "refused").column("line_number")
        bad = self._refused(lines, table, refused, others) if len(refused) else []
        if has_book:
            refused = messages.filter(pc.invert(messages.column("is_sound")))
            bad += self._refused_book(lines, table, refused.column("line_number"))
        bad += lines.damaged_rows()
        bad.sort(key=lambda row: row.row_number)
        self._first_bad = self._first_bad or next(iter(bad), None)
        self._has_text |= table.num_rows + len(lines.not_utf8) > 0
        is_unknown = pa.array(["refused", "header"])
        self._has_known |= not pc.all(pc.is_in(found.column("message"), is_unknown))
        # A line with several trades counts them all.
        rows_read = len(lines) + found.num_rows - table.num_rows
        return TickChunk(
            self._stream,
            _ticks(trades),
            rows_read,
            rows_read - trades.num_rows - len(bad),
            lines.progress,
            bad,
            self._books(messages, table) if has_book else {},
            _only(messages, "void").column("source_seq").drop_null().to_pylist(),
            others,
        )

    def last_books(self) -> Books:
        """Return the last windows of the order book."""
        return {} if self._fold is None else self._fold.rest()

    def check(self) -> None:
        """Check an object after it was read to its end."""
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
        """Set market and kind of ids; refuse an object with several of them."""
        if not trades.num_rows:
            return
        kinds = pc.unique(trades.column("kind")).to_pylist()
        markets = pc.unique(trades.column("exchange").drop_null()).to_pylist()
        self._kind = self._kind or kinds[0]
        # Aggregates of USD-M have no market flag; those of spot have one.
        default = USDM if self._kind == "aggTrade" else None
        self._market = self._market or next(iter(markets), default)
        for mine, found in ((self._kind, kinds), (self._market, markets)):
            if other := next((each for each in found if each != mine), None):
                raise ObjectError(
                    f"{self._name}: both {mine} and {other} of "
                    f"{self._instrument.symbol} are in it, whose ids mean different "
                    "things: split it, and load one of the two under another "
                    "--exchange, or not at all"
                )
        if self._market is None:
            raise ObjectError(
                f"{self._name}: trades of {self._instrument.symbol} with neither X "
                "(futures have it) nor M (spot has it): name the market with "
                f"--exchange {SPOT} or --exchange {USDM}"
            )

    def _refused(
        self, lines: Lines, table: pa.Table, numbers: pa.Array, others: Counter[str]
    ) -> list[BadRow]:
        """Return refused lines with reasons, without those of other instruments.

        Raises
        ------
        ObjectError
            Only the ids of the object's trades are invalid.
        """
        chosen = table.filter(pc.is_in(table.column("line_number"), numbers))
        bad = []
        for row in self._select("refused", chosen).to_pylist():
            if row["symbol"] in others:
                continue
            bad.append(lines.bad_row(row["line_number"], row["reason"]))
            if row["is_id_alone"] and not self._has_ticks:
                raise ObjectError(
                    f"{self._name}: ids are no integers here (line "
                    f"{bad[-1].row_number:,}: {bad[-1].reason}), so this venue's "
                    "trades cannot be told apart by them; give them whole numbers "
                    "and load them as generic CSV"
                )
        return bad

    def _with_book(self, found: pa.Table, table: pa.Table) -> pa.Table:
        """Add the columns of `book.sql` and use its messages and symbols."""
        lines = found.select(["line_number", "message", "symbol"])
        lines = lines.append_column("line", table.column("line"))
        query = formats.pipeline("book", "book_lines")
        book = formats.select(self._connection, query, {"lines": lines})
        return pa.table(
            {name: each[name] for each in (found, book) for name in each.column_names}
        )

    def _refused_book(
        self, lines: Lines, table: pa.Table, numbers: pa.Array
    ) -> list[BadRow]:
        """Return refused lines of the order book with reasons."""
        if not len(numbers):
            return []
        chosen = table.filter(pc.is_in(table.column("line_number"), numbers))
        chosen = chosen.append_column("message", pa.array(["book"] * len(chosen)))
        chosen = chosen.append_column("symbol", pa.nulls(len(chosen), pa.string()))
        query = formats.pipeline("book", "book_refused")
        rows = formats.select(self._connection, query, {"lines": chosen}).to_pylist()
        return [lines.bad_row(row["line_number"], row["reason"]) for row in rows]

    def _books(self, messages: pa.Table, table: pa.Table) -> Books:
        """Fold the order book of the instrument; its trades give event times."""
        if self._fold is None:
            if not _only(messages, "book").num_rows:
                return {}
            self._fold = BookFold(self._size_unit())
        is_taken = pc.is_in(messages.column("message"), pa.array(["book", "trade"]))
        taken = messages.select(BOOK_COLUMNS).filter(is_taken)

        def received() -> Integers:
            numbers = taken.column("line_number").combine_chunks()
            lines = table.filter(pc.is_in(table.column("line_number"), numbers))
            query = "select coalesce(received_of(line), 0) as us from lines"
            found = formats.select(self._connection, query, {"lines": lines})
            times: Integers = found.column("us").to_numpy()
            return times

        return self._fold.add(taken, received)

    def _size_unit(self) -> str:
        symbol = self._instrument.symbol
        if symbol is not None and (self._market == COINM or is_inverse(symbol)):
            return f"contracts of {contract_usd(symbol)} USD"
        if symbol is None or is_bitcoin(symbol):
            return "BTC"
        return f"base coin of {symbol}"

    def _select(self, outcome: str, lines: pa.Table) -> pa.Table:
        query = formats.pipeline(self._name, "checked", outcome)
        return formats.select(self._connection, query, {"lines": lines})


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
