"""Write a model's result to staging tables, committed before dbt applies them.

The tables and their key are created and filled in one transaction on a separate
connection. A run that dies before the commit leaves nothing. A run that dies after it
leaves tables that the next run drops.
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
    """Instructions of the materialization, written by the macro ``python_job_spec``.

    Attributes
    ----------
    consumer, target
        ``schema.name`` of the model and its quoted name.
    replaces
        True when the result replaces the whole table.
    starts_over
        True if the stored fingerprint and applied loads are replaced too (first build,
        full refresh).
    staging, staging_name
        Quoted name and ``schema.name`` of the staging table for rows.
    deletes, deletes_name
        The same for the staging table of keys to delete.
    leftovers
        Quoted names of tables that a killed run may have left; they are dropped first.
    create
        DDL of the staging table.
    columns, unique_key
        Columns in the order of the YAML, and the names of the key columns.
    adds_key
        True if the job adds the primary key; False if YAML declares it.
    on_schema_change
        dbt's config.
    is_empty_run
        dbt's ``--empty``: the model is not called, the result has no rows.
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
    """The result of the job, from which the materialization finishes.

    Attributes
    ----------
    is_staged
        False if nothing is new; there is no staging table then.
    rows
        Rows staged.
    has_deletes
        Whether there is a staging table of keys to delete.
    scope, loads, fingerprint, made_of
        As in `Changes`.
    reason
        Why the whole model was computed; None if it was not.
    new_columns, old_columns
        ``{"name", "data_type"}`` of columns to add, names of columns to drop.
    has_records
        Whether the bookkeeping tables of models exist; ``ops.model_builds`` is the
        newest of them.
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
    """Write a result to the staging tables and fill in ``outcome``.

    Raises
    ------
    DbtRuntimeError
        A column does not fit its declared type, or a key is null or not unique; the
        message names model and column.
    psycopg.Error
        Any other error of the server.
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
        # A new table has no statistics: without them the planner guesses join sizes.
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
    """Drop the staging tables, including those of a killed run."""
    for name in spec.leftovers:
        connection.execute(f"drop table if exists {name}")


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None)
