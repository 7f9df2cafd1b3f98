"""File formats, one SQL statement each, and the DuckDB that runs them.

A statement reads the table ``lines`` (``line_number``, ``line``) and says of every line
what it is and what its values are, as the text that the file has. What is exact, what is
refused and why, `ticks.sql` says for all formats alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

_FOLDER = Path(__file__).parent
#: Workers are threads already; a chunk of lines needs some 100 MB.
_SETTINGS = {"threads": 1, "memory_limit": "1GB", "autoload_known_extensions": False}


@cache
def statement(name: str) -> str:
    """Return the SQL of ``<name>.sql``."""
    return (_FOLDER / f"{name}.sql").read_text()


def connect(**variables: object) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that has the macros of the formats.

    Parameters
    ----------
    variables
        What statements ask for with ``getvariable``.
    """
    connection = duckdb.connect(":memory:", config=_SETTINGS)
    connection.execute("set timezone = 'UTC'")
    connection.execute(statement("macros"))
    for name, value in variables.items():
        connection.execute(f"set variable {name} = $value", {"value": value})
    return connection


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
    return connection.sql(query).to_arrow_table()
