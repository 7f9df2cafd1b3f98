"""Load objects into tables with unique keys, each object in one transaction.

A batch is copied into the table inside a savepoint, which is fastest. If a key is
stored already, the batch is copied into a temporary table and inserted from there with
``on conflict do nothing``. The next batches use the temporary table too, until a batch
has only new rows. A row that differs from the stored one is quarantined, or replaces it
with ``--replace``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import errors, sql

from loaders import ledger
from loaders.chunk import BadRow, Table
from loaders.differences import STAGING, Comparison, Difference
from loaders.encoded import EncodedBatch, encode_chunks
from loaders.kept_from import KeptFrom
from loaders.ledger import LoadResult, Offset, RowCount
from loaders.objects import Object, folder_values
from pgio.copy_in import copy_csv


@dataclass(frozen=True)
class KeyedObjects:
    """Objects of a table whose rows have keys: `loaders.interfaces.Dataset`.

    Attributes
    ----------
    table
        The table and its readers.
    replace
        Also read objects that were loaded before, and replace stored rows that differ.
    given
        Values by column, for objects whose content lacks them; stored in the object's
        offset.
    """

    table: Table
    replace: bool = False
    given: Mapping[str, str] = field(default_factory=dict)

    side_tables = ()
    is_whole = True

    @property
    def relation(self) -> str:
        """The table, ``schema.name``."""
        return self.table.relation

    def is_loaded(self, source: Object, offset: Offset) -> bool:
        """Return whether the object is loaded, judging by its offset."""
        same = all(
            offset.state.get(name, value) == value for name, value in self.given.items()
        )
        return not self.replace and same and offset.is_of(source)

    def open(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        offset: Offset | None,
    ) -> _KeyedObject | None:
        """Start loading an object: see `loaders.interfaces.Dataset`."""
        if offset is not None and self.is_loaded(source, offset):
            return None
        # A columnstore decompresses rows to look for keys; by default their number is
        # limited.
        conn.execute(
            "select set_config("
            "'timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)"
        )
        return _KeyedObject(conn, self, source, path, is_known=offset is not None)


class _KeyedObject:
    """Writes the batches of one object, with a direct COPY where possible.

    Parameters
    ----------
    conn
        Connection in the transaction of the object.
    dataset
        Its data set.
    source, path
        The object, and the local file with its content.
    is_known
        Start with the staging table, because another version of the object is loaded.
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        dataset: KeyedObjects,
        source: Object,
        path: Path,
        *,
        is_known: bool,
    ) -> None:
        table = dataset.table
        self.count = RowCount()
        self._conn = conn
        self._table = table
        self._source = source
        self._path = path
        self._given = dataset.given
        self._replace = dataset.replace
        self._kept_from = KeptFrom(
            table.relation, table.time_column, table.to_datetime, table.from_datetime
        ).ask(conn)
        self._is_staging = is_known
        self._has_staging_table = False

    def batches(self, new_load: Callable[[], int]) -> Iterator[EncodedBatch]:
        """Read the object: see `loaders.interfaces.Reading`."""
        known = {**self._given, **folder_values(self._source.uri)}
        chunks = self._table.chunks(
            self._source.format, self._path, self._kept_from, known
        )
        return encode_chunks(chunks, new_load(), self._table.time_column)

    def offset(self, result: LoadResult) -> Offset:
        """Return the offset of the completely loaded object."""
        source = self._source
        state = {"size": source.size, "etag": source.etag, "format": source.format}
        return Offset(self.count.rows, result.time_to, {**state, **self._given})

    def close(self, *, is_complete: bool) -> None:
        """Nothing is needed between the batches."""

    def write(self, batch: EncodedBatch, result: LoadResult) -> None:
        """Write the new rows: see `loaders.interfaces.Reading`."""
        result.rows_skipped += batch.skipped
        if batch.rows == 0:
            return
        if self._is_staging or not self._copy(batch, result):
            self._is_staging = self._copy_staged(batch, result)

    def _copy(self, batch: EncodedBatch, result: LoadResult) -> bool:
        try:
            with self._conn.transaction():
                copy_csv(self._conn, self._table.relation, batch.columns, batch.csv)
        except errors.UniqueViolation:
            return False
        self._extend(result, batch.rows, batch.first, batch.last)
        return True

    def _copy_staged(self, batch: EncodedBatch, result: LoadResult) -> bool:
        """Insert the new rows; return whether any row was stored already."""
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
            table=self._identifier,
            columns=sql.SQL(", ").join(map(sql.Identifier, batch.columns)),
            staging=sql.Identifier(STAGING),
            time=sql.Identifier(self._table.time_column),
        )
        row = self._conn.execute(query).fetchone()
        count, first, last = cast("tuple[int, Any, Any]", row)
        self._extend(result, count, first, last)
        if count < batch.rows:
            self._settle(batch, result)
        return bool(count < batch.rows)

    def _settle(self, batch: EncodedBatch, result: LoadResult) -> None:
        """Quarantine rows that differ from stored rows, or the replaced stored rows."""
        comparison = Comparison(
            self._conn, self._table, batch.columns, batch.first, batch.last
        )
        found = comparison.differences()
        if self._replace:
            count, first, last = comparison.replace()
            self._extend(result, count, first, last)
            result.rows_replaced += count
        if not found:
            return
        numbers = batch.row_numbers()
        bad = [self._quarantined(numbers[each.place - 1], each) for each in found]
        ledger.quarantine(
            self._conn,
            batch.load_id,
            self._table.relation,
            self._source.uri,
            bad,
        )
        result.rows_conflicting += len(found)
        result.rows_quarantined += sum(
            not self._replace or each.is_fixed for each in found
        )

    def _quarantined(self, row_number: int, each: Difference) -> BadRow:
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
            ).format(sql.Identifier(STAGING), self._identifier)
        )
        self._has_staging_table = True

    @property
    def _identifier(self) -> sql.Identifier:
        return sql.Identifier(*self._table.relation.split("."))

    def _extend(self, result: LoadResult, count: int, first: Any, last: Any) -> None:
        """Count stored rows; the result's times are datetimes."""
        instant = self._table.to_datetime
        if count:
            result.extend(count, instant(first), instant(last))
