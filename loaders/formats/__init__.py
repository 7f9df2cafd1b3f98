"""File formats, one SQL statement each, and the DuckDB that runs them.

The statement of a format reads the table ``lines`` (``line_number``, ``line``), or what
`json_lines.sql`, `json_trades.sql` and `csv_rows.sql` make of it, and says of every
line what it is and what its values are, as the text that the file has. What is exact,
`checked.sql` says for all formats of ticks, and `refused.sql` why a line is refused. A
format of contexts or funding rates selects exact values and the reason itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

_FOLDER = Path(__file__).parent

#: What any statement may read beside ``lines``; DuckDB runs what it does read.
_READINGS = ("json_lines", "json_trades", "csv_rows")


@cache
def statement(name: str) -> str:
    """Return the SQL of ``<name>.sql``."""
    return (_FOLDER / f"{name}.sql").read_text()


@cache
def pipeline(first: str, *others: str) -> str:
    """Put statements together, each of which reads the one before.

    Of one alone it is what the statement selects.

    Examples
    --------
    >>> pipeline("kraken", "checked", "ticks").startswith("with json_lines as (")
    True
    """
    steps = {name: name for name in _READINGS}
    steps |= {"messages": first} | {name: name for name in others[:-1]}
    tables = (f"{table} as (\n{statement(name)}\n)" for table, name in steps.items())
    last = statement(others[-1]) if others else "select * from messages"
    return f"with {', '.join(tables)}\n{last}"


@cache
def _database() -> duckdb.DuckDBPyConnection:
    # Each worker of a load runs its statements in its own thread.
    connection = duckdb.connect(
        config={"threads": 1, "memory_limit": "2GB", "autoload_known_extensions": False}
    )
    connection.execute(statement("macros"))
    return connection


def connect(**variables: object) -> duckdb.DuckDBPyConnection:
    """Open a session of the process's DuckDB, which is in memory and has the macros.

    Parameters
    ----------
    variables
        What statements ask for with ``getvariable``.
    """
    session = _database().cursor()
    session.execute("set timezone = 'UTC'")
    for name, value in variables.items():
        session.execute(f"set variable {name} = $value", {"value": value})
    return session


def select(
    connection: duckdb.DuckDBPyConnection, query: str, tables: Mapping[str, pa.Table]
) -> pa.Table:
    """Run a query over Arrow tables.

    Parameters
    ----------
    connection
        One of `connect`.
    query
        A SELECT.
    tables
        By the name under which the query reads them.
    """
    for name, table in tables.items():
        connection.register(name, table)
    # By way of a table: `sql(query).to_arrow_table()` plans a statement twice, which
    # takes as long as to run it.
    connection.execute(f"create or replace temp table found as {query}")
    found: pa.Table = connection.table("found").to_arrow_table()
    return found


def evaluate(macro: str, text: str) -> Any:
    """Apply a macro of the formats to one text.

    Examples
    --------
    >>> evaluate("is_inverse", "BTCUSD_PERP")
    True
    """
    with connect() as connection:
        row = connection.execute(f"select {macro}($1)", [text]).fetchone()
    assert row is not None
    return row[0]
