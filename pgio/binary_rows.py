"""Read a query through ``COPY … (FORMAT BINARY)`` and find where each value lies.

A thread collects the rows, so reading (which waits for the server) and decoding run in
parallel. Both are compiled and release the GIL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql

from pgio.binary_kernels import decode_integers, locate_fields
from pgio.copy_messages import read_messages
from pgio.integers import Integers
from pgio.prefetch import prefetch

#: Rows decoded at once: 15 columns of fills make about 13 MB of raw bytes.
BATCH_ROWS = 65_536

Query = str | sql.Composable


class Column(NamedTuple):
    """A column of a result: its name, its type's oid and the type's modifier."""

    name: str
    oid: int
    modifier: int


@dataclass(frozen=True)
class RowBatch:
    """Rows as the server sent them, with the position of each value.

    Attributes
    ----------
    columns
        The result's columns.
    data
        Bytes of the rows, ``uint8``.
    starts, lengths
        ``(columns, rows)``: where a value begins in ``data`` and its length in bytes,
        -1 for NULL.
    """

    columns: tuple[Column, ...]
    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.starts.shape[1])

    def index(self, name: str) -> int:
        """Return the position of a column, or raise ``KeyError`` with its name."""
        for position, column in enumerate(self.columns):
            if column.name == name:
                return position
        raise KeyError(name)

    def integers(self, name: str, null: int | None = None) -> Integers:
        """Decode a column of integers or booleans; NULL becomes ``null``."""
        column = self.index(name)
        lengths = self.lengths[column]
        values = np.empty(len(self), dtype=np.int64)
        decode_integers(self.data, self.starts[column], lengths, values)
        is_null = lengths < 0
        if is_null.any():
            if null is None:
                raise ValueError(f"column {name!r} holds nulls")
            values[is_null] = null
        return values


def as_statement(conn: psycopg.Connection[Any], query: Query) -> str:
    """Return the text of a query without a trailing semicolon."""
    text = query if isinstance(query, str) else query.as_string(conn)
    return text.strip().rstrip(";")


def describe(conn: psycopg.Connection[Any], query: Query) -> tuple[Column, ...]:
    """Ask the server for the columns of a query without running it.

    Raises
    ------
    psycopg.Error
        The query is not valid.
    ValueError
        The connection's encoding is not UTF-8.
    """
    if conn.info.encoding != "utf-8":
        raise ValueError(
            f"client_encoding is {conn.info.encoding}: binary reads need UTF8"
        )
    with conn.cursor() as cursor:
        cursor.execute(
            sql.SQL("select * from ({}) as described limit 0").format(
                sql.SQL(as_statement(conn, query))
            )
        )
        result = cursor.pgresult
        assert result is not None
        return tuple(
            Column((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i))
            for i in range(result.nfields)
        )


def read_rows(
    conn: psycopg.Connection[Any],
    query: Query,
    columns: tuple[Column, ...],
    batch_rows: int = BATCH_ROWS,
) -> Iterator[RowBatch]:
    """Stream the rows of a query.

    Parameters
    ----------
    conn
        An open connection; do not use it otherwise until the iterator is exhausted or
        closed.
    query
        A query without parameters (compose literals with ``psycopg.sql``).
    columns
        Result of :func:`describe` for the query.
    batch_rows
        Rows in a batch; memory holds about four batches.

    Yields
    ------
    RowBatch
        Batches of ``batch_rows`` rows, the last one shorter.

    Raises
    ------
    psycopg.Error
        The server reports an error.
    """
    statement = sql.SQL("copy ({}) to stdout (format binary)").format(
        sql.SQL(as_statement(conn, query))
    )
    with prefetch(read_messages(conn, statement, batch_rows), depth=2) as chunks:
        for count, data in chunks:
            starts = np.empty((len(columns), count), dtype=np.int64)
            lengths = np.empty((len(columns), count), dtype=np.int32)
            if not locate_fields(data, starts, lengths):
                raise ValueError("the server's rows do not match their description")
            yield RowBatch(columns, data, starts, lengths)
