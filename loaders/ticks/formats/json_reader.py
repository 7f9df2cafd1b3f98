"""What the JSON formats of one trade per message have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loaders.ticks.chunk import DecoderOptions, Stream
from loaders.ticks.formats.exact import BadLine
from loaders.ticks.formats.fields import STRING, Fields, Mask, Values
from loaders.ticks.formats.json_line import parse_line
from loaders.ticks.formats.lines import Lines
from loaders.ticks.formats.reading import SKIPPED, TICK, UNUSUAL, Verdicts
from loaders.ticks.formats.scan_json import RECEIVED, scan_json
from loaders.ticks.formats.typed import Spelling, read_typed, tick_batch
from loaders.ticks.instruments import CONSECUTIVE, InstrumentGuard


class JsonReader:
    """Reads messages; the class variables and the three last methods are the format's.

    Parameters
    ----------
    options
        Of the command line.
    """

    #: How complaints name it.
    name: ClassVar[str]
    #: The venue, unless the command line names it.
    exchange: ClassVar[str]
    #: Fields kept of a message, in the order in which they come.
    members: ClassVar[tuple[str, ...]]
    #: The trade is in a list.
    in_list: ClassVar[bool] = False
    #: Names of those every tick has.
    spelling: ClassVar[Spelling]
    #: Where the instrument is named, the side, and which words of it are which.
    symbol: ClassVar[str]
    symbol_prefix: ClassVar[str] = ""
    side: ClassVar[str]
    sides: ClassVar[Mapping[str, int]]

    def __init__(self, options: DecoderOptions) -> None:
        self.names: tuple[str, ...] = (*self.members, RECEIVED)
        self._exchange = options.exchange or self.exchange
        self.guard = InstrumentGuard(self._exchange, options.symbol, self.symbol_prefix)

    @property
    def stream(self) -> Stream | None:
        """Known from the first trade on."""
        if self.guard.symbol is None:
            return None
        is_consecutive = self.exchange in CONSECUTIVE
        return Stream(self._exchange, self.guard.symbol, "trade", is_consecutive)

    def scan(self, lines: Lines) -> tuple[Fields, npt.NDArray[np.uint8]]:
        """Cut messages into their fields."""
        return scan_json(lines, self.names, in_list=self.in_list)

    def judge(self, fields: Fields) -> Verdicts:
        """Tell trades from the rest, and the instrument's from others'."""
        is_trade, is_other = self.is_trade(fields)
        usual = is_trade & (fields.kind(self.symbol) == STRING)
        usual &= ~fields.equals(self.symbol, "")
        usual &= read_typed(fields, self.spelling).is_good
        usual &= self._sides(fields) != 0
        verdicts = np.where(is_other, SKIPPED, UNUSUAL).astype(np.int8)
        rows = np.flatnonzero(usual)
        own = self.guard.own(fields.take(rows), self.symbol)
        verdicts[rows] = np.where(own, TICK, SKIPPED)
        return verdicts

    def repair(self, line: bytes) -> Sequence[Values | BadLine]:
        """Understand one message by itself."""
        return self.repair_message(parse_line(line)[1])

    def ticks(self, fields: Fields) -> tuple[pa.RecordBatch, list[int]]:
        """Read trades."""
        typed = read_typed(fields, self.spelling)
        price = fields.strings(self.spelling.price)
        volume = fields.strings(self.spelling.volume)
        side = self._sides(fields)
        return tick_batch(typed.times, typed.ids, price, volume, side), []

    def books(
        self, lines: Lines, fields: Fields, verdicts: Verdicts
    ) -> Mapping[datetime, dict[str, Any]]:
        """None are folded of this venue."""
        return {}

    def last_books(self) -> Mapping[datetime, dict[str, Any]]:
        """None are folded of this venue."""
        return {}

    def is_trade(self, fields: Fields) -> tuple[Mask, Mask]:
        """Which messages are trades, and which certainly are not."""
        raise NotImplementedError

    def repair_message(self, message: dict[str, Any]) -> Sequence[Values | BadLine]:
        """Write a message in the usual layout."""
        raise NotImplementedError

    def _sides(self, fields: Fields) -> npt.NDArray[np.int8]:
        sides = np.zeros(len(fields), dtype=np.int8)
        for word, side in self.sides.items():
            sides[fields.equals(self.side, word)] = side
        return sides
