"""The CSV files of trades that Tardis publishes of many venues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loaders.errors import ObjectError
from loaders.ticks.chunk import DecoderOptions, Stream, TickChunk
from loaders.ticks.formats.contracts import (
    LEAST_PRICE,
    MOST_CONTRACTS,
    MOST_PRICE,
    PRICE_PLACES,
    inverse_volumes,
)
from loaders.ticks.formats.csv_reader import CsvReader, exact_trade
from loaders.ticks.formats.exact import BadLine, parse_decimal
from loaders.ticks.formats.fields import Fields, Mask, Values
from loaders.ticks.formats.instruments import COINM_USD, CONSECUTIVE, InstrumentGuard
from loaders.ticks.formats.json_line import known_symbol, known_word
from loaders.ticks.formats.reading import SKIPPED, TICK, UNUSUAL, Verdicts, read_chunks
from loaders.ticks.formats.typed import Spelling, read_typed, tick_batch

NAME = "tardis_csv"

_COLUMNS = (
    *("exchange", "symbol", "timestamp", "local_timestamp"),
    *("id", "side", "price", "amount"),
)
_HEADER = ",".join(_COLUMNS).encode()
_SPELLING = Spelling("id", "timestamp", "price", "amount")
_SIDES = {"buy": 1, "sell": -1, "unknown": 0}
#: Their names of the venues that have one here.
_OURS = {
    "binance": "binance_spot",
    "binance-futures": "binance_usdm",
    "binance-delivery": "binance_coinm",
    "coinbase": "coinbase",
    "kraken": "kraken",
    "bitstamp": "bitstamp",
}
#: Venues whose amounts are bitcoins: spot, and linear futures counted in them.
_IN_BITCOIN = frozenset(_OURS) - {"binance-delivery"} | {
    *("binance-us", "bitfinex", "bitflyer", "bitnomial", "bybit-spot", "crypto-com"),
    *("ftx", "ftx-us", "gate-io", "gemini", "hitbtc", "huobi", "kucoin", "okex"),
    *("okcoin", "poloniex", "phemex-spot", "upbit", "bitget", "bitvavo"),
}
_COINM = "binance-delivery"
_VENUES = _IN_BITCOIN | {_COINM}
_PRICE_UNIT = 10**PRICE_PLACES


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether the first line is the header of their trades."""
    return bool(lines) and lines[0].strip() == _HEADER


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read one of their files; see `Decoder`."""
    yield from read_chunks(path, _TardisFile(options))


class _TardisFile(CsvReader):
    def __init__(self, options: DecoderOptions) -> None:
        super().__init__(_COLUMNS, has_header=True)
        self._options = options
        self._guard = InstrumentGuard("Tardis CSV", options.symbol)
        self._venue: str | None = None
        # Of the last row that was looked at by itself, for complaints.
        self._seen = ""

    @property
    def name(self) -> str:
        """Name the format, and the venue once it is known."""
        return f"Tardis CSV {self._venue or self._seen}".rstrip()

    @property
    def stream(self) -> Stream | None:
        """Known from the first trade on."""
        if self._venue is None or self._guard.symbol is None:
            return None
        ours = _OURS.get(self._venue, self._venue.replace("-", "_"))
        exchange = self._options.exchange or ours
        return Stream(exchange, self._guard.symbol, "trade", ours in CONSECUTIVE)

    def judge(self, fields: Fields) -> Verdicts:
        """Trades all, if in the usual layout; held to one venue and one instrument."""
        usual = read_typed(fields, _SPELLING).is_good
        is_side = np.zeros(len(fields), dtype=np.bool_)
        for word in _SIDES:
            is_side |= fields.equals("side", word)
        usual &= is_side & ~fields.equals("symbol", "")
        verdicts = np.full(len(fields), UNUSUAL, dtype=np.int8)
        rows = np.flatnonzero(usual)
        own = self._guard.own(fields.take(rows), "symbol")
        verdicts[rows] = np.where(own, TICK, SKIPPED)
        rows = rows[own]
        if len(rows):
            own_fields = fields.take(rows)
            odd = ~self._of_venue(own_fields)
            if self._venue == _COINM:
                odd |= ~_are_contracts(own_fields)
            verdicts[rows[odd]] = UNUSUAL
        return verdicts

    def repair_row(self, row: dict[str, str]) -> Sequence[Values | BadLine]:
        """Write one row in the usual layout."""
        for column in ("exchange", "symbol"):
            known_symbol(column, row[column])
        self._seen = row["exchange"]
        if self._venue is not None and row["exchange"] != self._venue:
            raise BadLine("exchange", f"is not {self._venue}", row["exchange"])
        known_word("side", row["side"], dict.fromkeys(_SIDES, ""))
        exact = {**row, **exact_trade(row, "id", "timestamp", "price", "amount")}
        if row["exchange"] == _COINM:
            contracts = parse_decimal("amount", row["amount"])
            if contracts % 1 != 0 or contracts > MOST_CONTRACTS:
                raise BadLine("amount", "is no number of contracts", row["amount"])
            if not LEAST_PRICE <= parse_decimal("price", row["price"]) <= MOST_PRICE:
                raise BadLine("price", "is no price of a contract", row["price"])
        return [exact]

    def ticks(self, fields: Fields) -> tuple[pa.RecordBatch, list[int]]:
        """Read trades."""
        typed = read_typed(fields, _SPELLING)
        if self._venue == _COINM:
            volume = inverse_volumes(
                fields.integers("amount")[0],
                fields.scaled("price", PRICE_PLACES),
                COINM_USD,
            )
        else:
            volume = fields.strings("amount")
        side = np.zeros(len(fields), dtype=np.int8)
        for word, sign in _SIDES.items():
            side[fields.equals("side", word)] = sign
        price = fields.strings("price")
        return tick_batch(typed.times, typed.ids, price, volume, side), []

    def _of_venue(self, fields: Fields) -> Mask:
        """Which rows are of the file's venue; another one that exists is an error."""
        counts = pc.value_counts(fields.strings("exchange")).to_pylist()
        found = {each["values"]: each["counts"] for each in counts}
        if self._venue is None:
            self._venue = max(sorted(found), key=lambda venue: found[venue])
            self._check_unit()
        others = sorted(found.keys() & _VENUES - {self._venue})
        if others:
            raise ObjectError(
                f"Tardis CSV: trades of {self._venue} and {others[0]} are in it, whose "
                "ids may be the same: split it by the column exchange"
            )
        return fields.equals("exchange", self._venue)

    def _check_unit(self) -> None:
        if self._venue not in _VENUES:
            raise ObjectError(
                f"Tardis CSV: whether amounts of {self._venue} {self._guard.symbol} "
                "are bitcoins, dollars or contracts is not known here: convert them "
                "to bitcoins and load the file with --format csv and --exchange"
            )


def _are_contracts(fields: Fields) -> Mask:
    contracts, is_whole = fields.integers("amount")
    prices: npt.NDArray[np.int64] = fields.scaled("price", PRICE_PLACES)
    is_price = (prices >= LEAST_PRICE * _PRICE_UNIT) & (
        prices <= MOST_PRICE * _PRICE_UNIT
    )
    usual: Mask = is_whole & (contracts <= MOST_CONTRACTS) & is_price
    return usual
