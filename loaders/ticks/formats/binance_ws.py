"""Recordings of Binance's websockets: trades, quotes and depth of one instrument.

A line is a message as it came, with its stream's name around it or without, and with
the time of its receipt in front or without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loaders.errors import ObjectError
from loaders.ticks.chunk import DecoderOptions, Stream, TickChunk
from loaders.ticks.formats.binance_events import (
    FLAT_EVENTS,
    TRADES,
    repair_event,
    tell_market,
)
from loaders.ticks.formats.binance_trades import VOID, BinanceTrades
from loaders.ticks.formats.books import BookFold
from loaders.ticks.formats.exact import BadLine
from loaders.ticks.formats.fields import STRING, Fields, Mask, Values
from loaders.ticks.formats.lines import Lines
from loaders.ticks.formats.reading import (
    BOOK,
    SKIPPED,
    TICK,
    UNUSUAL,
    Verdicts,
    read_chunks,
)
from loaders.ticks.formats.recorded_book import RecordedBook, usual_books
from loaders.ticks.formats.scan_json import RECEIVED, scan_json
from loaders.ticks.formats.typed import tick_batch
from loaders.ticks.instruments import (
    BINANCE,
    SPACED,
    InstrumentGuard,
    contract_usd,
    is_bitcoin,
    is_inverse,
)

NAME = "binance_ws"

_SPOT, _USDM, _COINM = BINANCE
_MESSAGE = re.compile(
    rb'\s*(?:\d+\s+)?\{.*(?:"e"\s*:\s*"(?:trade|aggTrade|bookTicker|depthUpdate)"'
    rb'|"stream"\s*:\s*"[a-z0-9_]+@|"u":\d+,"s":"[A-Z0-9_]+","b":"|"lastUpdateId")'
)


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether any of the first lines is a message of theirs."""
    return any(_MESSAGE.match(line) for line in lines)


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a recording; see `Decoder`."""
    yield from read_chunks(path, _BinanceRecording(options))


class _BinanceRecording:
    name = "Binance websocket"
    names: tuple[str, ...] = (
        *("stream", "e", "E", "s", "t", "p", "q", "a", "f", "l", "T", "m", "M", "X"),
        *("U", "u", "pu", "b", "B", "A", "lastUpdateId", "bids", "asks"),
        *(VOID, RECEIVED),
    )

    def __init__(self, options: DecoderOptions) -> None:
        self._options = options
        self._forced = options.exchange if options.exchange in BINANCE else None
        self.guard = InstrumentGuard("Binance", options.symbol)
        self._market: str | None = None
        self._trades: BinanceTrades | None = None
        self._book: RecordedBook | None = None

    @property
    def stream(self) -> Stream | None:
        """Known from the first trade on."""
        if self._trades is None or self._market is None or self.guard.symbol is None:
            return None
        exchange = self._options.exchange or self._market
        return Stream(
            exchange, self.guard.symbol, self._trades.kind, exchange != SPACED
        )

    def scan(self, lines: Lines) -> tuple[Fields, npt.NDArray[np.uint8]]:
        """Cut messages into their fields."""
        return scan_json(lines, self.names)

    def repair(self, line: bytes) -> Sequence[Values | BadLine]:
        """Understand one message by itself."""
        market = self._forced or self._market
        return repair_event(line, market, self.guard)

    def judge(self, fields: Fields) -> Verdicts:
        """Tell trades, book messages and the rest apart; keep to one instrument."""
        verdicts = np.full(len(fields), UNUSUAL, dtype=np.int8)
        is_trade, is_aggregate = (fields.equals("e", name) for name in TRADES)
        is_any_trade = is_trade | is_aggregate
        usual_book, is_snapshot = usual_books(fields)
        is_named = (is_any_trade | (usual_book & ~is_snapshot)) & fields.has("s")
        is_named &= (fields.kind("s") == STRING) & ~fields.equals("s", "")
        rows = np.flatnonzero(is_named)
        own = np.zeros(len(fields), dtype=np.bool_)
        own[rows] = self.guard.own(fields.take(rows), "s")
        for other in FLAT_EVENTS:
            verdicts[fields.equals("e", other)] = SKIPPED
        verdicts[is_named & ~own] = SKIPPED
        verdicts[usual_book & own] = BOOK
        verdicts[is_snapshot] = self._snapshots(fields.take(is_snapshot))
        trades = np.flatnonzero(is_any_trade & own)
        if len(trades):
            own_trades = fields.take(trades)
            usual = self._usual_trades(own_trades, is_aggregate[trades])
            verdicts[trades[usual]] = TICK
        return verdicts

    def ticks(self, fields: Fields) -> tuple[pa.RecordBatch, list[int]]:
        """Read trades."""
        if self._trades is None:
            empty = np.empty(0, np.int64)
            text = pa.array([], pa.string())
            return tick_batch(empty, empty, text, text, empty.astype(np.int8)), []
        return self._trades.read(fields)

    def books(
        self, lines: Lines, fields: Fields, verdicts: Verdicts
    ) -> Mapping[datetime, dict[str, Any]]:
        """Fold the quotes and depth of a chunk."""
        is_book = verdicts == BOOK
        if self._book is None:
            if not is_book.any():
                return {}
            self._book = RecordedBook(BookFold(self._size_unit()))
        # Trades are taken along for their event times.
        return self._book.add(fields.take(is_book | (verdicts == TICK)))

    def last_books(self) -> Mapping[datetime, dict[str, Any]]:
        """Hand out the last windows."""
        return {} if self._book is None else self._book.fold.rest()

    def _size_unit(self) -> str:
        symbol = self.guard.symbol
        if symbol is not None and self._is_inverse():
            return f"contracts of {contract_usd(symbol)} USD"
        if symbol is None or is_bitcoin(symbol):
            return "BTC"
        return f"base coin of {symbol}"

    def _is_inverse(self) -> bool:
        return self._market == _COINM or is_inverse(self.guard.symbol or "")

    def _snapshots(self, fields: Fields) -> npt.NDArray[np.int8]:
        """Snapshots do not name their instrument; their stream may."""
        prefix = f"{(self.guard.symbol or '').lower()}@"
        streams = fields.strings("stream")
        is_own = pc.or_(pc.equal(streams, ""), pc.starts_with(streams, prefix))
        chosen: npt.NDArray[np.int8] = np.where(
            is_own.to_numpy(zero_copy_only=False), BOOK, SKIPPED
        ).astype(np.int8)
        return chosen

    def _usual_trades(self, fields: Fields, is_aggregate: Mask) -> Mask:
        """Which trades can be read; the first settles the market and the kind."""
        has_m, has_x = fields.has("M"), fields.has("X")
        if self._trades is None:
            self._settle(fields, is_aggregate, has_m, has_x)
        if self._trades is None:
            return np.zeros(len(fields), dtype=np.bool_)
        is_kind = is_aggregate == (self._trades.kind == "aggTrade")
        usual = self._trades.usual(fields)
        if not is_kind.all():
            other = TRADES[0] if self._trades.kind == TRADES[1] else TRADES[1]
            reader = replace(self._trades, kind=other)
            if (reader.usual(fields) & ~is_kind).any():
                raise ObjectError(
                    f"Binance: both {self._trades.kind} and {other} of "
                    f"{self.guard.symbol} are in it, whose ids mean different things: "
                    "split it by the field e, and load one of the two under another "
                    "--exchange, or not at all"
                )
        if self._forced is None:
            is_foreign = has_x if self._market == _SPOT else has_m & ~has_x
            if (usual & is_kind & is_foreign).any():
                raise ObjectError(
                    f"Binance: {self.guard.symbol} of spot (trades with M) and of "
                    "futures (with X, or without M) are in it, whose ids are not the "
                    "same: split it, and load each with its --exchange"
                )
        # Of the other kind, but not in order: looked at by itself, and refused.
        readable: Mask = usual & is_kind
        return readable

    def _settle(
        self, fields: Fields, is_aggregate: Mask, has_m: Mask, has_x: Mask
    ) -> None:
        # Damaged messages do not settle it.
        trades, aggregates = (
            BinanceTrades(kind, False).usual(fields) for kind in TRADES
        )
        sound = np.where(is_aggregate, aggregates, trades)
        if not sound.any():
            return
        first = int(np.argmax(sound))
        kind = TRADES[int(is_aggregate[first])]
        symbol = self.guard.symbol or ""
        self._market = self._forced or tell_market(
            kind, symbol, has_x=bool(has_x[first]), has_m=bool(has_m[first])
        )
        usd = contract_usd(symbol) if self._market == _COINM else None
        self._trades = BinanceTrades(kind, self._market != _SPOT, usd)
