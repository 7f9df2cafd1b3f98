"""Write a model's table outside dbt, with the same bookkeeping as dbt's models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
import pyarrow as pa
from psycopg import sql

from dbt_pyjobs.casting import Casting, stored_columns
from dbt_pyjobs.session import lock_name
from loaders.errors import SetupError
from pgio.copy_in import copy_batches


@dataclass(frozen=True)
class Destination:
    """The table of an incremental model that applies loads.

    Attributes
    ----------
    connection
        In autocommit.
    model
        ``schema.name``, the name under which loads are marked as applied.
    """

    connection: psycopg.Connection[Any]
    model: str

    @property
    def exists(self) -> bool:
        """Whether the table exists."""
        return bool(self._value("select to_regclass(%s) is not null", self.model))

    @property
    def is_empty(self) -> bool:
        """Whether the table has no row."""
        query = sql.SQL("select not exists (select from {})").format(self._table)
        return bool(self._value(query))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the model's lock, so that dbt does not build it at the same time.

        Raises
        ------
        SetupError
            dbt is building it now.
        """
        name = lock_name(self.model)
        if not self._value(
            "select pg_try_advisory_lock(hashtextextended(%s, 0))", name
        ):
            raise SetupError(f"{self.model} is being built by dbt: try again later")
        try:
            yield
        finally:
            if not self.connection.closed:
                self._value("select pg_advisory_unlock(hashtextextended(%s, 0))", name)

    def replace(
        self,
        rows: Iterable[pa.RecordBatch],
        loads: Sequence[int],
        fingerprint: str | None = None,
    ) -> int:
        """Replace the table's content, and record the loads as applied.

        This is one transaction: other sessions see the old content until the commit, or
        wait for it.

        Parameters
        ----------
        rows
            Batches with the table's columns, in any order.
        loads
            Ids of ``ingestion.load_log``.
        fingerprint
            Text to store in ``ops.model_state``, as the model itself stores it.

        Returns
        -------
        int
            Rows written.

        Raises
        ------
        dbt_common.exceptions.DbtRuntimeError
            A column is missing or does not fit its type.
        psycopg.Error
            The server rejects the rows.
        """
        casting = Casting(self.model, stored_columns(self.connection, self.model))
        with self.connection.transaction():
            self.connection.execute(sql.SQL("truncate {}").format(self._table))
            batches = casting.batches(iter(rows))
            written = copy_batches(self.connection, self.model, batches, casting.names)
            self._record(loads, fingerprint)
        self.connection.execute(sql.SQL("analyze {}").format(self._table))
        return written

    def _record(self, loads: Sequence[int], fingerprint: str | None) -> None:
        """Write the same records as the macro ``finish_python`` for a full refresh."""
        self.connection.execute(
            "delete from ingestion.applied_loads where consumer = %s", [self.model]
        )
        self.connection.execute(
            "insert into ingestion.applied_loads (consumer, load_id) "
            "select %s, unnest(%s::bigint[])",
            [self.model, list(loads)],
        )
        self.connection.execute(
            "delete from ops.model_state where model = %s", [self.model]
        )
        if fingerprint is not None:
            self.connection.execute(
                "insert into ops.model_state (model, fingerprint) values (%s, %s)",
                [self.model, fingerprint],
            )

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(*self.model.split("."))

    def _value(self, query: LiteralString | sql.Composed, *values: object) -> Any:
        row = self.connection.execute(query, values or None).fetchone()
        return None if row is None else row[0]
