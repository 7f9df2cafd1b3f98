"""The `session` argument of a Python model, and the relations that the model reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
from psycopg import sql

from dbt_pyjobs.changes import Changes

if TYPE_CHECKING:
    import pandas as pd

_LOADS_SCHEMA = pa.schema(
    [
        ("load_id", pa.int64()),
        ("time_from", pa.timestamp("us", tz="UTC")),
        ("time_to", pa.timestamp("us", tz="UTC")),
        ("rows_loaded", pa.int64()),
    ]
)

#: Reason of a record for a model that an earlier release built and that is kept.
ON_RECORD = "on record"

# Longest text of a difference in dbt's log; `ops.model_builds` has the full values.
_LONGEST_REASON = 120

_APPLIED = """
    exists (
        select 1 from ingestion.applied_loads as a
        where a.consumer = %s and a.load_id = l.load_id
    )
"""


class Session:
    """A model's access to the database, on its own connection.

    Parameters
    ----------
    open_connection
        Opens another connection like this one.
    consumer
        The model as `ingestion.applied_loads` and `ops.model_state` know it,
        ``schema.name``.
    starts_over
        True on a first build and a full refresh: the stored fingerprint and the applied
        loads are then ignored, because the table is replaced.

    Attributes
    ----------
    connection : psycopg.Connection
        In autocommit. The result is written on another connection.
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

        Each call opens its own connection, so several calls can run at the same time,
        also while the model's result is written.
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
        """Return the loads of a relation that this model has not applied yet.

        Parameters
        ----------
        relation
            The raw table, ``schema.name``.
        upstream
            Models this one reads (``schema.name``, or what ``dbt.ref`` returns); only
            loads that every one of them has applied are returned.
        with_applied
            Also return the loads that the model has applied.

        Returns
        -------
        pyarrow.Table
            ``load_id`` int64, ``time_from`` and ``time_to`` timestamp[us, UTC] (null
            if no row was stored), ``rows_loaded`` int64; in order of ``load_id``. All
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

    def definitions(self, models: Sequence[object]) -> dict[str, str]:
        """Return the definitions of upstream models.

        Parameters
        ----------
        models
            ``schema.name``, or what ``dbt.ref`` returns.

        Returns
        -------
        dict
            By ``schema.name``: the stored fingerprints of models that apply loads, and
            hashes of the queries of views.
        """
        names = [consumer_name(model) for model in models]
        rows = self.connection.execute(
            "select model, split_part(fingerprint, '@', 1) from ops.model_state"
            " where model = any(%(names)s)"
            " union all select name, md5(pg_get_viewdef(to_regclass(name)))"
            " from unnest(%(names)s) as name"
            " where exists (select from pg_class"
            " where oid = to_regclass(name) and relkind = 'v') order by 1",
            {"names": names},
        ).fetchall()
        return dict(rows)

    @property
    def fingerprint(self) -> str | None:
        """The `Changes.fingerprint` of the last run; None if none is stored."""
        if self._starts_over or not self.has_table("ops.model_state"):
            return None
        row = self.connection.execute(
            "select fingerprint from ops.model_state where model = %s", [self.consumer]
        ).fetchone()
        return None if row is None else row[0]

    def why_anew(self, changes: Changes) -> str | None:
        """Describe how `Changes.made_of` differs from that of the stored rows.

        Parameters
        ----------
        changes
            The model's result, not consumed.

        Returns
        -------
        str or None
            None if nothing differs or the model returns no `made_of`; `ON_RECORD` if an
            earlier release built the rows and no difference is known.
        """
        if changes.made_of is None or self._starts_over:
            return None
        if not self.has_table("ops.model_builds"):
            return None
        row = self.connection.execute(
            "select made_of from ops.model_builds where model = %s"
            " order by built_at desc limit 1",
            [self.consumer],
        ).fetchone()
        if row is None:
            # An earlier release built it and stored only a fingerprint.
            is_whole = changes.scope == "true"
            if is_whole and changes.fingerprint != self.fingerprint:
                return "no record of what it was made of"
            return ON_RECORD
        before, now = row[0] or {}, json.loads(json.dumps(changes.made_of, default=str))
        differing = [name for name in now if before.get(name) != now[name]]
        if not differing and changes.scope == "true":
            is_same = changes.fingerprint == self.fingerprint
            return None if is_same else "its code changed"
        texts = [_differs(name, before.get(name), now[name]) for name in differing]
        return "; ".join(texts) or None

    def has_table(self, name: str) -> bool:
        """Return whether ``schema.name`` exists."""
        row = self.connection.execute(
            "select to_regclass(%s) is not null", [name]
        ).fetchone()
        return bool(row and row[0])


class Relation:
    """The result of ``dbt.ref`` and ``dbt.source`` in a Python model.

    ``str()`` is the quoted name, for queries: ``f"select … from {dbt.ref('fills')}"``.
    """

    def __init__(self, name: str, session: Session) -> None:
        self._name = name
        self._session = session

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"Relation({self._name})"

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return all rows as an Arrow table; `Session.read_batches` reads in batches.

        Parameters
        ----------
        columns
            Names of the columns to read; by default all.
        """
        if columns is None:
            return self._session.read(f"select * from {self._name}")
        names = ", ".join(sql.Identifier(name).as_string(None) for name in columns)
        return self._session.read(f"select {names} from {self._name}")

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return all rows as a pandas frame of Arrow's types.

        A numeric stays an exact decimal, and a bigint with nulls stays an integer;
        pandas' own types would convert both to floats.

        Parameters
        ----------
        columns
            Names of the columns to read; by default all.
        """
        # Every dbt command loads this module, and few models need pandas.
        import pandas as pd

        return self.to_arrow(columns).to_pandas(types_mapper=pd.ArrowDtype)


def _differs(name: str, before: object, now: object) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        return "; ".join(
            _differs(f"{name}.{key}", before.get(key), now[key])
            for key in now
            if before.get(key) != now[key]
        )
    text = f"{name} is {now} instead of {before}"
    return text if len(text) <= _LONGEST_REASON else f"{name} changed"


def lock_name(consumer: str) -> str:
    """Return the name of the advisory lock that is held while a model is built."""
    return f"dbt {consumer}"


def consumer_name(relation: object) -> str:
    """Return ``schema.name`` of a quoted or plain, two- or three-part name."""
    parts = [part.strip('"') for part in str(relation).split(".")]
    return ".".join(parts[-2:])
