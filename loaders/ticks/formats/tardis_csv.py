"""The CSV files of trades that Tardis publishes of many venues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loaders.content import read_head
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
from loaders.ticks.formats.json_line import known_symbol, known_word
from loaders.ticks.formats.reading import SKIPPED, TICK, UNUSUAL, Verdicts, read_chunks
from loaders.ticks.formats.typed import Spelling, read_typed, tick_batch
from loaders.ticks.instruments import (
    CONSECUTIVE,
    InstrumentGuard,
    contract_usd,
)

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
_HEAD_BYTES = 1 << 20
_HEAD_LINES = 1000


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether the first line is the header of their trades."""
    return bool(lines) and lines[0].strip() == _HEADER


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read one of their files; see `Decoder`."""
    yield from read_chunks(path, _TardisFile(_find_venue(path), options))


class _TardisFile(CsvReader):
    def __init__(self, venue: str, options: DecoderOptions) -> None:
        super().__init__(_COLUMNS, has_header=True)
        self.name = f"Tardis CSV of {venue}"
        self._venue = venue
        self._exchange = options.exchange
        self.guard = InstrumentGuard(self.name, options.symbol)

    @property
    def stream(self) -> Stream | None:
        """Known from the first trade on."""
        if self.guard.symbol is None:
            return None
        ours = _OURS.get(self._venue, self._venue.replace("-", "_"))
        exchange = self._exchange or ours
        return Stream(exchange, self.guard.symbol, "trade", ours in CONSECUTIVE)

    def judge(self, fields: Fields) -> Verdicts:
        """Trades all, if in the usual layout; held to one venue and one instrument."""
        usual = read_typed(fields, _SPELLING).is_good
        is_side = np.zeros(len(fields), dtype=np.bool_)
        for word in _SIDES:
            is_side |= fields.equals("side", word)
        usual &= is_side & ~fields.equals("symbol", "")
        verdicts = np.full(len(fields), UNUSUAL, dtype=np.int8)
        usual_fields = fields.take(usual)
        is_readable = self._of_venue(usual_fields)
        if self._venue == _COINM:
            is_readable &= _are_contracts(usual_fields)
        rows = np.flatnonzero(usual)[is_readable]
        own = self.guard.own(fields.take(rows), "symbol")
        verdicts[rows] = np.where(own, TICK, SKIPPED)
        return verdicts

    def repair_row(self, row: dict[str, str]) -> Sequence[Values | BadLine]:
        """Write one row in the usual layout."""
        for column in ("exchange", "symbol"):
            known_symbol(column, row[column])
        if row["exchange"] != self._venue:
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
        if self._venue == _COINM and len(fields):
            volume = inverse_volumes(
                fields.integers("amount")[0],
                fields.scaled("price", PRICE_PLACES),
                contract_usd(self.guard.symbol or ""),
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
        own = fields.equals("exchange", self._venue)
        if own.all():
            return own
        found = set(fields.take(~own).strings("exchange").to_pylist())
        others = sorted(found & _VENUES)
        if others:
            raise ObjectError(
                f"Tardis CSV: trades of {self._venue} and {others[0]} are in it, whose "
                "ids may be the same: split it by the column exchange"
            )
        return own


def _find_venue(path: Path) -> str:
    """Name the venue of most of the first rows; one that is known goes before."""
    lines = read_head(path, _HEAD_BYTES).split(b"\n")[1:_HEAD_LINES]
    venues = Counter(
        line.split(b",")[0].decode("ascii", errors="replace") for line in lines if line
    )
    known = {venue: count for venue, count in venues.items() if venue in _VENUES}
    ranked = Counter(known or venues).most_common(1)
    venue = ranked[0][0] if ranked else ""
    if venue and not known:
        ids = [line.split(b",")[4] for line in lines if line.count(b",") > 4]
        if not any(each.isdigit() for each in ids):
            raise ObjectError(
                f"Tardis CSV of {venue[:40]!r}: ids are no integers, so its trades "
                "cannot be told apart by them"
            )
        raise ObjectError(
            f"Tardis CSV: whether amounts of {venue[:40]!r} are bitcoins, dollars or "
            "contracts is not known here: convert them to bitcoins and load the file "
            "with --format csv and --exchange"
        )
    return venue


def _are_contracts(fields: Fields) -> Mask:
    contracts, is_whole = fields.integers("amount")
    prices: npt.NDArray[np.int64] = fields.scaled("price", PRICE_PLACES)
    is_price = (prices >= LEAST_PRICE * _PRICE_UNIT) & (
        prices <= MOST_PRICE * _PRICE_UNIT
    )
    usual: Mask = is_whole & (contracts <= MOST_CONTRACTS) & is_price
    return usual
