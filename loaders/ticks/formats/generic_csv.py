"""Any CSV of trades whose columns are named, by its header or on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from loaders.content import read_head
from loaders.errors import ObjectError
from loaders.ticks.chunk import DecoderOptions, Stream, TickChunk
from loaders.ticks.formats.csv_reader import CsvReader, exact_trade, first_row
from loaders.ticks.formats.exact import BadLine
from loaders.ticks.formats.fields import Fields, Mask, Values
from loaders.ticks.formats.reading import TICK, UNUSUAL, Verdicts, read_chunks
from loaders.ticks.formats.typed import Spelling, read_typed, tick_batch
from loaders.ticks.instruments import CONSECUTIVE, InstrumentGuard
from loaders.ticks.names import named_symbol

NAME = "csv"
REQUIRED = ("ts", "source_seq", "price", "volume")
#: `side` may come as `is_buyer_maker`, whose truth means that the seller was the taker.
OPTIONAL = ("side", "is_buyer_maker", "symbol")

_BUY = ("buy", "BUY", "Buy", "b", "B", "1", "+1")
_SELL = ("sell", "SELL", "Sell", "s", "S", "-1")
_UNKNOWN = ("unknown", "UNKNOWN", "Unknown", "0", "")
_TRUE = ("true", "True", "TRUE", "1")
_FALSE = ("false", "False", "FALSE", "0")
_SPELLING = Spelling("source_seq", "ts", "price", "volume")
_HEAD_BYTES = 64 << 10


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether the first line is a header with this project's names."""
    try:
        header = first_row(lines[0]) if lines else []
    except ObjectError:
        return False
    return set(REQUIRED) <= set(header)


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a CSV file by its column map; see `Decoder`."""
    if options.exchange is None:
        raise ObjectError("a generic CSV does not say its venue: name it, --exchange")
    row = first_row(read_head(path, _HEAD_BYTES))
    names, has_header = _match_columns(row, options.columns)
    if "symbol" not in names and options.symbol is None:
        named_symbol(options.uri or str(path), None)  # refuses what is not bitcoin
    yield from read_chunks(path, _GenericReader(names, has_header, options))


def _match_columns(
    first: Sequence[str], columns: Mapping[str, str]
) -> tuple[list[str], bool]:
    """Name the columns of the file by the map; the others ``#`` and their position."""
    unknown = sorted(set(columns) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise ObjectError(
            f"no tick column is called {', '.join(unknown)}: there are "
            f"{', '.join((*REQUIRED, *OPTIONAL))}"
        )
    wanted = dict(columns)
    by_header = not columns or any(not place.isdecimal() for place in wanted.values())
    if by_header:
        for column in (*REQUIRED, *OPTIONAL):
            if column in first:
                wanted.setdefault(column, column)
    missing = [column for column in REQUIRED if column not in wanted]
    if missing:
        raise ObjectError(
            f"no column for {', '.join(missing)} among {', '.join(first)}: say which "
            f"with --columns {missing[0]}=NAME or =POSITION"
        )
    names = [f"#{position}" for position in range(len(first))]
    for column, place in wanted.items():
        if place in first:
            position = first.index(place)
        elif place.isdecimal() and int(place) < len(first):
            position = int(place)
        else:
            raise ObjectError(
                f"no column {place} for {column} among {', '.join(first)}"
            )
        if not names[position].startswith("#"):
            raise ObjectError(f"both {names[position]} and {column} are to be {place}")
        names[position] = column
    # By positions alone, a first line without a price is a header all the same.
    price = first[names.index("price")]
    return names, by_header or not price[:1].isdecimal()


class _GenericReader(CsvReader):
    name: str = "generic CSV"

    def __init__(
        self, names: Sequence[str], has_header: bool, options: DecoderOptions
    ) -> None:
        super().__init__(names, has_header=has_header)
        assert options.exchange is not None
        self._exchange = options.exchange
        self._has_symbol = "symbol" in names
        self.guard = InstrumentGuard(self._exchange, options.symbol)
        if not self._has_symbol and options.symbol is None:
            self.guard.symbol = "BTC"

    @property
    def stream(self) -> Stream | None:
        """Whose ticks these are, once an instrument is known."""
        if self.guard.symbol is None:
            return None
        is_consecutive = self._exchange in CONSECUTIVE
        return Stream(self._exchange, self.guard.symbol, "trade", is_consecutive)

    def judge(self, fields: Fields) -> Verdicts:
        """Trades all, if they are in the usual layout."""
        is_good = read_typed(fields, _SPELLING).is_good
        _, is_side = self._side(fields)
        return np.where(is_good & is_side, TICK, UNUSUAL).astype(np.int8)

    def repair_row(self, row: dict[str, str]) -> Sequence[Values | BadLine]:
        """Write one row in the usual layout."""
        for column, words, end in (
            ("side", (*_BUY, *_SELL, *_UNKNOWN), " or nothing"),
            ("is_buyer_maker", (*_TRUE, *_FALSE), ""),
        ):
            if column in row and row[column] not in words:
                listed = ", ".join(word for word in words if word)
                raise BadLine(column, f"is none of {listed}{end}", row[column])
        return [{**row, **exact_trade(row, "source_seq", "ts", "price", "volume")}]

    def ticks(self, fields: Fields) -> tuple[pa.RecordBatch, list[int]]:
        """Read trades of the one instrument."""
        if self._has_symbol:
            fields = fields.take(self.guard.own(fields, "symbol"))
        typed = read_typed(fields, _SPELLING)
        side, _ = self._side(fields)
        price, volume = fields.strings("price"), fields.strings("volume")
        return tick_batch(typed.times, typed.ids, price, volume, side), []

    def _side(self, fields: Fields) -> tuple[np.ndarray, Mask]:
        buys: tuple[str, ...] = ()
        sells: tuple[str, ...] = ()
        others: tuple[str, ...] = ()
        if "side" in self.names:
            column, buys, sells, others = "side", _BUY, _SELL, _UNKNOWN
        elif "is_buyer_maker" in self.names:
            column, buys, sells = "is_buyer_maker", _FALSE, _TRUE
        else:
            return np.zeros(len(fields), np.int8), np.ones(len(fields), np.bool_)
        is_buy = _any_of(fields, column, buys)
        is_sell = _any_of(fields, column, sells)
        is_known = is_buy | is_sell | _any_of(fields, column, others)
        return is_buy.astype(np.int8) - is_sell.astype(np.int8), is_known


def _any_of(fields: Fields, column: str, words: Sequence[str]) -> Mask:
    found: Mask = np.zeros(len(fields), dtype=np.bool_)
    for word in words:
        if not found.all():
            found |= fields.equals(column, word)
    return found
