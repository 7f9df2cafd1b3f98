"""Recordings of Bitstamp's websocket, version 2: the channels ``live_trades_…``.

Price and amount come twice, as floats and as strings: the strings are taken. ``type``
is 0 for a buying taker and 1 for a selling one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.compute as pc

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

NAME = "bitstamp"

_CHANNEL = "live_trades_"
_TRADE_FIELDS = frozenset({"id", "type", "microtimestamp", "price"})
#: Besides those that begin with ``bts:``; books are ``data``.
_OTHERS = frozenset({"data", "order_created", "order_changed", "order_deleted"})
_WORDS = {0: "0", 1: "1", "0": "0", "1": "1"}


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether any of the first lines is a message of a channel of trades."""
    return any(
        "event" in message and str(message.get("channel", "")).startswith(_CHANNEL)
        for message in peek_objects(lines)
    )


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a recording; see `Decoder`."""
    yield from read_chunks(path, _BitstampRecording(options))


def _is_known_event(event: Any) -> bool:
    return isinstance(event, str) and (event in _OTHERS or event.startswith("bts:"))


class _BitstampRecording(JsonReader):
    name = "Bitstamp"
    exchange = "bitstamp"
    members = (
        *("id", "amount_str", "price_str", "type", "microtimestamp"),
        *("channel", "event"),
    )
    spelling = Spelling("id", "microtimestamp", "price_str", "amount_str")
    symbol = "channel"
    symbol_prefix = _CHANNEL
    side = "type"
    sides: ClassVar[Mapping[str, int]] = {"0": 1, "1": -1}

    def is_trade(self, fields: Fields) -> tuple[Mask, Mask]:
        """Tell by the event and the channel."""
        channel = pc.starts_with(fields.strings("channel"), _CHANNEL)
        is_channel: Mask = channel.to_numpy(zero_copy_only=False)
        is_trade = fields.equals("event", "trade") & is_channel
        return is_trade, fields.equals("event", "bts:heartbeat")

    def repair_message(self, message: dict[str, Any]) -> Sequence[Values | BadLine]:
        """Write a trade in the usual layout."""
        event, trade = message.get("event"), message.get("data")
        channel = message.get("channel")
        is_like_trade = isinstance(trade, dict) and trade.keys() >= _TRADE_FIELDS
        is_channel = isinstance(channel, str) and channel.startswith(_CHANNEL)
        if event != "trade" or not is_channel:
            if is_like_trade:
                complaint = "are none with such a message"
                raise BadLine("event and channel", complaint, f"{event} {channel}")
            if "data" not in message or not _is_known_event(event):
                raise unknown_message(message)
            return []
        if not isinstance(trade, dict):
            raise BadLine("data", "is no trade", trade)
        strings = {
            "amount_str": trade.get("amount_str", trade.get("amount")),
            "price_str": trade.get("price_str", trade.get("price")),
        }
        symbol = known_symbol("channel", channel)
        side = known_word("type", trade.get("type"), _WORDS)
        row = {**trade, **strings}
        exact = exact_trade(row, "id", "microtimestamp", "price_str", "amount_str")
        return [{"event": "trade", "channel": symbol, "type": side, **exact}]
