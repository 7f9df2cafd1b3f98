"""Rows and bytes of a database's tables, chunks and indexes included."""

from __future__ import annotations

from typing import Any, TypedDict

import psycopg
from psycopg import sql

SCHEMAS = ["hyperliquid", "analytics", "ingestion"]


class TableSize(TypedDict):
    """A table, materialized or not, and what it takes on disk."""

    name: str
    rows: int
    megabytes: float


# A hypertable's chunks inherit from it, and a columnstore belongs to a chunk.
_PLAIN = """
    select n.nspname, c.relname, pg_total_relation_size(c.oid)
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname = any(%(schemas)s)
"""

_HYPERTABLES = """
    select
        hypertable_schema, hypertable_name,
        hypertable_size(format('%%I.%%I', hypertable_schema, hypertable_name))
    from timescaledb_information.hypertables
    where hypertable_schema = any(%(schemas)s)
"""

_AGGREGATES = """
    select
        view_schema, view_name,
        hypertable_size(format(
            '%%I.%%I', materialization_hypertable_schema,
            materialization_hypertable_name
        ))
    from timescaledb_information.continuous_aggregates
    where view_schema = any(%(schemas)s)
"""


def table_sizes(
    conn: psycopg.Connection[Any], schemas: list[str] | None = None
) -> list[TableSize]:
    """Return all tables with rows, the largest first.

    Parameters
    ----------
    conn
        To the database.
    schemas
        Where to look; `SCHEMAS` when None.
    """
    found = {}
    for query in _queries(conn):
        for schema, name, size in conn.execute(
            query, {"schemas": schemas or SCHEMAS}
        ).fetchall():
            found[schema, name] = size
    tables = []
    for (schema, name), size in found.items():
        count = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
        [(rows,)] = conn.execute(count).fetchall()
        if rows:
            tables.append(
                TableSize(name=f"{schema}.{name}", rows=rows, megabytes=size / 2**20)
            )
    return sorted(tables, key=lambda table: -table["megabytes"])


def database_bytes(conn: psycopg.Connection[Any]) -> int:
    """Return the size of the whole database, without its log of changes."""
    [(size,)] = conn.execute("select pg_database_size(current_database())").fetchall()
    return int(size)


def _queries(conn: psycopg.Connection[Any]) -> list[str]:
    """Return the queries for this server, later ones knowing better."""
    queries = [_PLAIN]
    [(hypertables, aggregates)] = conn.execute(
        "select to_regclass('timescaledb_information.hypertables') is not null,"
        " to_regclass('timescaledb_information.continuous_aggregates') is not null"
    ).fetchall()
    if hypertables:
        queries.append(_HYPERTABLES)
    if aggregates:
        queries.append(_AGGREGATES)
    return queries
