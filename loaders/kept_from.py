"""Find the first instant from which a raw table has all rows; older rows are refused.

See ADR 0008: a late row would replace a complete bucket with an incomplete one.
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

# The earliest time after the mark of a load that a model has applied. The scan follows
# the index and ends at the first match: it only passes loads that no model has applied.
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

# Used only if no row is left: it reads the log from the mark on.
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
    """Finds the first instant from which a table has all rows.

    A drop by hand leaves no retention mark until the next dbt run. It is detected by a
    look-up of the earliest row of a load that a model has applied: the row is missing
    after a drop. That row's time is cached until the mark moves, so create one instance
    per object.

    Attributes
    ----------
    relation, time_column
        The table, ``schema.name``, and its time.
    to_datetime, from_datetime
        Convert a value of that column to an aware datetime and back; by default it is
        one.
    led_by
        A column that precedes the time in an index, and the function that computes it
        from the time; None if an index begins with the time itself.
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
        """Return that instant; None if no rows were dropped.

        Takes the lock that writing takes anyway. Drops by this project hold a
        conflicting lock until the mark is written, so the answer stays true for the
        transaction.

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
        """Return the mark, and the earliest time after it of a load models applied."""
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
