"""A model's result into staging tables, committed before dbt puts it in place.

The tables are created, filled and keyed in one transaction on a connection of their
own: a run that dies before its end leaves nothing, one that dies after it leaves tables
that the next run drops.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from dbt_common.exceptions import DbtRuntimeError
from psycopg import sql

from dbt_pyjobs.casting import Casting, Column
from dbt_pyjobs.changes import Changes
from pgio.copy_in import copy_batches


@dataclass(frozen=True)
class Spec:
    """What the materialization wants done, written by the macro ``python_job_spec``.

    Attributes
    ----------
    consumer, target
        ``schema.name`` of the model and its quoted name.
    replaces
        True when the result replaces the whole table.
    starts_over
        True when what the model remembers is replaced too (first build, full refresh).
    staging, staging_name
        Quoted name and ``schema.name`` of the table that takes the rows.
    deletes, deletes_name
        The same for the table that takes the keys to remove.
    leftovers
        Quoted names a killed run may have left, to be dropped first.
    create
        DDL of the staging table.
    columns, unique_key
        Columns in the order of the YAML, and the names of the key's.
    adds_key
        True when the primary key is ours to add (YAML may declare it).
    on_schema_change
        dbt's config.
    is_empty_run
        dbt's ``--empty``: no model is called, the result has no rows.
    """

    consumer: str
    target: str
    replaces: bool
    starts_over: bool
    staging: str
    staging_name: str
    deletes: str
    deletes_name: str
    leftovers: list[str]
    create: str
    columns: list[Column]
    unique_key: list[str]
    adds_key: bool
    on_schema_change: str = "ignore"
    is_empty_run: bool = False
    reason: str | None = None

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Spec:
        """Build the spec from the dictionary at the end of the compiled model."""
        columns = [Column(**column) for column in given["columns"]]
        return cls(**{**given, "columns": columns})


@dataclass
class Outcome:
    """What the job did, for the materialization to finish.

    Attributes
    ----------
    is_staged
        False when nothing is new: there is no staging table.
    rows
        Rows staged.
    has_deletes
        Whether there is a table of keys to remove.
    scope, loads, fingerprint, made_of
        As in `Changes`.
    reason
        Why the model was computed whole; None when it was not.
    new_columns, old_columns
        ``{"name", "data_type"}`` of columns to add, names of columns to drop.
    has_records
        Whether the tables of what models have taken in exist: ``ops.model_builds`` is
        the youngest of them.
    """

    is_staged: bool = False
    rows: int = 0
    has_deletes: bool = False
    scope: str | None = None
    loads: list[int] = field(default_factory=list)
    fingerprint: str | None = None
    made_of: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    new_columns: list[dict[str, str]] = field(default_factory=list)
    old_columns: list[str] = field(default_factory=list)
    has_records: bool = False


def stage(
    connection: psycopg.Connection[Any], spec: Spec, changes: Changes, outcome: Outcome
) -> None:
    """Write a result into the staging tables and note in ``outcome`` what was done.

    Raises
    ------
    DbtRuntimeError
        A column does not fit what YAML declares, or a key is null or there twice; the
        message names model and column.
    psycopg.Error
        Anything else the server objected to.
    """
    casting = Casting(spec.consumer, spec.columns)
    with connection.transaction():
        connection.execute(spec.create)
        outcome.rows = copy_batches(
            connection,
            spec.staging_name,
            casting.batches(changes.rows),
            casting.names,
        )
        if spec.unique_key and spec.adds_key:
            _add_key(connection, spec)
        if changes.deletes is not None and not spec.replaces:
            _stage_deletes(connection, spec, changes)
            outcome.has_deletes = True
        # The planner knows nothing of a table this young; joining it would be a guess.
        connection.execute(f"analyze {spec.staging}")
    outcome.is_staged = True
    outcome.scope = changes.scope
    outcome.loads = [int(load_id) for load_id in changes.loads]
    outcome.fingerprint = changes.fingerprint
    outcome.made_of = dict(changes.made_of or {})


def _add_key(connection: psycopg.Connection[Any], spec: Spec) -> None:
    key = ", ".join(_quoted(name) for name in spec.unique_key)
    try:
        connection.execute(f"alter table {spec.staging} add primary key ({key})")
    except psycopg.errors.UniqueViolation as error:
        raise DbtRuntimeError(
            f"Python model {spec.consumer!r}, rows: unique_key is not unique: "
            f"{error.diag.message_detail}"
        ) from error
    except psycopg.errors.NotNullViolation as error:
        raise DbtRuntimeError(
            f"Python model {spec.consumer!r}, rows: column "
            f"{error.diag.column_name!r} of unique_key holds nulls"
        ) from error


def _stage_deletes(
    connection: psycopg.Connection[Any], spec: Spec, changes: Changes
) -> None:
    key = [column for column in spec.columns if column.name in spec.unique_key]
    casting = Casting(spec.consumer, key, what="deletes")
    ddl = ", ".join(f"{_quoted(column.name)} {column.data_type}" for column in key)
    connection.execute(f"create unlogged table {spec.deletes} ({ddl})")
    copy_batches(
        connection,
        spec.deletes_name,
        casting.batches(changes.deletes),
        casting.names,
    )
    connection.execute(f"analyze {spec.deletes}")


def drop_staging(connection: psycopg.Connection[Any], spec: Spec) -> None:
    """Drop what is left of the staging tables, those of a killed run included."""
    for name in spec.leftovers:
        connection.execute(f"drop table if exists {name}")


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None)
