"""Fills from Parquet, in the exchange's names or the table's."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from loaders.chunk import CHUNK_ROWS, Chunk
from loaders.errors import ObjectError
from loaders.fills_schema import Field, check_type, match_columns
from loaders.validate import split_fills

logger = logging.getLogger(__name__)


def read_fills_parquet(
    path: Path, kept_from: datetime | None = None
) -> Iterator[Chunk]:
    """Read a Parquet file of fills in batches of bounded size.

    Parameters
    ----------
    path
        A local file.
    kept_from
        Refuse rows older than this, as late.

    Yields
    ------
    Chunk
        At most `CHUNK_ROWS` rows each, in the order of the file.

    Raises
    ------
    ObjectError
        Not Parquet, cut short or damaged; a required column is missing; a column is of
        a type that cannot hold its values.
    """
    try:
        # Without pre-buffering memory stays at one row group's pages, not its columns.
        with pq.ParquetFile(
            path, pre_buffer=False, page_checksum_verification=True
        ) as file:
            yield from _chunks(file, kept_from)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise ObjectError(f"cannot be read as Parquet: {first_line}") from error


def _chunks(file: pq.ParquetFile, kept_from: datetime | None) -> Iterator[Chunk]:
    schema = file.schema_arrow
    matched, unknown = match_columns(schema.names)
    if unknown:
        _warn_of_unknown(tuple(unknown))
    for name, field in matched.items():
        check_type(
            name, field.kind, schema.field(name).type, optional=not field.required
        )
    total = file.metadata.num_rows
    first_row = 1
    for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=list(matched)):
        rows, bad = split_fills(
            _columns(batch, matched), _Raw(batch), first_row, kept_from=kept_from
        )
        first_row += batch.num_rows
        yield Chunk(rows, batch.num_rows, min(1.0, (first_row - 1) / total), bad)


@functools.cache  # once for all files that have the same ones
def _warn_of_unknown(names: tuple[str, ...]) -> None:
    logger.warning("columns without a meaning here, ignored: %s", ", ".join(names))


def _columns(
    batch: pa.RecordBatch, matched: dict[str, Field]
) -> dict[str, tuple[Field, pa.Array]]:
    return {name: (field, batch.column(name)) for name, field in matched.items()}


class _Raw:
    """A row of the batch as a mapping, by index."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __call__(self, index: int) -> object:
        return self._batch.slice(index, 1).to_pylist()[0]
