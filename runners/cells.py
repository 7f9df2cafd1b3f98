"""Pack batches of rows into single cells, in which Spark carries the results.

Decimals have another scale in each batch, and vectors are lists of a fixed size:
Spark's columns support neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from loaders.errors import ObjectError

#: The column of cells in Spark's notation, and as an Arrow schema.
CELL = "rows binary"
CELL_SCHEMA = pa.schema([("rows", pa.binary())])

_ERROR_NAME = f"{ObjectError.__module__}.{ObjectError.__qualname__}: "


def packed(rows: pa.RecordBatch) -> bytes:
    """Return a batch as a cell."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue())


def fetched(frame: Any) -> Iterator[pa.RecordBatch]:
    """Fetch the batches in the cells of a data frame's ``rows``, few at a time."""
    cells = frame.select("rows").where("rows is not null")
    with plain_errors():
        for (cell,) in cells.toLocalIterator(prefetchPartitions=True):
            with pa.ipc.open_stream(bytes(cell)) as reader:
                yield from reader


def on_disk() -> Any:
    """Return the storage level of results: the executors' disks."""
    from pyspark import StorageLevel

    return StorageLevel.DISK_ONLY


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raise an `ObjectError` of an executor again, here on the driver."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        for line in str(error).splitlines():
            if _ERROR_NAME in line:
                message = line.partition(_ERROR_NAME)[2]
                raise ObjectError(message) from error
        raise
