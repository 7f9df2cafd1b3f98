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

from loaders.errors import ObjectError
from loaders.ticks.chunk import DecoderOptions, Stream, TickChunk
from loaders.ticks.formats.binance_trades import VOID, BinanceTrades
from loaders.ticks.formats.content import packed_name, read_head
from loaders.ticks.formats.csv_reader import CsvReader
from loaders.ticks.formats.exact import BadLine
from loaders.ticks.formats.fields import Fields, Values
from loaders.ticks.formats.instruments import (
    BINANCE,
    COINM_USD,
    is_bitcoin,
    is_inverse,
)
from loaders.ticks.formats.reading import TICK, UNUSUAL, Verdicts, read_chunks

NAME = "binance_csv"

_SPOT, _USDM, _COINM = BINANCE
_HEAD_BYTES = 1 << 20
_HEAD_LINES = 1000
#: So many quantities without a fraction are contracts, not bitcoins.
_SURE_ROWS = 100
_NAMED = re.compile(r"([A-Z0-9]+(?:_PERP|_[0-9]{6})?)-(?:trades|aggTrades)\b")

_ID, _NUMBER, _TIME, _FLAG = (
    r"\d+",
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


def _layout(kind: str, is_futures: bool, columns: str, *headers: str) -> _Layout:
    patterns = {"t": _ID, "a": _ID, "f": r"-?\d+", "l": r"-?\d+", "T": _TIME}
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
    return _find_layout(lines) is not None


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read one of their files; see `Decoder`."""
    lines = read_head(path, _HEAD_BYTES).split(b"\n")[:_HEAD_LINES]
    lines = [line.rstrip(b"\r") for line in lines]
    layout = _find_layout(lines)
    if layout is None:
        raise ObjectError(
            "no line of the first ones has the columns of a trades or aggTrades file "
            "of Binance; other CSV loads with --format csv and --columns"
        )
    name = _NAMED.match(packed_name(path))
    symbol = options.symbol or (name[1] if name else None)
    if options.symbol is None and symbol is not None and not is_bitcoin(symbol):
        raise ObjectError(f"its name says {symbol}, which is not bitcoin")
    market = _market(layout, lines, symbol, options)
    symbol = symbol or ("BTCUSD_PERP" if market == _COINM else "BTCUSDT")
    stream = Stream(options.exchange or market, symbol, layout.kind)
    has_header = _decoded(lines[0]) in layout.headers
    yield from read_chunks(path, _BinanceCsv(layout, market, stream, has_header))


def _find_layout(lines: Sequence[bytes]) -> _Layout | None:
    votes: Counter[_Layout] = Counter()
    for line in lines[:_HEAD_LINES]:
        text = _decoded(line)
        for layout in _LAYOUTS:
            if layout.row.fullmatch(text) or text in layout.headers:
                votes[layout] += 1
    return votes.most_common(1)[0][0] if votes else None


def _decoded(line: bytes) -> str:
    return line.decode("ascii", errors="replace").strip()


def _market(
    layout: _Layout,
    lines: Sequence[bytes],
    symbol: str | None,
    options: DecoderOptions,
) -> str:
    """Tell USD-M from COIN-M by header, arithmetic, quantities and name, in turn."""
    if options.exchange in BINANCE:
        return options.exchange
    if not layout.is_futures:
        return _SPOT
    texts = [_decoded(line) for line in lines]
    if "base_qty" in texts[0]:
        return _COINM
    if "quote_qty" in texts[0]:
        return _USDM
    rows = [text.split(",") for text in texts if layout.row.fullmatch(text)]
    found = {_market_of_row(layout, row) for row in rows} - {None}
    if len(found) == 1:
        return str(found.pop())
    if layout.kind == "aggTrade" and not found and len(rows) >= _SURE_ROWS:
        return _COINM
    if symbol is not None and not found:
        return _COINM if is_inverse(symbol) else _USDM
    raise ObjectError(
        "futures of Binance whose columns do not say whether quantities are bitcoins "
        f"or contracts: name the market with --exchange {_USDM} or --exchange {_COINM}"
    )


def _market_of_row(layout: _Layout, row: Sequence[str]) -> str | None:
    try:
        price, quantity, other = (Decimal(text) for text in row[1:4])
        if quantity != quantity.to_integral_value():
            return _USDM
        if layout.kind == "aggTrade" or not price * quantity * other:
            return None
        # The third number is the value in the other currency, rounded.
        if abs(other / (price * quantity) - 1) < Decimal("0.1"):
            return _USDM
        if abs(other * price / (quantity * COINM_USD) - 1) < Decimal("0.1"):
            return _COINM
    except ArithmeticError:
        pass
    return None


class _BinanceCsv(CsvReader):
    name = "Binance CSV"

    def __init__(
        self, layout: _Layout, market: str, stream: Stream, has_header: bool
    ) -> None:
        super().__init__(layout.columns, has_header=has_header, extra=(VOID,))
        self._stream = stream
        self._trades = BinanceTrades(layout.kind, market != _SPOT, market == _COINM)

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
