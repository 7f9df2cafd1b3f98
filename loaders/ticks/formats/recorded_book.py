"""The book messages of a Binance recording, a chunk at a time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc
from loaders.ticks.formats.exact import PRICE_DIGITS
from loaders.ticks.formats.fields import ARRAY, STRING, Fields, Mask
from loaders.ticks.formats.scan_json import RECEIVED
from loaders.ticks.formats.typed import read_times

from loaders.ticks.formats.books import BookFold, EventClock, Quotes
from loaders.ticks.formats.depth import DepthMessages
from loaders.ticks.formats.levels import PLACES, Levels, level_counts, read_levels

_PARTIAL = re.compile(r"@depth(5|10|20)(@|$)")


def usual_books(fields: Fields) -> tuple[Mask, Mask]:
    """Which rows are quotes, depth updates or snapshots that can be read as they stand.

    Returns
    -------
    tuple
        These rows; and which of them are snapshots.
    """
    has_event = fields.has("e")
    is_quote = ~has_event | fields.equals("e", "bookTicker")
    for name in ("b", "a"):
        is_quote &= fields.kind(name) == STRING
    is_quote &= fields.has("B") & fields.has("A") & fields.has("u") & fields.has("s")
    is_depth = fields.equals("e", "depthUpdate")
    is_depth &= (fields.kind("b") == ARRAY) & (fields.kind("a") == ARRAY)
    is_snapshot = ~has_event & fields.has("lastUpdateId")
    is_snapshot &= (fields.kind("bids") == ARRAY) & (fields.kind("asks") == ARRAY)
    usual = np.zeros(len(fields), dtype=np.bool_)
    for mask, check in (
        (is_quote, _good_quotes),
        (is_depth, _good_depth),
        (is_snapshot, _good_snapshots),
    ):
        rows = np.flatnonzero(mask)
        if len(rows):
            usual[rows] = check(fields.take(rows))
    return usual, is_snapshot & usual


def _good_quotes(fields: Fields) -> Mask:
    is_good = fields.integers("u")[1]
    for name in ("b", "B", "a", "A"):
        is_good &= fields.decimals(name, *PRICE_DIGITS) >= 0
    if fields.has("e").any():
        is_good &= ~fields.has("e") | read_times(fields, "E")[1]
    rows = np.flatnonzero(is_good)
    good = fields.take(rows)
    bids, asks = good.scaled("b", PLACES), good.scaled("a", PLACES)
    is_good[rows] = (bids < asks) | (asks == 0)
    return is_good


def _good_depth(fields: Fields) -> Mask:
    is_good = fields.integers("U")[1] & fields.integers("u")[1]
    is_good &= read_times(fields, "E")[1]
    is_good &= ~fields.has("pu") | fields.integers("pu")[1]
    for name in ("b", "a"):
        is_good &= level_counts(fields.text, *fields.span(name)) >= 0
    return is_good


def _good_snapshots(fields: Fields) -> Mask:
    is_good = fields.integers("lastUpdateId")[1]
    for name in ("bids", "asks"):
        is_good &= level_counts(fields.text, *fields.span(name)) >= 0
    return is_good


class RecordedBook:
    """Reads book messages and folds them into their windows."""

    def __init__(self, fold: BookFold) -> None:
        self.fold = fold
        self._clock = EventClock()

    def add(self, fields: Fields) -> dict[datetime, dict[str, Any]]:
        """Take in the book messages of a chunk, and its trades for their times.

        Returns
        -------
        dict
            Windows that are finished.
        """
        events, has_event = read_times(fields, "E")
        times = self._clock.times(events, has_event, _received(fields))
        is_depth = (fields.kind("b") == ARRAY) | fields.has("lastUpdateId")
        is_quote = ~is_depth & fields.has("B") & (times > 0)
        is_depth &= times > 0
        quotes = fields.take(is_quote)
        depth = fields.take(is_depth)
        return self.fold.add(
            Quotes(
                times[is_quote],
                quotes.scaled("b", PLACES),
                quotes.scaled("a", PLACES),
                quotes.scaled("B", PLACES),
                quotes.scaled("A", PLACES),
            ),
            _messages(depth),
            times[is_depth],
        )


def _received(fields: Fields) -> np.ndarray:
    nanoseconds, _ = fields.integers(RECEIVED)
    return nanoseconds // 1000


def _messages(fields: Fields) -> DepthMessages:
    own_id, is_snapshot = fields.integers("lastUpdateId")
    first, last = fields.integers("U")[0], fields.integers("u")[0]
    previous, has_previous = fields.integers("pu")
    streams = fields.strings("stream")
    for stream in pc.unique(streams).to_pylist():
        if _PARTIAL.search(stream):
            # The best levels, all of them, every time: nothing older counts.
            is_snapshot |= fields.equals("stream", stream)
    last = np.where(fields.has("lastUpdateId"), own_id, last)
    return DepthMessages(
        np.where(is_snapshot, last, first),
        last,
        np.where(has_previous, previous, -1),
        is_snapshot,
        _levels(fields, "b", "bids"),
        _levels(fields, "a", "asks"),
    )


def _levels(fields: Fields, update: str, snapshot: str) -> Levels:
    """Levels of both kinds of messages; a message has one of the two fields."""
    (starts, ends), (others, other_ends) = fields.span(update), fields.span(snapshot)
    is_update = starts >= 0
    return read_levels(
        fields.text,
        np.where(is_update, starts, others),
        np.where(is_update, ends, other_ends),
    )
