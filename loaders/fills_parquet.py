"""Read fills from Parquet, with the exchange's column names or the table's."""

from __future__ import annotations

import functools
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loaders.chunk import CHUNK_ROWS, Chunk
from loaders.content import read_blocks, read_head
from loaders.convert import plain_array
from loaders.errors import ObjectError
from loaders.fills_schema import Field, check_type, given_values, match_columns
from loaders.hyperliquid import MAGIC
from loaders.validate import falls, split_fills

logger = logging.getLogger(__name__)


def read_fills_parquet(
    path: Path,
    kept_from: datetime | None = None,
    given: Mapping[str, str] | None = None,
) -> Iterator[Chunk]:
    """Read a Parquet file of fills in batches of bounded size.

    Parameters
    ----------
    path
        A local file.
    kept_from
        Refuse rows older than this, as late.
    given
        Values of all rows, by column, where the file has no such column.

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
        # Without pre-buffering, memory holds pages of a row group, not whole columns.
        with (
            _unpacked(path) as content,
            pq.ParquetFile(
                content, pre_buffer=False, page_checksum_verification=True
            ) as file,
        ):
            yield from _chunks(file, kept_from, given_values(given or {}))
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise ObjectError(f"cannot be read as Parquet: {first_line}") from error


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Decompress a file that was compressed as a whole, with gzip or similar."""
    with open(path, "rb") as file:
        is_plain = file.read(len(MAGIC)) == MAGIC
    if is_plain or not read_head(path, len(MAGIC)).startswith(MAGIC):
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="vigil-", suffix=".parquet") as whole:
        for block, _ in read_blocks(path):
            whole.write(block)
        whole.flush()
        yield Path(whole.name)


def _chunks(
    file: pq.ParquetFile, kept_from: datetime | None, given: Mapping[Field, Any]
) -> Iterator[Chunk]:
    schema = file.schema_arrow
    matched, unknown = match_columns(schema.names, given)
    if unknown:
        _warn_of_unknown(tuple(unknown))
    for name, field in matched.items():
        check_type(name, field.kind, schema.field(name).type)
    constant = {
        field: value for field, value in given.items() if field not in matched.values()
    }
    total = file.metadata.num_rows
    newest_first_of: int | None = None
    first_row = 1
    for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=list(matched)):
        columns = {name: (each, batch.column(name)) for name, each in matched.items()}
        for field, value in constant.items():
            columns[field.name] = field, pa.repeat(value, batch.num_rows)
        if first_row == 1 and _is_newest_first(columns):
            newest_first_of = total
        rows, bad = split_fills(
            columns,
            _Raw(batch),
            first_row,
            kept_from=kept_from,
            newest_first_of=newest_first_of,
        )
        first_row += batch.num_rows
        yield Chunk(rows, batch.num_rows, min(1.0, (first_row - 1) / total), bad)


def _is_newest_first(columns: Mapping[str, tuple[Field, pa.Array]]) -> bool:
    """Return whether the newest rows come first, as in answers of the API."""
    times = next(array for field, array in columns.values() if field.name == "time")
    return falls(plain_array(times).cast(pa.int64(), safe=False).to_pylist())


@functools.cache  # one warning for all files with the same columns
def _warn_of_unknown(names: tuple[str, ...]) -> None:
    logger.warning("columns without a meaning here, ignored: %s", ", ".join(names))


class _Raw:
    """A row of the batch as a mapping, by index."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __call__(self, index: int) -> object:
        return self._batch.slice(index, 1).to_pylist()[0]
