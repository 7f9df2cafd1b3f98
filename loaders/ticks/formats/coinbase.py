"""Recordings of Coinbase Exchange's websocket: ``match`` messages.

They come on the channels ``matches`` and ``full``, one flat object per trade; the first
one after a subscription is called ``last_match``. Their ``side`` is the maker's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

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

NAME = "coinbase"

_MATCHES = ("match", "last_match")
#: Of the full channel, whose lines are mostly these.
_OTHERS = ("received", "open", "done", "change", "activate", "heartbeat", "ticker")
#: With objects or lists inside: looked at one by one.
_RARE = frozenset(
    {
        *_OTHERS,
        *("subscriptions", "error", "status", "snapshot", "l2update", "auction"),
        *("balance", "rfq_match", "unsubscribe", "subscribe"),
    }
)
_TRADE_FIELDS = frozenset({"trade_id", "maker_order_id", "taker_order_id"})


def recognises(lines: Sequence[bytes]) -> bool:
    """Say whether any of the first lines is a message about a product of theirs."""
    known = {*_MATCHES, *_OTHERS}
    return any(
        message.get("type") in known and "product_id" in message
        for message in peek_objects(lines)
    )


def decode(path: Path, options: DecoderOptions) -> Iterator[TickChunk]:
    """Read a recording; see `Decoder`."""
    yield from read_chunks(path, _CoinbaseRecording(options))


class _CoinbaseRecording(JsonReader):
    name = "Coinbase"
    exchange = "coinbase"
    members = ("type", "trade_id", "time", "product_id", "size", "price", "side")
    spelling = Spelling("trade_id", "time", "price", "size")
    symbol = "product_id"
    side = "side"
    # The maker's, which makes the taker's the other.
    sides: ClassVar[Mapping[str, int]] = {"sell": 1, "buy": -1}

    def is_trade(self, fields: Fields) -> tuple[Mask, Mask]:
        """Tell by the type."""
        is_match: Mask = np.zeros(len(fields), dtype=np.bool_)
        for word in _MATCHES:
            is_match |= fields.equals("type", word)
        is_other: Mask = np.zeros(len(fields), dtype=np.bool_)
        for word in _OTHERS:
            is_other |= fields.equals("type", word)
        return is_match, is_other

    def repair_message(self, message: dict[str, Any]) -> Sequence[Values | BadLine]:
        """Write a match in the usual layout."""
        kind = message.get("type")
        if not isinstance(kind, str) or kind not in _MATCHES:
            if message.keys() >= _TRADE_FIELDS:
                raise BadLine("type", "is no message with such fields", kind)
            if not isinstance(kind, str) or kind not in _RARE:
                raise unknown_message(message)
            return []
        symbol = known_symbol("product_id", message.get("product_id"))
        side = known_word("side", message.get("side"), {"buy": "buy", "sell": "sell"})
        exact = exact_trade(message, "trade_id", "time", "price", "size")
        return [{"type": "match", "product_id": symbol, "side": side, **exact}]
