"""The `session` a Python model is called with, and the relations it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

_LOADS_SCHEMA = pa.schema(
    [
        ("load_id", pa.int64()),
        ("time_from", pa.timestamp("us", tz="UTC")),
        ("time_to", pa.timestamp("us", tz="UTC")),
        ("rows_loaded", pa.int64()),
    ]
)

_APPLIED = """
    exists (
        select 1 from ingestion.applied_loads as a
        where a.consumer = %s and a.load_id = l.load_id
    )
"""


class Session:
    """A model's way to the database, on a connection of its own.

    Parameters
    ----------
    open_connection
        Opens another connection like this one.
    consumer
        The model as `ingestion.applied_loads` and `ops.model_state` know it,
        ``schema.name``.
    starts_over
        True on a first build and a full refresh: what the model remembers is then not
        shown to it, because it is about to be replaced.

    Attributes
    ----------
    connection : psycopg.Connection
        In autocommit. Not the one the result is written on.
    consumer : str
    """

    def __init__(
        self,
        open_connection: Callable[[], psycopg.Connection[Any]],
        consumer: str,
        starts_over: bool,
    ) -> None:
        self._open_connection = open_connection
        self.connection = open_connection()
        self.consumer = consumer
        self._starts_over = starts_over

    def read(self, query: str) -> pa.Table:
        """Return a query's rows as an Arrow table, typed by the server's columns."""
        from pgio.copy_out import read_table

        return read_table(self.connection, query)

    def read_batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield a query's rows in Arrow batches, in bounded memory.

        Each call reads on a connection of its own, so several can run side by side and
        while the model's result is being written.
        """
        from pgio.copy_out import read_batches

        with closing(self._open_connection()) as connection:
            yield from read_batches(connection, query)

    def unapplied_loads(
        self,
        relation: str = "hyperliquid.fills",
        upstream: Sequence[str] = (),
        *,
        with_applied: bool = False,
    ) -> pa.Table:
        """Return the loads of a relation that this model has not taken in yet.

        Parameters
        ----------
        relation
            The raw table, ``schema.name``.
        upstream
            Models this one reads (``schema.name``, or what ``dbt.ref`` returns); only
            loads that every one of them has applied are returned.
        with_applied
            Return those that the model has taken in as well.

        Returns
        -------
        pyarrow.Table
            ``load_id`` int64, ``time_from`` and ``time_to`` timestamp[us, UTC] (null
            where no row stayed), ``rows_loaded`` int64; in order of ``load_id``. All
            loads on a first build and a full refresh.
        """
        conditions = ["l.relation = %s"]
        values = [relation]
        if not (self._starts_over or with_applied):
            conditions.append(f"not {_APPLIED}")
            values.append(self.consumer)
        for name in upstream:
            conditions.append(_APPLIED)
            values.append(consumer_name(name))
        # The text holds only the fragments above; every value is a parameter.
        rows = self.connection.execute(
            sql.SQL(
                "select l.load_id, l.time_from, l.time_to, l.rows_loaded "
                "from ingestion.load_log as l "
                f"where {' and '.join(conditions)} order by l.load_id"
            ),
            values,
        ).fetchall()
        columns = list(zip(*rows, strict=True)) or [()] * len(_LOADS_SCHEMA)
        return pa.table(
            [
                pa.array(column, field.type)
                for column, field in zip(columns, _LOADS_SCHEMA, strict=True)
            ],
            schema=_LOADS_SCHEMA,
        )

    @property
    def fingerprint(self) -> str | None:
        """What the last run stored as `Changes.fingerprint`, None when nothing is."""
        if self._starts_over or not self.has_table("ops.model_state"):
            return None
        row = self.connection.execute(
            "select fingerprint from ops.model_state where model = %s", [self.consumer]
        ).fetchone()
        return None if row is None else row[0]

    def has_table(self, name: str) -> bool:
        """Say whether ``schema.name`` exists."""
        row = self.connection.execute(
            "select to_regclass(%s) is not null", [name]
        ).fetchone()
        return bool(row and row[0])


class Relation:
    """What ``dbt.ref`` and ``dbt.source`` return in a Python model.

    ``str()`` is the quoted name, so that it can stand in an f-string query.
    """

    def __init__(self, name: str, session: Session) -> None:
        self._name = name
        self._session = session

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"Relation({self._name})"

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the relation's rows as an Arrow table.

        Parameters
        ----------
        columns
            Names of the columns to read; by default all.
        """
        if columns is None:
            return self._session.read(f"select * from {self._name}")
        names = ", ".join(sql.Identifier(name).as_string(None) for name in columns)
        return self._session.read(f"select {names} from {self._name}")


def lock_name(consumer: str) -> str:
    """Return the name under which whoever builds a model locks it."""
    return f"dbt {consumer}"


def consumer_name(relation: object) -> str:
    """Return ``schema.name`` of a quoted or plain, two- or three-part name."""
    parts = [part.strip('"') for part in str(relation).split(".")]
    return ".".join(parts[-2:])
