"""From when on a raw table has all its rows: older ones must not come back.

See ADR 0008: a late row would make a bucket of what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
from psycopg import sql

_MARK = """
    select max(dropped_before) from ops.retention_marks where relation = %(relation)s
"""

# The earliest time after the mark that a load brought and a model took in. In the order
# of the index, so that it ends at the first: it steps over the loads before that one
# only while no model has taken them in.
_EARLIEST = """
    select load_log.time_from
    from ingestion.load_log
    where
        load_log.relation = %(relation)s
        and load_log.time_from >= coalesce(%(mark)s::timestamptz, '-infinity')
        and exists (
            select from ingestion.applied_loads
            where applied_loads.load_id = load_log.load_id
        )
    order by load_log.time_from
    limit 1
"""

# Only asked when no row is left: it reads the log from the mark on.
_LATEST = """
    select max(load_log.time_to)
    from ingestion.load_log
    where
        load_log.relation = %(relation)s
        and load_log.time_from >= coalesce(%(mark)s::timestamptz, '-infinity')
        and load_log.load_id in (select load_id from ingestion.applied_loads)
"""


def _unchanged(moment: Any) -> Any:
    return moment


@dataclass
class KeptFrom:
    """Knows the first instant a table still has all rows of.

    A drop by hand leaves no mark until the next dbt run. It is known here by the
    earliest row that a load brought and a model took in: one look-up tells whether it
    is there. Which row that is, is remembered until the mark moves: make one for each
    object.

    Attributes
    ----------
    relation, time_column
        The table, ``schema.name``, and its time.
    to_datetime, from_datetime
        What turns a value of that column into an aware datetime, and back; by default
        it is one.
    led_by
        A column that the time decides, as told by the function, and that an index has
        before the time; None where an index begins with the time itself.
    """

    relation: str
    time_column: str
    to_datetime: Callable[[Any], datetime] = _unchanged
    from_datetime: Callable[[datetime], Any] = _unchanged
    led_by: tuple[str, Callable[[Any], Any]] | None = None
    _known: tuple[datetime | None, datetime | None] | None = field(
        default=None, init=False
    )

    def ask(self, conn: psycopg.Connection[Any]) -> datetime | None:
        """Return that instant, None if no rows were dropped.

        The lock is the one that writing takes anyway. Whoever drops rows through the
        project holds one that excludes it until the mark is written, so the answer
        holds for the transaction.

        Parameters
        ----------
        conn
            In the transaction that will write.
        """
        table = sql.Identifier(*self.relation.split("."))
        time = sql.Identifier(self.time_column)
        conn.execute(sql.SQL("lock table {} in row exclusive mode").format(table))
        mark, earliest = self._earliest_taken_in(conn)
        kept = None if mark is None else mark.astimezone(UTC)
        if earliest is None:
            return kept
        first = self.from_datetime(earliest)
        if self._is_there(conn, first):
            return kept
        rest = sql.SQL("select min({1}) from {0} where {1} >= %s").format(table, time)
        [oldest] = cast("tuple[Any]", conn.execute(rest, (first,)).fetchone())
        if oldest is not None:
            return self.to_datetime(oldest).astimezone(UTC)
        return self._after_latest(conn, mark)

    def _is_there(self, conn: psycopg.Connection[Any], first: Any) -> bool:
        values = {self.time_column: first}
        if self.led_by is not None:
            column, of_time = self.led_by
            values[column] = of_time(first)
        conditions = [
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder())
            for column in values
        ]
        query = sql.SQL("select 1 from {} where {} limit 1").format(
            sql.Identifier(*self.relation.split(".")), sql.SQL(" and ").join(conditions)
        )
        return conn.execute(query, list(values.values())).fetchone() is not None

    def _earliest_taken_in(
        self, conn: psycopg.Connection[Any]
    ) -> tuple[datetime | None, datetime | None]:
        """Return the mark, and the earliest time after it that models have taken in."""
        row = conn.execute(_MARK, {"relation": self.relation}).fetchone()
        [mark] = cast("tuple[datetime | None]", row)
        if self._known is not None and self._known[0] == mark:
            return self._known
        names = {"relation": self.relation, "mark": mark}
        found = conn.execute(_EARLIEST, names).fetchone()
        self._known = mark, None if found is None else found[0]
        return self._known

    def _after_latest(
        self, conn: psycopg.Connection[Any], mark: datetime | None
    ) -> datetime:
        names = {"relation": self.relation, "mark": mark}
        row = conn.execute(_LATEST, names).fetchone()
        [latest] = cast("tuple[datetime]", row)
        return (latest + timedelta(microseconds=1)).astimezone(UTC)
