"""Recordings of Kraken's websocket, version 2: the channel ``trade``.

A message holds one trade or several, numbers and not strings: they are read as the
decimals that they are written as. ``side`` is the taker's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from loaders.ticks.chunk import DecoderOptions, TickChunk
from loaders.ticks.formats.csv_reader import exact_trade
from loaders.ticks.formats.exact import BadLine
from loaders.ticks.formats.fields import Fields, Mask, Values
from loaders.ticks.formats.json_line import (
    known_symbol,
    known_word,
    peek_objects,
    unknown_message,
)
from loaders.ticks.formats.json_reader import JsonReader
from loaders.ticks.formats.reading import read_chunks
from loaders.ticks.formats.typed import Spelling

NAME = "kraken"

_CHANNELS = ("trade", "book", "ticker", "ohlc", "heartbeat", "status", "instrument")
_OTHERS = frozenset({*_CHANNELS, "level3", "executions", "balances"})
#: Answers to a request.
_ANSWER_FIELDS = ("method", "error")
_WORDS = {"buy": "buy", "sell": "sell"}


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether any of the first lines is a message of a channel of theirs."""
    return any(
        message.get("channel") in _CHANNELS
        and (isinstance(message.get("data"), list) or len(message) == 1)
        for message in peek_objects(lines)
    )


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a recording; see `Decoder`."""
    yield from read_chunks(path, _KrakenRecording(options))


class _KrakenRecording(JsonReader):
    name = "Kraken"
    exchange = "kraken"
    members = ("channel", "symbol", "side", "price", "qty", "trade_id", "timestamp")
    in_list = True
    spelling = Spelling("trade_id", "timestamp", "price", "qty")
    symbol = "symbol"
    side = "side"
    sides: ClassVar[Mapping[str, int]] = {"buy": 1, "sell": -1}

    def is_trade(self, fields: Fields) -> tuple[Mask, Mask]:
        """Tell by the channel."""
        return fields.equals("channel", "trade"), fields.equals("channel", "heartbeat")

    def repair_message(self, message: dict[str, Any]) -> Sequence[Values | BadLine]:
        """Write the trades of a message in the usual layout, each by itself."""
        channel = message.get("channel")
        trades = message.get("data")
        if channel != "trade":
            if isinstance(trades, list) and any(map(_is_like_trade, trades)):
                raise BadLine("channel", "is none with such messages", channel)
            is_known = isinstance(channel, str) and channel in _OTHERS
            if not is_known and not any(name in message for name in _ANSWER_FIELDS):
                raise unknown_message(message)
            return []
        if not isinstance(trades, list):
            raise BadLine("data", "is no list of trades", trades)
        return [_exact(trade) for trade in trades]


def _is_like_trade(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= {"trade_id", "price", "qty"}


def _exact(trade: Any) -> Values | BadLine:
    try:
        if not isinstance(trade, dict):
            raise BadLine("data", "holds something that is no trade", trade)
        symbol = known_symbol("symbol", trade.get("symbol"))
        side = known_word("side", trade.get("side"), _WORDS)
        exact = exact_trade(trade, "trade_id", "timestamp", "price", "qty")
    except BadLine as complaint:
        return complaint
    return {"channel": "trade", "symbol": symbol, "side": side, **exact}
