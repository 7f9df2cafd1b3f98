"""Compute the positions of all fills in some objects with Spark.

The loader's readers read the objects in parallel. Spark groups the fills by trader and
sorts them by time. Partitions of traders are folded in parallel. The results stay on
the executors' disks until they are fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from runners.cells import CELL, CELL_SCHEMA, fetched, on_disk, packed, plain_errors
from runners.fill_columns import FILL_SCHEMA
from runners.fill_rules import staged_query
from runners.position_partition import fold_partition
from runners.remote_objects import RemoteObject

_OBJECTS = (
    "uri string, size long, etag string, format string, load_id long, "
    "request_payer boolean"
)
_FILLS = ", ".join(
    f"{field.name} {'long' if field.type == pa.int64() else 'string'}"
    for field in FILL_SCHEMA
)
_FOLDED = f"fills long, {CELL}"
_FOLDED_SCHEMA = pa.schema([("fills", pa.int64()), *CELL_SCHEMA])

#: Bytes of Parquet that one task folds, about five million fills.
_PARTITION_BYTES = 256 << 20
_TASKS_PER_CORE = 2

Batches = Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class Positions:
    """The result, on the executors.

    Attributes
    ----------
    fills
        Distinct fills that were folded, outcomes included.
    batches
        Fetches batches of rows of ``trader_position_hours``, partition by partition.
    """

    fills: int
    batches: Callable[[], Iterator[pa.RecordBatch]]


@contextmanager
def spark_positions(spark: Any, objects: Sequence[RemoteObject]) -> Iterator[Positions]:
    """Fold the fills of all objects.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session to use.
    objects
        Objects to read; at least one.

    Yields
    ------
    Positions
        Deleted at the end of the ``with`` block.

    Raises
    ------
    ObjectError
        An object cannot be read.
    """
    context = spark.sparkContext
    by_size = sum(each.size for each in objects) // _PARTITION_BYTES
    count = max(_TASKS_PER_CORE * context.defaultParallelism, by_size)
    listed = spark.createDataFrame(
        context.parallelize(list(map(tuple, objects)), len(objects)), _OBJECTS
    )
    folded = (
        listed.mapInArrow(read_fills, _FILLS)
        .repartition(count, "user_address")
        .sortWithinPartitions("time")
        .mapInArrow(partial(fold_fills, query=staged_query()), _FOLDED)
        # One pass computes all partitions in parallel; they are fetched one by one.
        .persist(on_disk())
    )
    try:
        with plain_errors():
            [[fills]] = folded.selectExpr("coalesce(sum(fills), 0)").collect()
        yield Positions(int(fills), lambda: fetched(folded))
    finally:
        folded.unpersist()


def read_fills(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Read the objects listed in the batches, on an executor."""
    for batch in batches:
        for row in batch.to_pylist():
            yield from RemoteObject(**row).fills()


def fold_fills(batches: Batches, query: str) -> Iterator[pa.RecordBatch]:
    """Fold a partition, on an executor; each batch of rows is one cell."""
    for fills, hours in fold_partition(batches, query):
        cells: list[bytes | None] = [packed(rows) for rows in hours]
        # Without rows, the number of fills is still needed.
        counts = [fills] + [0] * (max(len(cells), 1) - 1)
        yield pa.RecordBatch.from_pydict(
            {"fills": counts, "rows": cells or [None]}, schema=_FOLDED_SCHEMA
        )
