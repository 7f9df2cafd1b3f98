"""Read one-second candles: venues, their time ranges, and the candles of a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from psycopg import sql

from pgio.integers import integers
from python_jobs.lib.market.grid import PRICES, SECONDS_PER_DAY, SUMS, Ints, SecondGrid
from python_jobs.lib.time_slices import merge_intervals

Read = Callable[[str], pa.Table]

#: First second, and the second after the last.
Span = tuple[int, int]


@dataclass(frozen=True)
class Candles:
    """Access to the candles of all venues.

    Attributes
    ----------
    read : callable
        Runs a query and returns its rows as an Arrow table.
    relation : str
        The table as SQL names it.
    """

    read: Read
    relation: str

    def extents(self, spans: Sequence[Span] | None = None) -> dict[str, Span]:
        """First and last second with a candle of each venue.

        Parameters
        ----------
        spans
            Where to look; None is everywhere.

        Returns
        -------
        dict of str to tuple of int
            By venue, seconds since the epoch. Seconds before the last one are complete
            with respect to the loads so far.
        """
        if spans is not None and not spans:
            return {}
        parts = [_between("bucket", span) for span in spans or ()] or ["true"]
        rows = self.read(
            f"select exchange, {_seconds('min(bucket)')} as first, "
            f"{_seconds('max(bucket)')} as last from {self.relation} "
            f"where {' or '.join(parts)} group by exchange order by exchange"
        ).to_pylist()
        return {row["exchange"]: (row["first"], row["last"]) for row in rows}

    def days(self, exchange: str, span: Span) -> Iterator[int]:
        """Yield the midnights of the days (UTC) in a span that have candles."""
        begin, end = span
        while begin < end:
            row = self.read(
                f"select {_seconds('min(bucket)')} as second from {self.relation} "
                f"where exchange = {quote(exchange)} "
                f"and {_between('bucket', (begin, end))}"
            )
            second = row["second"][0].as_py()
            if second is None:
                return
            day = second // SECONDS_PER_DAY * SECONDS_PER_DAY
            yield day
            begin = day + SECONDS_PER_DAY

    def grid(self, exchange: str, start: int, seconds: int) -> SecondGrid:
        """Read ``seconds`` seconds of a venue from ``start`` on."""
        prices = [f"{name}::float8 as {name}" for name in PRICES]
        sums = [f"coalesce({name}, 0)::float8 as {name}" for name in SUMS]
        numbers = ", ".join([*prices, *sums])
        candles = self.read(
            f"select {_seconds('bucket')} as second, {numbers} from {self.relation} "
            f"where exchange = {quote(exchange)} "
            f"and {_between('bucket', (start, start + seconds))}"
        )
        return SecondGrid.from_candles(candles, start, seconds)

    def prices(self, exchange: str, start: int, seconds: int) -> SecondGrid:
        """Read only first and last price of each second, otherwise as `grid`."""
        candles = self.read(
            f"select {_seconds('bucket')} - {int(start)} as place, "
            "ln(open::float8) as open, ln(close::float8) as close "
            f"from {self.relation} "
            f"where exchange = {quote(exchange)} "
            f"and {_between('bucket', (start, start + seconds))}"
        )
        place = candles["place"].to_numpy()
        prices = {name: np.full(seconds, np.nan) for name in ("open", "close")}
        for name, price in prices.items():
            price[place] = candles[name].to_numpy()
        return SecondGrid(start, {}, prices)


def load_spans(loads: pa.Table) -> list[Span]:
    """Return the spans of seconds that loads have rows for, merged where they meet.

    Parameters
    ----------
    loads : pyarrow.Table
        ``time_from`` and ``time_to`` as `Session.unapplied_loads` returns them.
    """
    begin, end = (
        integers(loads[name].drop_null()) // 1_000_000
        for name in ("time_from", "time_to")
    )
    return [(first, last + 1) for first, last in merge_intervals(begin, end)]


def stale_spans(
    loaded: Sequence[Span], known: Span | None, extent: Span, reach: int
) -> list[Span]:
    """Return the spans of window starts that new candles can have changed.

    Parameters
    ----------
    loaded
        Spans of seconds that loads have rows for.
    known
        First and last second with a candle when the venue was last embedded; None if it
        never was.
    extent
        The same now. No window begins before the first second, and candles before the
        last second are complete.
    reach
        Seconds from the start of a window to the end of its last label.

    Returns
    -------
    list of tuple of int
        In order, apart from each other.
    """
    if known is None:
        return [extent]
    spans = [(begin - reach + 1, end) for begin, end in loaded]
    if extent[1] > known[1]:
        spans.append((known[1] - reach, extent[1]))
    if extent[0] < known[0]:
        # Windows that begin before the formerly first candle.
        spans.append((known[0] - reach, known[0]))
    clipped = [(max(begin, extent[0]), min(end, extent[1])) for begin, end in spans]
    edges = np.array([span for span in clipped if span[0] < span[1]], np.int64)
    merged = merge_intervals(edges.reshape(-1, 2)[:, 0], edges.reshape(-1, 2)[:, 1] - 1)
    return [(begin, last + 1) for begin, last in merged]


def within_spans(seconds: Ints, spans: Sequence[Span]) -> Ints:
    """Return the seconds inside one of the sorted spans."""
    edges = np.array(spans, np.int64).reshape(-1)
    # Inside a span, the number of edges passed is odd.
    passed = np.searchsorted(edges, seconds, side="right")
    kept: Ints = seconds[passed % 2 == 1]
    return kept


def moment(second: int) -> str:
    """Write a second as an SQL timestamptz."""
    return f"to_timestamp({int(second)})"


def quote(text: str) -> str:
    """Write a string as an SQL literal."""
    return sql.Literal(text).as_string(None)


def _between(column: str, span: Span) -> str:
    return f"({column} >= {moment(span[0])} and {column} < {moment(span[1])})"


def _seconds(expression: str) -> str:
    return f"extract(epoch from {expression})::bigint"
