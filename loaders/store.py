"""One object into its table: rows, load log, quarantine and offset in one transaction.

A batch goes straight into the table inside a savepoint, as fast as COPY can be.
Should a key collide, that batch is sent again into a temporary table and inserted from
there with ``on conflict do nothing``; batches stay on that way until one of them brings
nothing that was there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import errors, sql

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.chunk import BadRow, Chunk, Dataset
from loaders.errors import ObjectError
from loaders.ledger import LoadResult, Offset
from loaders.objects import Object
from pgio.copy_in import copy_csv, encode_csv
from pgio.prefetch import prefetch

_STAGING = "vigil_staging"


@dataclass(frozen=True)
class _Encoded:
    chunk: Chunk
    columns: list[str]
    csv: pa.Buffer


def store_object(
    conn: psycopg.Connection[Any],
    dataset: Dataset,
    source: Object,
    path: Path,
    limit: BadRowLimit,
    *,
    expect_duplicates: bool = False,
    on_chunk: Callable[[Chunk], None] = lambda chunk: None,
) -> LoadResult:
    """Load one object; call it inside a transaction that holds nothing else.

    Parameters
    ----------
    conn
        Connection in a transaction, which the caller commits.
    dataset
        The table and its readers.
    source
        The object, as listed.
    path
        Its content.
    limit
        Refused rows it may have.
    expect_duplicates
        Begin with the staging table: another version of the object is loaded already.
    on_chunk
        Called after each chunk that was written.

    Returns
    -------
    LoadResult
        Counts and the range of the times that stayed, as instants.

    Raises
    ------
    ObjectError
        The object cannot be read, or has too many bad rows.
    psycopg.Error
        The server's objection.
    """
    load_id, started_at = ledger.begin_load(conn)
    writer = _Writer(conn, dataset, load_id, expect_duplicates)
    result = writer.result
    first_bad: BadRow | None = None
    bad_rows = 0
    kept_from = ledger.kept_from(
        conn,
        dataset.relation,
        dataset.time_column,
        to_datetime=dataset.to_datetime,
        from_datetime=dataset.from_datetime,
    )
    chunks = _encode(dataset.readers[source.format](path, kept_from), load_id)
    with prefetch(chunks, depth=2) as encoded:
        for item in encoded:
            chunk = item.chunk
            result.rows_read += chunk.rows_read
            if chunk.bad:
                # Late rows are kept aside too, but nothing is wrong with the object.
                wrong = [row for row in chunk.bad if not row.is_late]
                bad_rows += len(wrong)
                first_bad = first_bad or next(iter(wrong), None)
                result.rows_quarantined += len(chunk.bad)
                ledger.quarantine(
                    conn, load_id, dataset.relation, source.uri, chunk.bad
                )
            writer.write(item)
            on_chunk(chunk)
    if first_bad and limit.is_exceeded(bad_rows, result.rows_read):
        raise ObjectError(
            f"{bad_rows:,} of {result.rows_read:,} rows are bad, more "
            f"than --max-bad-rows {limit}; the first is row {first_bad.row_number:,}, "
            f"{first_bad.reason}. Correct the object, or allow more to send them to "
            "ingestion.quarantine"
        )
    result.time_from, result.time_to = (
        None if time is None else dataset.to_datetime(time)
        for time in (result.time_from, result.time_to)
    )
    ledger.log_load(conn, load_id, dataset.relation, source, result, started_at)
    state = {"size": source.size, "etag": source.etag, "format": source.format}
    offset = Offset(result.rows_read, result.time_to, state)
    ledger.save_offset(conn, source.uri, offset)
    return result


def _encode(chunks: Iterable[Chunk], load_id: int) -> Iterator[_Encoded]:
    for chunk in chunks:
        ids = pa.repeat(pa.scalar(load_id, pa.int64()), chunk.rows.num_rows)
        rows = _without_empty_columns(chunk.rows.append_column("load_id", ids))
        yield _Encoded(chunk, rows.schema.names, encode_csv(rows))


def _without_empty_columns(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out what is null throughout: the table fills it in for nothing."""
    count = rows.num_rows
    return rows.select(
        [
            name
            for name, column in zip(rows.schema.names, rows.columns, strict=True)
            if column.null_count < count
        ]
        or rows.schema.names
    )


class _Writer:
    """Writes the batches of one object, by the faster way that works."""

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        dataset: Dataset,
        load_id: int,
        expect_duplicates: bool,
    ) -> None:
        self.result = LoadResult()
        self._conn = conn
        self._dataset = dataset
        self._table = sql.Identifier(*dataset.relation.split("."))
        self._time = sql.Identifier(dataset.time_column)
        self._load_id = load_id
        self._is_staging = expect_duplicates
        self._has_staging_table = False

    def write(self, item: _Encoded) -> None:
        if item.chunk.rows.num_rows == 0:
            return
        if self._is_staging or not self._copy(item):
            self._is_staging = self._copy_staged(item)

    def _copy(self, item: _Encoded) -> bool:
        try:
            with self._conn.transaction():
                copy_csv(self._conn, self._dataset.relation, item.columns, [item.csv])
        except errors.UniqueViolation:
            return False
        times = pc.min_max(item.chunk.rows.column(self._dataset.time_column))
        self.result.extend(
            item.chunk.rows.num_rows, times["min"].as_py(), times["max"].as_py()
        )
        return True

    def _copy_staged(self, item: _Encoded) -> bool:
        """Insert what is new; return whether anything was not."""
        if self._has_staging_table:
            self._conn.execute(f"truncate {_STAGING}")
        else:
            self._create_staging()
        copy_csv(self._conn, _STAGING, item.columns, [item.csv])
        query = sql.SQL(
            """
            with inserted as (
                insert into {table} ({columns})
                select {columns} from {staging}
                on conflict do nothing
                returning {time} as time
            )
            select count(*), min(time), max(time) from inserted
            """
        ).format(
            table=self._table,
            columns=sql.SQL(", ").join(map(sql.Identifier, item.columns)),
            staging=sql.Identifier(_STAGING),
            time=self._time,
        )
        row = self._conn.execute(query).fetchone()
        count, first, last = cast("tuple[int, Any, Any]", row)
        self.result.extend(count, first, last)
        return bool(count < item.chunk.rows.num_rows)

    def _create_staging(self) -> None:
        self._conn.execute(
            sql.SQL("create temporary table {} (like {}) on commit drop").format(
                sql.Identifier(_STAGING), self._table
            )
        )
        self._has_staging_table = True
