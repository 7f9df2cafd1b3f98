"""Compare rows with the stored rows of the same key.

The batch is in the staging table, and ``place`` numbers its rows. A null never
contradicts a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import psycopg
from psycopg import sql

from loaders.chunk import Table

STAGING = "vigil_staging"


class Difference(NamedTuple):
    """A row that contradicts the stored one.

    Attributes
    ----------
    place
        Its number among the rows of the batch, from 1.
    columns
        The columns that differ, with both values, as text for people.
    is_fixed
        One of these columns belongs to a key of the table and is never replaced.
    here, stored
        The two rows, as JSON text.
    """

    place: int
    columns: str
    is_fixed: bool
    here: str
    stored: str


@dataclass(frozen=True)
class Comparison:
    """Compares the staging table with the stored rows of the same keys.

    Attributes
    ----------
    conn
        In the transaction that created the staging table.
    table
        Description of the table.
    columns
        Columns of the batch.
    time_from, time_to
        Range of the batch's times, so that the server skips all other chunks.
    """

    conn: psycopg.Connection[Any]
    table: Table
    columns: list[str]
    time_from: Any
    time_to: Any

    def differences(self) -> list[Difference]:
        """Find the rows that contradict stored rows, in the order of the batch."""
        self.conn.execute(sql.SQL("analyze {}").format(sql.Identifier(STAGING)))
        found: list[Difference] = []
        for key, same_row in self._keys():
            values = self._values(key)
            fixed = self._fixed(values)
            query = sql.SQL(
                """
                select
                    here.place,
                    shown.columns,
                    coalesce({is_fixed}, false),
                    (to_jsonb(here) - 'place' - 'load_id')::text,
                    to_jsonb(stored)::text
                from {staging} as here
                inner join {table} as stored on {same_row}
                cross join lateral (
                    select concat_ws(', ', {shown}) as columns
                ) as shown
                where shown.columns <> ''
                """
            ).format(
                is_fixed=_any_of(map(self._differs, fixed)),
                staging=sql.Identifier(STAGING),
                table=self._table,
                same_row=same_row,
                shown=sql.SQL(", ").join(map(self._shown, values)),
            )
            found += map(Difference._make, self.conn.execute(query).fetchall())
        return sorted(found)

    def replace(self) -> tuple[int, Any, Any]:
        """Update stored rows with values of the batch that are new or differ.

        A null in the batch leaves the stored value unchanged. If the batch has two rows
        of one key, the later one is used.

        Returns
        -------
        tuple
            Stored rows that changed, and the range of their times.
        """
        total, times = 0, []
        for key, same_row in self._keys():
            values = self._values(key)
            fixed = self._fixed(values)
            changing = [name for name in values if name not in fixed]
            query = sql.SQL(
                """
                with updated as (
                    update {table} as stored
                    set load_id = here.load_id, {changes}
                    from (
                        select distinct on ({key}) *
                        from {staging}
                        order by {key}, place desc
                    ) as here
                    where {same_row} and {is_taken} and ({is_fixed}) is not true
                    returning stored.{time} as time
                )

                select count(*), min(time), max(time) from updated
                """
            ).format(
                table=self._table,
                changes=sql.SQL(", ").join(
                    sql.SQL(
                        "{0} = case when {1} then here.{0} else stored.{0} end"
                    ).format(sql.Identifier(name), self._is_taken(name))
                    for name in changing
                ),
                key=sql.SQL(", ").join(map(sql.Identifier, key)),
                staging=sql.Identifier(STAGING),
                same_row=same_row,
                is_taken=_any_of(map(self._is_taken, changing)),
                is_fixed=_any_of(map(self._differs, fixed)),
                time=sql.Identifier(self.table.time_column),
            )
            row = self.conn.execute(query).fetchone()
            count, first, last = cast("tuple[int, Any, Any]", row)
            if count:
                total += count
                times += [first, last]
        return total, min(times, default=None), max(times, default=None)

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(*self.table.relation.split("."))

    def _keys(self) -> Iterator[tuple[tuple[str, ...], sql.Composable]]:
        """Yield each key, and the condition that the rows are of one key."""
        for key, predicate in self.table.keys.items():
            conditions: list[sql.Composable] = [
                sql.SQL("here.{0} = stored.{0}").format(sql.Identifier(name))
                for name in key
            ]
            conditions += [sql.SQL(predicate.format(row)) for row in ("here", "stored")]
            conditions.append(
                sql.SQL("stored.{} between {} and {}").format(
                    sql.Identifier(self.table.time_column),
                    sql.Literal(self.time_from),
                    sql.Literal(self.time_to),
                )
            )
            yield key, sql.SQL(" and ").join(conditions)

    def _values(self, key: tuple[str, ...]) -> list[str]:
        return [name for name in self.columns if name not in (*key, "load_id")]

    def _fixed(self, names: list[str]) -> list[str]:
        """Return the columns of other keys: a stored row keeps their values.

        Models find the rows that a load changed by these columns, and a columnstore
        refuses to update them.
        """
        keys = {name for key in self.table.keys for name in key}
        return [name for name in names if name in keys]

    def _differs(self, name: str) -> sql.Composable:
        condition = self.table.differences.get(name)
        if condition is not None:
            return sql.SQL(f"({condition})")
        return sql.SQL("(here.{0} <> stored.{0})").format(sql.Identifier(name))

    def _is_taken(self, name: str) -> sql.Composable:
        condition = self.table.taken.get(name)
        if condition is not None:
            return sql.SQL(f"({condition})")
        return sql.SQL("(here.{0} is not null and (stored.{0} is null or {1}))").format(
            sql.Identifier(name), self._differs(name)
        )

    def _shown(self, name: str) -> sql.Composable:
        return sql.SQL(
            "case when {1} then format('%s (stored %s, here %s)', {2}::text, "
            "stored.{0}, here.{0}) end"
        ).format(sql.Identifier(name), self._differs(name), sql.Literal(name))


def _any_of(conditions: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL("({})").format(sql.SQL(" or ").join([*conditions, sql.SQL("false")]))
