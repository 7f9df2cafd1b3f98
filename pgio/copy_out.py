"""Read query results into Arrow through ``COPY … (FORMAT BINARY)``.

Exact by the server's column types: a numeric becomes a decimal, never a float, and a
value that does not fit its Arrow type is an error that names the column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa

from pgio.binary_arrow import arrow_type, decode_column, is_supported
from pgio.binary_rows import (
    BATCH_ROWS,
    Column,
    Query,
    as_statement,
    describe,
    read_rows,
)

__all__ = ["read_batches", "read_table"]


def read_batches(
    conn: psycopg.Connection[Any], query: Query, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Stream the result of a query as Arrow record batches.

    Parameters
    ----------
    conn
        An open connection, not used otherwise until the iterator is exhausted or
        closed. Outside autocommit the read is part of its transaction.
    query
        A query without parameters (compose literals with ``psycopg.sql``). A trailing
        semicolon is allowed.
    batch_rows
        Rows in a batch; memory holds about four batches.

    Yields
    ------
    pyarrow.RecordBatch
        At least one, so that the schema of an empty result is known. bigint, int,
        smallint, float8, float4, boolean, date, timestamp and timestamptz (µs, UTC),
        text and bytea become the same Arrow types; numeric becomes decimal128(38, 18),
        or has its declared precision and scale; all other types (jsonb, uuid, arrays,
        vectors …) become text.

    Raises
    ------
    ValueError
        A value does not fit its Arrow type: NaN, infinity, or a numeric with too many
        digits.
    psycopg.Error
        The server reports an error.
    """
    columns = describe(conn, query)
    if not all(map(is_supported, columns)):
        query = _with_text_casts(conn, query, columns)
        columns = describe(conn, query)
    schema = pa.schema([(column.name, arrow_type(column)) for column in columns])
    empty = True
    for rows in read_rows(conn, query, columns, batch_rows):
        empty = False
        arrays = [decode_column(rows, i) for i in range(len(columns))]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    if empty:
        yield pa.RecordBatch.from_pylist([], schema=schema)


def read_table(conn: psycopg.Connection[Any], query: Query) -> pa.Table:
    """Read the whole result of a query; types and errors as in :func:`read_batches`."""
    return pa.Table.from_batches(list(read_batches(conn, query)))


def _with_text_casts(
    conn: psycopg.Connection[Any], query: Query, columns: tuple[Column, ...]
) -> str:
    """Wrap a query so that types without a decoder are returned as text."""
    selected = ", ".join(
        psycopg.sql.Identifier(column.name).as_string(conn)
        + ("" if is_supported(column) else "::text")
        for column in columns
    )
    return f"select {selected} from ({as_statement(conn, query)}) as wrapped"
