"""Names and values that would be SQL if they were pasted into it are only that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.adapters.postgres import PostgresCredentials
from loading import content, count, fill, fills, loaded, parquet

from dbt_pyjobs.credentials import connect as connect_python_model
from pgio.connection import connect
from pgio.copy_in import copy_batches
from pgio.copy_out import read_table
from python_jobs.lib.market.candles import quote

pytest_plugins = ["loading_database"]
pytestmark = pytest.mark.any_server

HOSTILE = """o'b"; drop table hyperliquid.fills; -- \\ %s {x} $1"""


def test_a_path_and_its_values_are_data(
    loading_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    rows = [*fills(3), fill(7, dir=HOSTILE, coin="B'T\"C")]
    rows.append(fill(8, px=HOSTILE))  # goes to quarantine, with the value
    file = parquet(tmp_path / HOSTILE.replace("/", "") / "fills.parquet", rows)
    loaded(file, "--max-bad-rows", "50%")
    assert count(loading_db) == 4
    assert [row[6] for row in content(loading_db)][-1] == HOSTILE
    query = "select raw ->> 'px', reason from ingestion.quarantine"
    [(value, reason)] = loading_db.execute(query).fetchall()
    assert value == HOSTILE
    assert "px" in reason
    # Found again by its name: nothing is loaded twice.
    assert "1 skipped" in loaded(file).output


def test_a_name_is_an_identifier_in_both_directions(
    loading_db: psycopg.Connection[Any],
) -> None:
    with loading_db.transaction():
        name = 'we"ird; drop table hyperliquid.fills'
        loading_db.execute(
            'create temporary table "odd one" ("we""ird; drop table '
            'hyperliquid.fills" text, "%s" jsonb) on commit drop'
        )
        table = read_table(loading_db, 'select * from "odd one"')
        assert table.column_names == [name, "%s"]
        batch = table.from_pydict({name: [HOSTILE], "%s": ["{}"]}).to_batches()
        assert copy_batches(loading_db, "odd one", batch) == 1
        assert read_table(loading_db, 'select * from "odd one"')[name].to_pylist() == [
            HOSTILE
        ]


@pytest.mark.parametrize("text", [HOSTILE, "", "'", "\\'", "\\"])
def test_a_literal_is_read_back_as_it_was(
    loading_db: psycopg.Connection[Any], text: str
) -> None:
    assert loading_db.execute(f"select {quote(text)}").fetchall() == [(text,)]


def test_the_role_of_a_profile_is_a_name(server: dict[str, Any]) -> None:
    def role_in_use(role: str) -> Any:
        given = {name: server[name] for name in ("host", "port", "user")}
        credentials = PostgresCredentials(
            **given, database=server["dbname"], schema="x", password="", role=role
        )
        with connect_python_model(credentials, "test") as conn:
            return conn.execute("select current_user").fetchall()

    name = 'O"dd; reset role'
    with connect(autocommit=True) as conn:
        quoted = '"O""dd; reset role"'
        conn.execute(f"create role {quoted}")
        try:
            assert role_in_use(quoted) == [(name,)]
            assert role_in_use("PG_MONITOR") == [("pg_monitor",)]
            with pytest.raises(psycopg.errors.InvalidName):
                role_in_use("pg_monitor; reset role")
        finally:
            conn.execute(f"drop role {quoted}")
