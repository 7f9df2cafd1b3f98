"""Find the place of a batch among the stored ticks, and check that it fits there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from loaders.errors import ObjectError
from loaders.ticks.batch import ORDER_TOLERANCE_US, Batch
from loaders.ticks.contradictions import SAME_TIME_US, order_message
from loaders.ticks.instants import utc_text
from loaders.ticks.venue import Venue

#: For messages: where the tick is that contradicts one of the object.
STORED = "which is stored"

_TOLERANCE = timedelta(microseconds=ORDER_TOLERANCE_US)
_SAME_TIME = timedelta(microseconds=SAME_TIME_US)


@dataclass(frozen=True)
class Range:
    """The range of the table that can contain a batch's ids, between its neighbours.

    Attributes
    ----------
    exchange
        The venue.
    first_id, last_id
        The ids.
    earliest, latest
        Times between which all stored ticks of these ids lie; None without a neighbour.
    """

    exchange: str
    first_id: int
    last_id: int
    earliest: datetime | None
    latest: datetime | None

    def condition(self) -> sql.Composed:
        """Return the WHERE condition, with literals.

        With literals the planner can exclude chunks.
        """
        parts = [
            sql.SQL("exchange = {}").format(self.exchange),
            sql.SQL("source_seq between {} and {}").format(self.first_id, self.last_id),
        ]
        if self.earliest is not None:
            parts.append(
                sql.SQL("ts >= {}::timestamptz").format(utc_text(self.earliest))
            )
        if self.latest is not None:
            parts.append(sql.SQL("ts <= {}::timestamptz").format(utc_text(self.latest)))
        return sql.SQL(" and ").join(parts)


def is_beyond(venue: Venue, batch: Batch) -> bool:
    """Return whether a batch is later than all stored ticks of its venue."""
    if venue.last_id is None or venue.last_at is None:
        return True
    if not batch.is_ordered:
        return batch.first_at > venue.last_at + _TOLERANCE
    is_later = batch.first_at >= venue.last_at - _TOLERANCE
    return batch.first_id > venue.last_id and is_later


def find_range(conn: psycopg.Connection[Any], exchange: str, batch: Batch) -> Range:
    """Find the neighbours of a batch in time, and check their ids against it.

    If ids are not ordered, a stored trade is found at its own time.

    Neighbours are found by time, not by id: the index and the chunks begin with the
    time, and compressed chunks are sorted by it.

    Raises
    ------
    ObjectError
        Ids and times contradict each other; the message names two ticks.
    """
    if not batch.is_ordered:
        earliest, latest = batch.first_at - _SAME_TIME, batch.last_at + _SAME_TIME
        return Range(exchange, batch.first_id, batch.last_id, earliest, latest)
    query = """
        (
            select source_seq, ts, 'before' from market_data.btc_ticks
            where exchange = %(exchange)s and ts < %(earliest)s
            order by ts desc limit 1
        )
        union all
        (
            select source_seq, ts, 'after' from market_data.btc_ticks
            where exchange = %(exchange)s and ts > %(latest)s
            order by ts limit 1
        )
        union all
        (
            select source_seq, ts, 'among' from market_data.btc_ticks
            where
                exchange = %(exchange)s
                and ts between %(first_at)s and %(last_at)s
                and (
                    (source_seq < %(first_id)s and ts > %(first_id_until)s)
                    or (source_seq > %(last_id)s and ts < %(last_id_from)s)
                )
            limit 1
        )
    """
    rows = conn.execute(
        query,
        {
            "exchange": exchange,
            "earliest": batch.first_at - _TOLERANCE,
            "latest": batch.last_at + _TOLERANCE,
            "first_at": batch.first_at,
            "last_at": batch.last_at,
            "first_id_until": batch.first_id_at + _TOLERANCE,
            "last_id_from": batch.last_id_at - _TOLERANCE,
            "first_id": batch.first_id,
            "last_id": batch.last_id,
        },
    ).fetchall()
    bounds: dict[str, datetime] = {}
    for trade_id, ts, side in rows:
        is_first = side == "before" or (side == "among" and trade_id < batch.first_id)
        mine = batch.first_id if is_first else batch.last_id
        is_wrong = {
            "before": trade_id >= batch.first_id,
            "after": trade_id <= batch.last_id,
            "among": True,
        }[side]
        if is_wrong:
            at = batch.first_id_at if is_first else batch.last_id_at
            raise ObjectError(order_message(mine, at, trade_id, ts, STORED))
        bounds[side] = ts
    before, after = bounds.get("before"), bounds.get("after")
    return Range(
        exchange,
        batch.first_id,
        batch.last_id,
        None if before is None else before - _TOLERANCE,
        None if after is None else after + _TOLERANCE,
    )


def is_occupied(conn: psycopg.Connection[Any], place: Range) -> bool:
    """Return whether any id of the range is stored."""
    query = sql.SQL("select exists (select from market_data.btc_ticks where {})")
    row = conn.execute(query.format(place.condition())).fetchone()
    return bool(row and row[0])


def check_order(conn: psycopg.Connection[Any], place: Range) -> None:
    """Check the times of ticks just inserted between stored ones.

    Raises
    ------
    ObjectError
        Ids and times contradict each other; the message names two ticks.
    """
    query = sql.SQL(
        """
        select source_seq, ts, latest
        from (
            select source_seq, ts, max(ts) over (order by source_seq) as latest
            from market_data.btc_ticks where {condition}
        ) as ordered
        where latest - ts > {tolerance}
        order by source_seq limit 1
        """
    ).format(condition=place.condition(), tolerance=_TOLERANCE)
    row = conn.execute(query).fetchone()
    if row is None:
        return
    trade_id, ts, latest = row
    query = sql.SQL(
        "select source_seq from market_data.btc_ticks"
        " where {condition} and ts = {latest} and source_seq < {trade_id} limit 1"
    ).format(condition=place.condition(), latest=latest, trade_id=trade_id)
    other = conn.execute(query).fetchone()
    assert other is not None
    raise ObjectError(order_message(trade_id, ts, other[0], latest, STORED))
