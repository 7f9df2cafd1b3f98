"""Read a query through ``COPY … (FORMAT BINARY)`` and find where each value lies.

libpq hands over one row a message. A thread collects messages and joins them, so that
reading (which waits for the server) and decoding (compiled, without the interpreter's
lock) run side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus

from pgio.binary_kernels import locate_fields
from pgio.prefetch import prefetch

#: Rows decoded at once: 15 columns of fills make about 13 MB of raw bytes.
BATCH_ROWS = 65_536

#: Messages are joined while the processor still has them at hand.
_PIECE_ROWS = 2_048

#: "PGCOPY\n\377\r\n\0", flags and the length of an extension that no server sends.
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER_BYTES = 2

Query = str | sql.Composable


class Column(NamedTuple):
    """A column of a result: its name, its type's oid and the type's modifier."""

    name: str
    oid: int
    modifier: int


@dataclass(frozen=True)
class RowBatch:
    """Whole rows as the server sent them, and the place of each of their values.

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


def as_statement(conn: psycopg.Connection[Any], query: Query) -> str:
    """Return the text of a query without the semicolon it may end with."""
    text = query if isinstance(query, str) else query.as_string(conn)
    return text.strip().rstrip(";")


def describe(conn: psycopg.Connection[Any], query: Query) -> tuple[Column, ...]:
    """Ask the server for the columns of a query without running it.

    Raises
    ------
    psycopg.Error
        The query is not valid.
    ValueError
        The connection does not speak UTF-8.
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
        An open connection; it must not be used otherwise until the iterator is
        exhausted or closed.
    query
        A query without parameters (compose literals with ``psycopg.sql``).
    columns
        What :func:`describe` said of it.
    batch_rows
        Rows in a batch; memory holds about four batches.

    Yields
    ------
    RowBatch
        Batches of ``batch_rows`` rows, the last one shorter.

    Raises
    ------
    psycopg.Error
        What the server objected to.
    """
    with prefetch(_messages(conn, query, batch_rows), depth=2) as chunks:
        for count, chunk in chunks:
            data = np.frombuffer(chunk, dtype=np.uint8)
            starts = np.empty((len(columns), count), dtype=np.int64)
            lengths = np.empty((len(columns), count), dtype=np.int32)
            if not locate_fields(data, starts, lengths):
                raise ValueError("the server's rows do not match their description")
            yield RowBatch(columns, data, starts, lengths)


def _messages(
    conn: psycopg.Connection[Any], query: Query, batch_rows: int
) -> Iterator[tuple[int, bytes]]:
    """Yield (rows, bytes of these rows)."""
    statement = sql.SQL("copy ({}) to stdout (format binary)").format(
        sql.SQL(as_statement(conn, query))
    )
    # `Copy.read` costs 0.3 µs a row more than asking libpq; it is used where there is
    # something to wait for, or to end.
    available = conn.pgconn.get_copy_data
    rows: list[Any] = []
    pieces: list[bytes] = []
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        message: Any = bytes(copy.read())
        if not message.startswith(_HEADER):
            raise ValueError("the server's binary COPY has a header this cannot read")
        message = message[len(_HEADER) :]
        count = 0
        while True:
            while len(message) > _TRAILER_BYTES:
                rows.append(message)
                count += 1
                if len(rows) == _PIECE_ROWS or count == batch_rows:
                    pieces.append(b"".join(rows))
                    rows.clear()
                    if count == batch_rows:
                        yield count, b"".join(pieces)
                        pieces.clear()
                        count = 0
                size, message = available(1)
                if size < 0:
                    raise _server_error(conn)
            if len(message) == _TRAILER_BYTES:
                break
            message = copy.read()
            if not message:
                raise psycopg.OperationalError("COPY ended without its trailer")
        copy.read()
        if count:
            yield count, b"".join([*pieces, *rows])


def _server_error(conn: psycopg.Connection[Any]) -> psycopg.Error:
    """Return why the server stopped sending, and leave the connection idle."""
    error: psycopg.Error = psycopg.OperationalError("COPY ended without its trailer")
    while (result := conn.pgconn.get_result()) is not None:
        if result.status == ExecStatus.FATAL_ERROR:
            error = psycopg.errors.error_from_result(result, encoding="utf-8")
    return error
