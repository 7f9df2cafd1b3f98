"""The CSV files that Binance publishes of past days and months.

Told apart by their columns: spot files have no header, and times in ms before 2025, in
µs since; files of futures have had a header since about 2022.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa

from loaders.content import packed_name, read_head
from loaders.errors import ObjectError
from loaders.ticks.chunk import DecoderOptions, Stream, TickChunk
from loaders.ticks.formats.binance_trades import VOID, BinanceTrades
from loaders.ticks.formats.csv_reader import CsvReader
from loaders.ticks.formats.exact import BadLine
from loaders.ticks.formats.fields import Fields, Values
from loaders.ticks.formats.reading import TICK, UNUSUAL, Verdicts, read_chunks
from loaders.ticks.instruments import (
    BINANCE,
    SPACED,
    InstrumentGuard,
    contract_usd,
    is_inverse,
)
from loaders.ticks.names import named_market, named_symbol

NAME = "binance_csv"

_SPOT, _USDM, _COINM = BINANCE
_HEAD_BYTES = 1 << 20
_HEAD_LINES = 1000
#: So many quantities without a fraction are contracts, not bitcoins.
_SURE_ROWS = 100
#: A third number that is rounded agrees with the other two within this.
_ROUNDED = Decimal("0.1")

_ID, _NUMBER, _TIME, _FLAG = (
    r"(?:0|[1-9]\d*)",
    r"[0-9.eE-]+",
    r"\d{13}(?:\d{3})?",
    r"(?i:true|false)",
)


@dataclass(frozen=True)
class _Layout:
    kind: str
    is_futures: bool
    columns: tuple[str, ...]
    row: re.Pattern[str]
    headers: tuple[str, ...]

    def is_row(self, text: str) -> bool:
        """Say whether a line has these columns, with values that can be."""
        if not self.row.fullmatch(text):
            return False
        if self.kind == "trade":
            return True
        first, last = text.split(",")[3:5]
        return int(first) <= int(last)


def _layout(kind: str, is_futures: bool, columns: str, *headers: str) -> _Layout:
    patterns = {"t": _ID, "a": _ID, "f": f"(?:-1|{_ID})", "l": f"(?:-1|{_ID})"}
    patterns["T"] = _TIME
    patterns |= {"m": _FLAG, "M": _FLAG}
    names = tuple(columns.split(","))
    row = ",".join(patterns.get(name, _NUMBER) for name in names)
    return _Layout(kind, is_futures, names, re.compile(row, re.ASCII), headers)


_LAYOUTS = (
    _layout(
        "trade",
        False,
        "t,p,q,quote,T,m,M",
        "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match",
    ),
    _layout(
        "aggTrade",
        False,
        "a,p,q,f,l,T,m,M",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,"
        "is_buyer_maker,is_best_match",
    ),
    _layout(
        "trade",
        True,
        "t,p,q,quote,T,m",
        "id,price,qty,quote_qty,time,is_buyer_maker",
        "id,price,qty,base_qty,time,is_buyer_maker",
    ),
    _layout(
        "aggTrade",
        True,
        "a,p,q,f,l,T,m",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,"
        "is_buyer_maker",
    ),
)


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether any of the first lines is a header or row of theirs."""
    return bool(_votes(lines))


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read one of their files; see `Decoder`."""
    lines = read_head(path, _HEAD_BYTES).split(b"\n")[:_HEAD_LINES]
    lines = [line.rstrip(b"\r") for line in lines]
    layout = _find_layout(lines)
    texts = [_decoded(line) for line in lines]
    rows = [text.split(",") for text in texts if layout.is_row(text)]
    # The one member of an archive has a name of its own.
    name = options.uri or str(path)
    if (member := packed_name(path)) != path.name:
        name = f"{name}/{member}"
    symbol = named_symbol(name, options.symbol)
    market = options.exchange
    if market not in BINANCE:
        market = _market(layout, texts[0], rows, name, symbol)
    symbol = symbol or ("BTCUSD_PERP" if market == _COINM else "BTCUSDT")
    usd = _contract_usd(layout, rows, symbol) if market == _COINM else None
    exchange = options.exchange or market
    stream = Stream(exchange, symbol, layout.kind, exchange != SPACED)
    trades = BinanceTrades(layout.kind, market != _SPOT, usd)
    has_header = texts[0] in layout.headers
    yield from read_chunks(path, _BinanceCsv(layout, trades, stream, has_header))


def _votes(lines: Sequence[bytes]) -> Counter[_Layout]:
    """Count the layouts that the first lines have."""
    votes: Counter[_Layout] = Counter()
    for line in lines[:_HEAD_LINES]:
        text = _decoded(line)
        for layout in _LAYOUTS:
            if text in layout.headers or layout.is_row(text):
                votes[layout] += 1
    return votes


def _find_layout(lines: Sequence[bytes]) -> _Layout:
    """Find the layout of most of the first lines: any one of them may be damaged."""
    ranked = _votes(lines).most_common(2)
    if not ranked:
        raise ObjectError(
            "no line of the first ones has the columns of a trades or aggTrades file "
            "of Binance; other CSV loads with --format csv and --columns"
        )
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        both = " and ".join(",".join(layout.columns) for layout, _ in ranked)
        raise ObjectError(
            f"as many of its first lines have the columns {both}: it cannot be told "
            "which of them are damaged"
        )
    return ranked[0][0]


def _decoded(line: bytes) -> str:
    return line.decode("ascii", errors="replace").strip()


def _market(
    layout: _Layout,
    first: str,
    rows: Sequence[Sequence[str]],
    name: str,
    symbol: str | None,
) -> str:
    """Tell the market by the name, then by the columns, then by the quantities."""
    way_out = " or ".join(f"--exchange {market}" for market in BINANCE[1:])
    if not layout.is_futures:
        if symbol is not None and is_inverse(symbol):
            raise ObjectError(
                f"{symbol} is a contract of COIN-M, but the columns are those of spot: "
                f"name the market with --exchange {_SPOT} or {way_out}"
            )
        return _SPOT
    named = named_market(name, symbol)
    votes = Counter(filter(None, (_market_of_row(layout, row) for row in rows)))
    shown = votes.most_common(1)[0][0] if votes else None
    is_sure = shown is not None and 2 * votes[shown] > len(rows)
    for column, market in (("base_qty", _COINM), ("quote_qty", _USDM)):
        if column in first:
            shown, is_sure = market, True
    if named is not None:
        if is_sure and shown != named:
            raise ObjectError(
                f"its name says {named}, its columns {shown}: whether quantities are "
                f"coins or contracts is not certain; name the market with {way_out}"
            )
        return named
    if shown is not None and (is_sure or len(votes) == 1):
        return shown
    if layout.kind == "aggTrade" and not votes and len(rows) >= _SURE_ROWS:
        return _COINM
    raise ObjectError(
        "futures of Binance whose name and columns do not say whether quantities are "
        f"bitcoins or contracts: name the market with {way_out}"
    )


def _market_of_row(layout: _Layout, row: Sequence[str]) -> str | None:
    try:
        price, quantity, other = (Decimal(text) for text in row[1:4])
        if quantity != quantity.to_integral_value():
            return _USDM
        if layout.kind == "aggTrade" or not price * quantity * other:
            return None
        # The third number is the value in the other currency, rounded.
        if abs(other / (price * quantity) - 1) < _ROUNDED:
            return _USDM
        if any(_is_worth(row, usd) for usd in (10, 100)):
            return _COINM
    except ArithmeticError:
        pass
    return None


def _contract_usd(layout: _Layout, rows: Sequence[Sequence[str]], symbol: str) -> int:
    """Return what a contract is worth; the column of coins has to agree."""
    usd = contract_usd(symbol)
    others = [row for row in rows if layout.kind == "trade" and not _is_worth(row, usd)]
    if 2 * len(others) > len(rows):
        price, quantity, coins = others[0][1:4]
        raise ObjectError(
            f"a contract of {symbol} is worth {usd} USD, but id {others[0][0]} has "
            f"{quantity} contracts at {price} for {coins} coins: name the contract "
            "with --symbol"
        )
    return usd


def _is_worth(row: Sequence[str], usd: int) -> bool:
    """Say whether a row's coins are those of contracts of so many dollars."""
    try:
        price, quantity, coins = (Decimal(text) for text in row[1:4])
        return abs(coins * price / (quantity * usd) - 1) < _ROUNDED
    except ArithmeticError:
        return False


class _BinanceCsv(CsvReader):
    name = "Binance CSV"

    def __init__(
        self,
        layout: _Layout,
        trades: BinanceTrades,
        stream: Stream,
        has_header: bool,
    ) -> None:
        super().__init__(layout.columns, has_header=has_header, extra=(VOID,))
        self._stream = stream
        self._trades = trades
        # One instrument, which no column names.
        self.guard = InstrumentGuard(self.name, stream.symbol)

    @property
    def stream(self) -> Stream | None:
        """Known from the start."""
        return self._stream

    def judge(self, fields: Fields) -> Verdicts:
        """Trades all, if they are in the usual layout."""
        return np.where(self._trades.usual(fields), TICK, UNUSUAL).astype(np.int8)

    def repair_row(self, row: dict[str, str]) -> Sequence[Values | BadLine]:
        """Write one row in the usual layout."""
        exact = self._trades.exact(row)
        return [exact] if exact else []

    def ticks(self, fields: Fields) -> tuple[pa.RecordBatch, list[int]]:
        """Read trades."""
        return self._trades.read(fields)
