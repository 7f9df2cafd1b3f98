"""One object into its table: rows, load log, quarantine and offset in one transaction.

A batch goes straight into the table inside a savepoint, as fast as COPY can be.
Should a key collide, that batch is sent again into a temporary table and inserted from
there with ``on conflict do nothing``; batches stay on that way until one of them brings
nothing that was there already. A row that was there with other values is kept aside, or
takes the place of the stored one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import errors, sql

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.chunk import BadRow, Dataset
from loaders.differences import STAGING, Comparison, Difference
from loaders.encoded import EncodedBatch, encode_chunks
from loaders.errors import ObjectError
from loaders.interfaces import Part
from loaders.kept_from import KeptFrom
from loaders.ledger import LoadResult, Offset
from loaders.objects import Object, folder_values
from pgio.copy_in import copy_csv
from pgio.prefetch import prefetch


def store_object(
    conn: psycopg.Connection[Any],
    dataset: Dataset,
    source: Object,
    path: Path,
    limit: BadRowLimit,
    *,
    expect_duplicates: bool = False,
    replace: bool = False,
    given: Mapping[str, str] | None = None,
    on_chunk: Callable[[Part], None] = lambda chunk: None,
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
    replace
        Store what the object says in the place of rows that differ.
    given
        Values by column that are known where the object's content has none; how far
        the object is taken in is recorded together with them.
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
    # What a columnstore holds is unpacked to look for keys, by default within a limit.
    conn.execute(
        "select set_config("
        "'timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)"
    )
    load_id, started_at = ledger.begin_load(conn)
    writer = _Writer(conn, dataset, source, load_id, expect_duplicates, replace)
    result = writer.result
    first_bad: BadRow | None = None
    bad_rows = 0
    kept_from = KeptFrom(
        dataset.relation,
        dataset.time_column,
        dataset.to_datetime,
        dataset.from_datetime,
    )
    known = {**(given or {}), **folder_values(source.uri)}
    chunks = dataset.chunks(source.format, path, kept_from.ask(conn), known)
    batches = encode_chunks(chunks, load_id, dataset.time_column)
    with prefetch(batches, depth=2) as encoded:
        for batch in encoded:
            if batch.bad:
                # Late rows are kept aside too, but nothing is wrong with the object.
                wrong = [row for row in batch.bad if not row.is_late]
                bad_rows += len(wrong)
                first_bad = first_bad or next(iter(wrong), None)
                result.rows_quarantined += len(batch.bad)
                ledger.quarantine(
                    conn, load_id, dataset.relation, source.uri, batch.bad
                )
            writer.write(batch)
            for part in batch.parts:
                result.rows_read += part.rows_read
                on_chunk(part)
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
    state |= given or {}
    offset = Offset(result.rows_read, result.time_to, state)
    ledger.save_offset(conn, source.uri, offset)
    return result


class _Writer:
    """Writes the batches of one object, by the faster way that works."""

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        dataset: Dataset,
        source: Object,
        load_id: int,
        expect_duplicates: bool,
        replace: bool,
    ) -> None:
        self.result = LoadResult()
        self._conn = conn
        self._dataset = dataset
        self._table = sql.Identifier(*dataset.relation.split("."))
        self._time = sql.Identifier(dataset.time_column)
        self._source = source
        self._load_id = load_id
        self._replace = replace
        self._is_staging = expect_duplicates
        self._has_staging_table = False

    def write(self, batch: EncodedBatch) -> None:
        if batch.rows == 0:
            return
        if self._is_staging or not self._copy(batch):
            self._is_staging = self._copy_staged(batch)

    def _copy(self, batch: EncodedBatch) -> bool:
        try:
            with self._conn.transaction():
                copy_csv(self._conn, self._dataset.relation, batch.columns, batch.csv)
        except errors.UniqueViolation:
            return False
        self.result.extend(batch.rows, batch.first, batch.last)
        return True

    def _copy_staged(self, batch: EncodedBatch) -> bool:
        """Insert what is new; return whether anything was not."""
        if self._has_staging_table:
            self._conn.execute(f"truncate {STAGING} restart identity")
        else:
            self._create_staging()
        copy_csv(self._conn, STAGING, batch.columns, batch.csv)
        query = sql.SQL(
            """
            with inserted as (
                insert into {table} ({columns})
                select {columns} from {staging} order by place
                on conflict do nothing
                returning {time} as time
            )
            select count(*), min(time), max(time) from inserted
            """
        ).format(
            table=self._table,
            columns=sql.SQL(", ").join(map(sql.Identifier, batch.columns)),
            staging=sql.Identifier(STAGING),
            time=self._time,
        )
        row = self._conn.execute(query).fetchone()
        count, first, last = cast("tuple[int, Any, Any]", row)
        self.result.extend(count, first, last)
        if count < batch.rows:
            self._settle(batch)
        return bool(count < batch.rows)

    def _settle(self, batch: EncodedBatch) -> None:
        """Keep rows aside that differ from stored ones, or those that they replace."""
        comparison = Comparison(
            self._conn, self._dataset, batch.columns, batch.first, batch.last
        )
        found = comparison.differences()
        if self._replace:
            count, first, last = comparison.replace()
            self.result.extend(count, first, last)
            self.result.rows_replaced += count
        if not found:
            return
        numbers = batch.row_numbers()
        kept_aside = [self._kept_aside(numbers[each.place - 1], each) for each in found]
        ledger.quarantine(
            self._conn,
            self._load_id,
            self._dataset.relation,
            self._source.uri,
            kept_aside,
        )
        self.result.rows_conflicting += len(found)
        self.result.rows_quarantined += sum(
            not self._replace or each.is_fixed for each in found
        )

    def _kept_aside(self, row_number: int, each: Difference) -> BadRow:
        if self._replace and not each.is_fixed:
            return BadRow(row_number, f"was replaced: {each.columns}", each.stored)
        reason = f"differs from the stored row: {each.columns}"
        if self._replace:
            reason += "; what belongs to a key is not replaced"
        return BadRow(row_number, reason, each.here)

    def _create_staging(self) -> None:
        self._conn.execute(
            sql.SQL(
                "create temporary table {} (like {}, "
                "place bigint generated always as identity) on commit drop"
            ).format(sql.Identifier(STAGING), self._table)
        )
        self._has_staging_table = True
