"""Runs the queries of the page, and finds tables that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from pgio.connection import connect

Connection = psycopg.Connection[Any]
Record = dict[str, Any]

#: A curve or a heat map has at most about so many days.
POINTS = 180


class ReportError(Exception):
    """There is nothing to report; the text says why, and what to do."""


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Connect to the server in use, read-only and on one snapshot."""
    with connect() as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        conn.execute("set local timezone to 'UTC'")
        yield conn


def ask(conn: Connection, statement: LiteralString, **values: Any) -> list[Record]:
    """Return the rows of a query, with the values of its ``%(name)s``."""
    cursor = conn.cursor(row_factory=dict_row)
    return cursor.execute(statement, values or None).fetchall()


def missing(conn: Connection, relations: Sequence[str]) -> list[str]:
    """Return those of the tables that are not there or may not be read."""
    found = conn.execute(
        """
        select name
        from unnest(%s::text[]) with ordinality as relations (name, place)
        where coalesce(
            not has_schema_privilege(to_regnamespace(split_part(name, '.', 1)), 'usage')
            or not has_table_privilege(to_regclass(name), 'select'),
            true
        )
        order by place
        """,
        [list(relations)],
    )
    return [str(name) for (name,) in found]
