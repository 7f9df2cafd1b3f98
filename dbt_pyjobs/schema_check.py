"""Compare the existing table with the columns that YAML declares."""

from __future__ import annotations

from typing import Any

import psycopg
from dbt_common.exceptions import DbtRuntimeError
from psycopg import sql

from dbt_pyjobs.casting import Column
from dbt_pyjobs.staging import Outcome, Spec

_REBUILD = "run it once with --full-refresh"

_KEY = """
    select a.attname
    from pg_index as i
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    where i.indrelid = %s::regclass and i.indisprimary
"""


def check_schema(
    connection: psycopg.Connection[Any], spec: Spec, outcome: Outcome
) -> None:
    """Compare an incremental model's table with its YAML; set the columns to alter.

    Sets ``outcome.new_columns`` and ``outcome.old_columns``.

    Raises
    ------
    DbtRuntimeError
        A type or the key differs, or columns differ in a way that ``on_schema_change``
        does not allow. The message names the column and the fix.
    """
    stored = _described(connection, f"select * from {spec.target} limit 0")
    nulls = ", ".join(
        f"null::{column.data_type} as {sql.Identifier(column.name).as_string(None)}"
        for column in spec.columns
    )
    declared = _described(connection, f"select {nulls} limit 0")

    def fail(reason: str) -> DbtRuntimeError:
        return DbtRuntimeError(f"Python model {spec.consumer!r}: {reason}")

    for name in declared.keys() & stored.keys():
        if declared[name] != stored[name]:
            raise fail(
                f"column {name!r} is {_type_name(connection, stored[name])} in the "
                f"table and {_type_name(connection, declared[name])} in YAML; types "
                f"are not changed in place: {_REBUILD}"
            )
    key = {row[0] for row in connection.execute(_KEY, [spec.target])}
    if key != set(spec.unique_key):
        raise fail(
            f"the table's primary key is ({', '.join(sorted(key))}) and unique_key is "
            f"({', '.join(spec.unique_key)}): {_REBUILD}"
        )
    new = [column for column in spec.columns if column.name not in stored]
    old = [name for name in stored if name not in declared]
    if new and spec.on_schema_change in ("ignore", "fail"):
        raise fail(
            f"column {_listed([column.name for column in new])} in YAML but not in "
            "the table: set on_schema_change to append_new_columns (old rows get "
            f"nulls), or {_REBUILD}"
        )
    if old and spec.on_schema_change == "fail":
        raise fail(
            f"column {_listed(old)} in the table but not in YAML: set on_schema_change "
            f"to sync_all_columns, or {_REBUILD}"
        )
    outcome.new_columns = [_added(column, fail) for column in new]
    outcome.old_columns = old if spec.on_schema_change == "sync_all_columns" else []


def _added(column: Column, fail: Any) -> dict[str, str]:
    if column.not_null:
        raise fail(
            f"column {column.name!r} is new and not_null, and the rows that are there "
            f"have no value for it: {_REBUILD}"
        )
    return {"name": column.name, "data_type": column.data_type}


def _described(
    connection: psycopg.Connection[Any], query: str
) -> dict[str, tuple[int, int]]:
    """Return type oid and modifier of each column of a query, by name."""
    cursor = connection.execute(query)
    result = cursor.pgresult
    if result is None:
        raise RuntimeError(f"no description came with {query}")
    return {
        (result.fname(i) or b"").decode(): (result.ftype(i), result.fmod(i))
        for i in range(result.nfields)
    }


def _type_name(connection: psycopg.Connection[Any], kind: tuple[int, int]) -> str:
    row = connection.execute("select format_type(%s, %s)", kind).fetchone()
    return str(row[0]) if row else "?"


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
