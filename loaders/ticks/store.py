"""Insert a batch of ticks into the table, each trade of a venue once.

A unique index of a hypertable must contain the time, but the same trade has
milliseconds in one source and microseconds in another. So the loader ensures
uniqueness: batches of a venue are written one at a time, and an index look-up shows
whether ids can collide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import psycopg
from psycopg import sql

from loaders.errors import ObjectError
from loaders.ticks.batch import Batch
from loaders.ticks.contradictions import SAME_TIME_US, describe_tick, reuse_message
from loaders.ticks.neighbours import (
    STORED,
    Range,
    check_order,
    find_range,
    is_beyond,
    is_occupied,
)
from loaders.ticks.venue import Venue
from pgio.copy_in import copy_csv

RELATION = "market_data.btc_ticks"

_SAME_TIME = timedelta(microseconds=SAME_TIME_US)
_STAGING = "vigil_ticks_staging"

#: Columns of the table and their values as CSV.
Encoded = tuple[list[str], Any]


@dataclass(frozen=True)
class Inserted:
    """The new ticks of a batch.

    Attributes
    ----------
    count
        Number of ticks.
    first_at, last_at
        Range of their times; None when there are none.
    windows
        Starts of their windows.
    """

    count: int
    first_at: datetime | None = None
    last_at: datetime | None = None
    windows: list[datetime] = field(default_factory=list)


def insert_ticks(
    conn: psycopg.Connection[Any],
    venue: Venue,
    batch: Batch,
    encode: Callable[[], Encoded],
) -> Inserted:
    """Insert the ticks of a batch that are not stored yet.

    Parameters
    ----------
    conn
        Connection in a transaction that holds the venue's lock.
    venue
        State of the venue.
    batch
        The ticks.
    encode
        Returns them as CSV.

    Returns
    -------
    Inserted
        The new ticks.

    Raises
    ------
    ObjectError
        Stored ticks contradict them.
    """
    place = None if is_beyond(venue, batch) else find_range(conn, venue.exchange, batch)
    columns, csv = encode()
    if place is None or not is_occupied(conn, place):
        copy_csv(conn, RELATION, columns, [csv])
        return Inserted(
            batch.rows.num_rows, batch.first_at, batch.last_at, batch.windows
        )
    _copy_staged(conn, columns, csv)
    _check_same_trades(conn, place)
    inserted = _insert_staged(conn, columns, place)
    if inserted.count and batch.is_ordered:
        check_order(conn, place)
    return inserted


def _copy_staged(conn: psycopg.Connection[Any], columns: list[str], csv: Any) -> None:
    conn.execute(
        f"create temporary table if not exists {_STAGING}"
        f" (like {RELATION} including defaults) on commit delete rows"
    )
    conn.execute(f"truncate {_STAGING}")
    copy_csv(conn, _STAGING, columns, [csv])


def _check_same_trades(conn: psycopg.Connection[Any], place: Range) -> None:
    query = sql.SQL(
        """
        with stored as materialized (
            select source_seq, ts, price, volume, side
            from market_data.btc_ticks where {condition}
        )
        select
            source_seq, stored.ts, stored.price, stored.volume, stored.side,
            found.ts, found.price, found.volume, found.side
        from {staging} as found
        inner join stored using (source_seq)
        where
            found.price <> stored.price
            or found.volume <> stored.volume
            or (found.side <> stored.side and 0 not in (found.side, stored.side))
            or found.ts - stored.ts >= {same_time}
            or stored.ts - found.ts >= {same_time}
        order by source_seq limit 1
        """
    ).format(
        condition=place.condition(),
        staging=sql.Identifier(_STAGING),
        same_time=_SAME_TIME,
    )
    row = conn.execute(query).fetchone()
    if row is not None:
        known, found = describe_tick(*row[1:5]), describe_tick(*row[5:9])
        raise ObjectError(reuse_message(known, found, row[0], STORED))


def _insert_staged(
    conn: psycopg.Connection[Any], columns: list[str], place: Range
) -> Inserted:
    query = sql.SQL(
        """
        with stored as materialized (
            select source_seq from market_data.btc_ticks where {condition}
        ),

        inserted as (
            insert into market_data.btc_ticks ({columns})
            select {columns} from {staging} as found
            where not exists (
                select from stored where stored.source_seq = found.source_seq
            )
            returning ts, window_start
        )

        select count(*), min(ts), max(ts), array_agg(distinct window_start)
        from inserted
        """
    ).format(
        condition=place.condition(),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        staging=sql.Identifier(_STAGING),
    )
    row = conn.execute(query).fetchone()
    count, first_at, last_at, windows = cast("tuple[Any, ...]", row)
    return Inserted(count, first_at, last_at, windows or [])
