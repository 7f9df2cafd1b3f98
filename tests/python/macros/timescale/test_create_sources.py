"""The raw tables follow their YAML, and nothing is ever lost on the way."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from conftest import Database
from rollup_project import CATALOG_STATE, RollupProject, fills
from waiting import PATIENCE_SECONDS, wait_for_advisory_locks


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = RollupProject(tmp_path, database.conninfo)
    made.create_sources()
    return made


def _columns(project: RollupProject, table: str) -> dict[str, tuple[Any, ...]]:
    rows = project.query(
        f"""
        select attname, format_type(atttypid, atttypmod), attnotnull
        from pg_attribute
        where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped
        """
    )
    return {name: rest for name, *rest in rows}


def test_tables_have_the_types_and_keys_of_their_yaml(project: RollupProject) -> None:
    columns = _columns(project, "hyperliquid.fills")
    assert columns["px"] == ["numeric", True]
    assert columns["liquidation"] == ["jsonb", False]
    assert columns["block_time"] == ["timestamp with time zone", False]
    indexes = dict(
        project.query(
            "select indexname, indexdef from pg_indexes"
            " where schemaname = 'hyperliquid'"
        )
    )
    assert "WHERE (tid <> 0)" in indexes["fills_trade_key"]
    assert "UNIQUE" in indexes["fills_dust_key"]
    project.execute(
        "insert into ingestion.applied_loads (consumer, load_id) values ('a', 1)"
    )
    [(applied_at,)] = project.query("select applied_at from ingestion.applied_loads")
    assert applied_at is not None


def test_descriptions_are_comments(project: RollupProject) -> None:
    [(comment,)] = project.query(
        "select obj_description('hyperliquid.fills'::regclass, 'pg_class')"
    )
    assert comment.startswith("One row per fill")


def test_a_second_run_writes_nothing(project: RollupProject) -> None:
    before = project.query(CATALOG_STATE)
    project.create_sources()
    assert project.query(CATALOG_STATE) == before


def test_a_new_column_is_added_and_rows_stay(project: RollupProject) -> None:
    project.load(fills(0, range(2)))
    before = project.query("select count(*) from hyperliquid.fills")
    with project.edit_source("fills") as table:
        table["columns"].append(
            {"name": "venue", "data_type": "varchar(8)", "description": "Where."}
        )
    project.create_sources()
    assert _columns(project, "hyperliquid.fills")["venue"] == [
        "character varying(8)",
        False,
    ]
    assert project.query("select count(*) from hyperliquid.fills") == before


def test_a_type_change_is_refused_by_name(project: RollupProject) -> None:
    with project.edit_source("fills") as table:
        next(c for c in table["columns"] if c["name"] == "oid")["data_type"] = "text"
    message = project.error()
    for part in ("Column oid", "hyperliquid.fills", "bigint", "text", "alter table"):
        assert part in message
    assert _columns(project, "hyperliquid.fills")["oid"] == ["bigint", False]


SAME_TYPES = [
    ("numeric(18,8)", "numeric(18, 8)"),
    ("numeric(18)", "numeric(18,0)"),
    ("timestamptz", "timestamp with time zone"),
    ("varchar(9)", "character varying(9)"),
    ("vector(4)", "vector(4)"),
    ("text[]", "text[]"),
]
OTHER_TYPES = [
    ("numeric(18,8)", "numeric(18,6)"),
    ("numeric(18,8)", "numeric"),
    ("timestamptz", "timestamp"),
    ("vector(4)", "vector(5)"),
    ("text", "no_such_type"),
]


def test_types_are_compared_as_the_server_understands_them(
    project: RollupProject,
) -> None:
    with project.edit_source("fills") as table:
        for number, (server, declared) in enumerate(SAME_TYPES):
            name = f"same{number}"
            project.execute(f"alter table hyperliquid.fills add column {name} {server}")
            column = {"name": name, "data_type": declared, "description": "A probe."}
            table["columns"].append(column)
    project.create_sources()
    for number, (server, declared) in enumerate(OTHER_TYPES):
        name = f"other{number}"
        project.execute(f"alter table hyperliquid.fills add column {name} {server}")
        with project.edit_source("fills") as table:
            column = {"name": name, "data_type": declared, "description": "A probe."}
            table["columns"].append(column)
        message = project.error("--select", "coin_daily")
        assert f"Column {name} of hyperliquid.fills" in message
        assert declared in message
        with project.edit_source("fills") as table:
            table["columns"].pop()


def test_a_new_not_null_column_without_default_is_refused(
    project: RollupProject,
) -> None:
    with project.edit_source("load_log") as table:
        column = {
            "name": "worker",
            "data_type": "text",
            "description": "Who.",
            "constraints": [{"type": "not_null"}],
        }
        table["columns"].append(column)
    message = project.error()
    assert "worker" in message
    assert "ingestion.load_log" in message
    with project.edit_source("load_log") as table:
        table["columns"][-1]["config"] = {"meta": {"default": "'main'"}}
    project.create_sources()
    assert _columns(project, "ingestion.load_log")["worker"] == ["text", True]


def test_a_changed_index_is_refused_by_name(project: RollupProject) -> None:
    with project.edit_source("load_log") as table:
        table["config"]["meta"]["timescale"]["indexes"][0]["columns"] = ["object"]
    message = project.error()
    assert "load_log_relation" in message
    assert "(relation, load_id)" in message


def test_a_generated_column_follows_its_expression(project: RollupProject) -> None:
    end = "select window_end - window_start = '5 minutes' from market_data.window_5m"
    project.execute(
        "insert into market_data.window_5m (window_start, exchange)"
        " values ('2024-03-31 00:55Z', 'a')"
    )
    assert project.query(end) == [(True,)]
    with project.edit_source("load_log") as table:
        column = {
            "name": "rows_total",
            "data_type": "bigint",
            "description": "All.",
            "config": {"meta": {"generated": "rows_read + 1"}},
            "constraints": [{"type": "not_null"}],
        }
        table["columns"].append(column)
    project.create_sources()
    assert _columns(project, "ingestion.load_log")["rows_total"] == ["bigint", True]
    with project.edit_source("load_log") as table:
        table["columns"][-1]["config"]["meta"]["default"] = "1"
    message = project.error()
    for part in ("load_log", "rows_total", "default and generated"):
        assert part in message


def test_a_misspelt_setting_is_refused(project: RollupProject) -> None:
    with project.edit_source("fills") as table:
        table["config"]["meta"]["timescale"]["chunk_intervall"] = "1 day"
    message = project.error()
    assert "chunk_intervall" in message
    assert "hyperliquid.fills" in message


def test_a_view_in_the_place_of_a_table_is_refused(project: RollupProject) -> None:
    project.execute("drop table ops.model_state")
    project.execute("create view ops.model_state as select 1 as model")
    assert "ops.model_state" in project.error()


def test_a_column_no_longer_declared_stays(project: RollupProject) -> None:
    with project.edit_source("fills") as table:
        table["columns"] = [c for c in table["columns"] if c["name"] != "cloid"]
    project.create_sources()
    project.run("--full-refresh", "--select", "coin_daily")
    assert "cloid" in _columns(project, "hyperliquid.fills")


def test_compile_does_not_create(tmp_path: Path, database: Database) -> None:
    project = RollupProject(tmp_path, database.conninfo)
    project.run("--no-introspect", command="compile")
    assert project.query("select to_regnamespace('hyperliquid')::text") == [(None,)]


@pytest.mark.parametrize("command", ["run", "build"])
def test_a_database_without_vector_says_how_to_get_it(
    tmp_path: Path, database: Database, command: str
) -> None:
    project = RollupProject(tmp_path, database.conninfo)
    project.execute("drop extension vector")
    message = project.error(command=command)
    assert "create extension vector" in message
    assert project.query("select to_regnamespace('hyperliquid')::text") == [(None,)]
    project.execute("create extension vector")
    project.create_sources()


def _require(project: RollupProject, old: str, new: str) -> None:
    """Ask for another version than the project does."""
    path = project.folder / "macros/timescale/assert_server.sql"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_server_that_is_too_old_is_refused(
    tmp_path: Path, database: Database
) -> None:
    project = RollupProject(tmp_path, database.conninfo)
    _require(project, "160000", "990000")
    [(version,)] = project.query("select current_setting('server_version')")
    message = project.error("--select", "coin_daily")
    assert f"PostgreSQL {version} is too old" in message


@pytest.mark.editions("apache", "community")
def test_a_timescaledb_that_is_too_old_is_refused(
    tmp_path: Path, database: Database
) -> None:
    project = RollupProject(tmp_path, database.conninfo)
    _require(project, "array[2, 19]", "array[99, 0]")
    message = project.error("--select", "coin_daily")
    assert "TimescaleDB 2." in message
    assert "alter extension timescaledb update" in message


def test_a_role_that_may_not_create_is_told_who_can_grant_it(
    tmp_path: Path, database: Database
) -> None:
    project = RollupProject(tmp_path, database.conninfo)
    project.execute("drop extension vector")
    project.execute("create role newcomer login")
    # Where a schema is missing, dbt's own error comes first.
    project.execute("create schema analytics authorization newcomer")
    try:
        profile = tmp_path / "profiles.yml"
        owner = database.conninfo["user"]
        profile.write_text(
            profile.read_text().replace(f"user: {owner}", "user: newcomer")
        )
        message = project.error("--select", "coin_daily")
        grant = (
            f'grant create on database "{database.conninfo["dbname"]}" to "newcomer"'
        )
        assert f"owner, {owner}, says: {grant}" in message
        # All that is missing, at once.
        assert "create extension vector" in message
        project.execute(grant)
        project.execute("create extension vector")
        project.create_sources()
    finally:
        project.execute("drop owned by newcomer cascade")
        project.execute("drop role newcomer")


def test_it_waits_for_a_second_build(tmp_path: Path, database: Database) -> None:
    project = RollupProject(tmp_path, database.conninfo)
    with psycopg.connect(**database.conninfo) as other:
        other.execute(
            "select pg_advisory_xact_lock(hashtextextended('vigil.create_sources', 0))"
        )
        other.execute("create schema hyperliquid; create schema ingestion")
        other.execute("create table ingestion.quarantine (quarantine_id bigint)")
        waiting = Thread(target=project.create_sources)
        waiting.start()
        wait_for_advisory_locks(other, 1)
        other.execute("drop schema ingestion cascade")
        other.commit()
    waiting.join(PATIENCE_SECONDS)
    assert "quarantine_id" in _columns(project, "ingestion.quarantine")
