"""Compute the embeddings of all windows with Spark; a task is one day of a venue.

Candles are only in the database: an executor reads the day that it embeds, with the PG*
variables of its environment. Its result stays on its disk until it is fetched.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pgio.connection import connect
from pgio.copy_out import read_table
from python_jobs.lib.market.candles import Candles, Span, within_spans
from python_jobs.lib.market.embedding_rows import day_rows
from python_jobs.lib.market.grid import SECONDS_PER_DAY, SecondGrid
from python_jobs.lib.market.options import EmbeddingOptions
from python_jobs.lib.market.vectors import Scales, day_offsets
from runners.cells import CELL, CELL_SCHEMA, fetched, on_disk, packed

CANDLES = "market_data.btc_ohlcv_1s"

_DAYS = "exchange string, day long"
_NONE_STORED = pa.table(
    {"second": pa.array([], pa.int64()), "created": pa.array([], pa.int64())}
)


@dataclass(frozen=True)
class Embedder:
    """What a task needs in addition to the candles.

    Attributes
    ----------
    options
        The settings.
    scales, extents
        Scales, and first and last second with a candle, by venue.
    """

    options: EmbeddingOptions
    scales: Mapping[str, Scales]
    extents: Mapping[str, Span]

    def days(self) -> list[tuple[str, int]]:
        """Return (venue, midnight) of all days in which windows begin."""
        return [
            (exchange, day)
            for exchange, (first, last) in self.extents.items()
            for day in range(
                first // SECONDS_PER_DAY * SECONDS_PER_DAY, last, SECONDS_PER_DAY
            )
        ]

    def embed(self, exchange: str, day: int, grid: SecondGrid) -> pa.RecordBatch | None:
        """Embed the windows of a day of a venue; None if there are none."""
        first, until = self.extents[exchange]
        starts = day + day_offsets(self.options.step)
        starts = within_spans(starts, [(first, until)])
        starts = starts[starts + self.options.window <= until]
        if not starts.size or not grid.is_active.any():
            return None
        scales = self.scales[exchange]
        return day_rows(
            grid, starts, exchange, self.options, scales, until, _NONE_STORED, Counter()
        )


@contextmanager
def spark_embeddings(
    spark: Any, embedder: Embedder
) -> Iterator[Iterator[pa.RecordBatch]]:
    """Embed all windows; the rows are deleted at the end of the ``with`` block.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        The session to use.
    embedder
        The settings and the days.

    Yields
    ------
    iterator of pyarrow.RecordBatch
        Rows of ``signals.btc_embeddings``, one batch per day and venue.
    """
    context = spark.sparkContext
    days = embedder.days()
    listed = spark.createDataFrame(context.parallelize(days, max(len(days), 1)), _DAYS)
    embed = functools.partial(embed_days, embedder=embedder)
    embedded = listed.mapInArrow(embed, CELL).persist(on_disk())
    try:
        embedded.count()  # computes all days in parallel; fetching is day by day
        yield fetched(embedded)
    finally:
        embedded.unpersist()


def embed_days(
    batches: Iterable[pa.RecordBatch], embedder: Embedder
) -> Iterator[pa.RecordBatch]:
    """Read and embed the days listed in the batches, on an executor."""
    with connect(autocommit=True) as connection:
        candles = Candles(functools.partial(read_table, connection), CANDLES)
        seconds = SECONDS_PER_DAY + embedder.options.longest
        for batch in batches:
            for row in batch.to_pylist():
                grid = candles.grid(row["exchange"], row["day"], seconds)
                rows = embedder.embed(row["exchange"], row["day"], grid)
                if rows is not None:
                    yield pa.RecordBatch.from_pydict(
                        {"rows": [packed(rows)]}, schema=CELL_SCHEMA
                    )
