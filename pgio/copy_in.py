"""Write Arrow record batches with ``COPY … FROM STDIN (FORMAT csv)``.

The server parses text more slowly than it is encoded here. The encoder runs in a
separate thread (Arrow and libpq release the GIL), so the connection never waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import sql

from pgio.prefetch import prefetch

#: Null is an empty field, an empty string is `""`: the defaults of COPY's CSV.
_WRITE_OPTIONS = pacsv.WriteOptions(include_header=False, quoting_style="needed")

#: libpq copies its input to a buffer; pieces of this size keep that buffer small.
_SEND_BYTES = 1 << 20


def copy_batches(
    conn: psycopg.Connection[Any],
    table: str,
    batches: Iterable[pa.RecordBatch],
    columns: Sequence[str] | None = None,
) -> int:
    """Append Arrow record batches to a table, inside the caller's transaction.

    Parameters
    ----------
    conn
        An open connection. Nothing is committed.
    table
        ``schema.name``, or a bare name for a temporary table; not quoted.
    batches
        Batches of one schema. They are pulled and encoded in another thread, so the
        iterator must not use ``conn``.
    columns
        Columns to send, in this order; by default all those of the first batch. The
        names are those of the table.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    TypeError
        A column's type has no exact text form here (binary, nested): turn it into a
        string first.
    pyarrow.ArrowInvalid
        A nanosecond timestamp does not fit the server's microseconds.
    psycopg.Error
        The server reports an error; the transaction is then aborted.
    """
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        return 0
    names = list(columns) if columns is not None else list(first.schema.names)
    encoded = (
        encode_csv(batch if columns is None else batch.select(names))
        for batch in chain([first], iterator)
    )
    with prefetch(encoded, depth=2) as buffers:
        return copy_csv(conn, table, names, buffers)


def copy_csv(
    conn: psycopg.Connection[Any],
    table: str,
    columns: Sequence[str],
    buffers: Iterable[pa.Buffer],
) -> int:
    """Send buffers of :func:`encode_csv` to one table and return the rows written."""
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
    )
    with conn.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for piece in _pieces(buffers):
                copy.write(piece)
        return cursor.rowcount


def encode_csv(batch: pa.RecordBatch) -> pa.Buffer:
    """Encode one batch as CSV that COPY reads without loss.

    Decimals keep their scale, floats are written in their shortest exact form,
    timestamps keep microseconds and zone. Null and the empty string stay distinct.
    """
    sink = pa.BufferOutputStream()
    pacsv.write_csv(_as_text_types(batch), sink, write_options=_WRITE_OPTIONS)
    return sink.getvalue()


def _as_text_types(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Replace the types whose CSV form is missing or not exact."""
    arrays = [
        _as_text_type(name, array)
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _as_text_type(name: str, array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_timestamp(kind):
        return _timestamp_text(array)
    if pa.types.is_string_view(kind):
        return pc.cast(array, pa.string())
    if pa.types.is_decimal(kind):
        return pc.cast(array, pa.string())
    if pa.types.is_nested(kind) or _is_binary(kind) or pa.types.is_duration(kind):
        raise TypeError(
            f"column {name!r} is {kind}, which has no exact CSV form: "
            "cast it to a string (JSON for nested values) first"
        )
    return array


def _timestamp_text(array: pa.Array) -> pa.Array:
    """Write instants in UTC; the cast refuses to drop nanoseconds.

    The CSV writer itself takes 30 times as long for a timestamp with a zone.
    """
    is_instant = array.type.tz is not None
    utc = pc.cast(array, pa.timestamp("us", tz="UTC" if is_instant else None))
    text = utc.cast(pa.timestamp("us")).cast(pa.string())
    return pc.binary_join_element_wise(text, "Z", "") if is_instant else text


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _pieces(buffers: Iterable[pa.Buffer]) -> Iterator[memoryview]:
    for buffer in buffers:
        view = memoryview(buffer)
        for start in range(0, len(view), _SEND_BYTES):
            yield view[start : start + _SEND_BYTES]
