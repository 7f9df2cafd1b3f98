"""Find where folding resumes for each key with new fills, and which fills to read.

A key is a (trader, coin). If all its new fills are later than its last fill, it resumes
from its last position. Any other key goes back to the last time, before its first new
fill, at which it was certainly flat: the end of a position after which no other
position of the key opens in the same millisecond. (After a flip, or after a gap that
left a position, another one opens in that millisecond: the key was not flat.)
What came before that time cannot change, so only later positions and fills are read
(`docs/adr/0011`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
import pyarrow as pa
from psycopg import sql

from pgio.copy_out import read_table
from python_jobs.lib.fold.position_state import ORDINAL, RESUME_COLUMNS

#: Most traders that a query lists by name. The server can look these up in compressed
#: chunks and with parallel workers. More traders are joined.
_MAX_NAMED_USERS = 1_000

Connection = psycopg.Connection[Any]


class DroppedFillsError(Exception):
    """Positions cannot be folded again, because some of their fills were dropped."""


class TouchedKeys(NamedTuple):
    """What a run has to read and delete for the keys with new fills.

    Attributes
    ----------
    stale
        Stored positions to delete because they are computed again: ``position_id``,
        ``opened_ms``, ``last_fill_ms``, ``fill_count``.
    stale_hours
        Their rows: ``position_id``, ``hour_at``.
    continuing_fills, refolded_fills
        SQL conditions on fills ``f``: the new fills of keys that only continue; all
        fills after the restart of keys that go back. None if there are no such keys.
    """

    stale: pa.Table
    stale_hours: pa.Table
    continuing_fills: str | None
    refolded_fills: str | None

    @property
    def predicates(self) -> list[str]:
        """SQL conditions on the fills to fold; no fill meets two of them."""
        both = (self.continuing_fills, self.refolded_fills)
        return [predicate for predicate in both if predicate is not None]


def note_touched_keys(
    connection: Connection, fills: str, hours: str, is_new: str
) -> TouchedKeys:
    """Store the keys of new fills and the positions they resume from in a temp table.

    Parameters
    ----------
    connection
        In a transaction; the table ``touched_keys`` is dropped when it ends.
    fills, hours
        Names of `stg_hyperliquid__fills` and `trader_position_hours`, quoted for SQL.
    is_new
        SQL condition for new fills, ``f``.
    """
    positions = f"(select * from {hours} where is_latest)"
    connection.execute(_touched_keys(fills, positions, is_new))
    connection.execute("analyze touched_keys")
    # The earliest restart; none if a late key is folded from its first fill.
    on_time, late, from_ms = _one_row(
        connection,
        """
        select
            count(*) filter (where not is_late),
            count(*) filter (where is_late),
            case
                when bool_and(last_fill_ms is not null) filter (where is_late)
                    then min(last_fill_ms) filter (where is_late)
            end
        from touched_keys
        """,
    )
    connection.execute(_stale_positions(positions))
    stale = read_table(connection, "select * from stale_positions")
    stale_hours = read_table(
        connection,
        f"select position_id, hour_at from {hours} inner join stale_positions"
        " using (position_id)",
    )
    if not late:
        return TouchedKeys(stale, stale_hours, is_new, None)
    return TouchedKeys(
        stale,
        stale_hours,
        f"{is_new} and not {_of_late_key()}" if on_time else None,
        _refolded_fills(connection, from_ms),
    )


def assert_fills_are_there(connection: Connection, positions: str) -> None:
    """Check that no fill of positions that are folded again was dropped (ADR 0008).

    Parameters
    ----------
    connection
    positions
        SQL of the positions: ``position_id``, ``opened_at``.

    Raises
    ------
    DroppedFillsError
        If one of them opened before the retention mark of the fills.
    """
    row = connection.execute(
        "select positions.position_id, positions.opened_at, marks.dropped_before"
        f" from ({positions}) as positions inner join ops.retention_marks as marks"
        " on positions.opened_at < marks.dropped_before"
        " where marks.relation = 'hyperliquid.fills'"
        " order by positions.opened_at limit 1"
    ).fetchone()
    if row is not None:
        position_id, opened_at, dropped_before = row
        raise DroppedFillsError(
            "positions cannot be folded again: hyperliquid.fills has dropped its rows"
            f" before {dropped_before}, and position {position_id} opened at"
            f" {opened_at}. Nothing was changed. Take the change back (a full refresh,"
            " the rules of the fold, or a late fill), or give the older positions up:"
            " --vars '{forget_history: [analytics.trader_position_hours]}'"
        )


def resume_query() -> str:
    """Select the positions that touched keys resume from, as `resume` needs them."""
    return "select * from touched_keys where ordinal is not null"


def _touched_keys(fills: str, positions: str, is_new: str) -> str:
    # Both look-ups walk the index (user_address, coin, opened_at) backwards, one key at
    # a time: they cost the same however many positions there are.
    return f"""
        create temporary table touched_keys on commit drop as
        with new_fills as (
            select
                f.user_address,
                f.coin,
                to_timestamp(min(f.filled_ms) / 1000.0) as first_at
            from {fills} as f
            where {is_new}
            group by f.user_address, f.coin
        ),

        dated as (
            select
                new_fills.*,
                coalesce(latest.last_fill_at >= new_fills.first_at, false) as is_late
            from new_fills
            left join lateral (
                select p.last_fill_at
                from {positions} as p
                where
                    p.user_address = new_fills.user_address
                    and p.coin = new_fills.coin
                order by p.opened_at desc, {ORDINAL.format("p")} desc
                limit 1
            ) as latest on true
        )

        select dated.*, resumed.*
        from dated
        left join lateral (
            select {RESUME_COLUMNS}
            from {positions} as p
            where
                p.user_address = dated.user_address
                and p.coin = dated.coin
                and p.opened_at < dated.first_at
                and (
                    not dated.is_late
                    or (
                        p.closed_at < dated.first_at
                        and not exists (
                            select 1
                            from {positions} as n
                            where
                                n.user_address = p.user_address
                                and n.coin = p.coin
                                and n.opened_at = p.closed_at
                                and (
                                    n.opened_at > p.opened_at
                                    or {ORDINAL.format("n")} > {ORDINAL.format("p")}
                                )
                        )
                    )
                )
            order by p.opened_at desc, {ORDINAL.format("p")} desc
            limit 1
        ) as resumed on true
    """


def _stale_positions(positions: str) -> str:
    # The position resumed from ended flat, so closed_at = last_fill_at: every position
    # opened after that is stale.
    return f"""
        create temporary table stale_positions on commit drop as
        select
            p.position_id,
            (extract(epoch from p.opened_at) * 1000)::bigint as opened_ms,
            (extract(epoch from p.last_fill_at) * 1000)::bigint as last_fill_ms,
            p.fill_count
        from touched_keys as t
        inner join {positions} as p
            on
                t.user_address = p.user_address
                and t.coin = p.coin
                and p.opened_at > coalesce(
                    to_timestamp(t.last_fill_ms / 1000.0), '-infinity'
                )
        where t.is_late
    """


def _refolded_fills(connection: Connection, from_ms: int | None) -> str:
    """Return the SQL condition for the fills to fold again of keys that go back."""
    parts = [_of_late_key("(t.last_fill_ms is null or f.filled_ms > t.last_fill_ms)")]
    if from_ms is not None:
        parts.append(f"f.filled_ms > {from_ms}")
    users = connection.execute(
        "select distinct user_address from touched_keys where is_late "
        f"limit {_MAX_NAMED_USERS + 1}"
    ).fetchall()
    if len(users) <= _MAX_NAMED_USERS:
        names = sql.Literal([user for (user,) in users]).as_string(connection)
        parts.append(f"f.user_address = any({names}::text[])")
    return " and ".join(parts)


def _of_late_key(condition: str = "true") -> str:
    return (
        "exists (select 1 from touched_keys as t where t.is_late "
        "and t.user_address = f.user_address and t.coin = f.coin "
        f"and {condition})"
    )


def _one_row(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)
