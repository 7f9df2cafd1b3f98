"""A database of plain tables moves to a server with TimescaleDB, history included.

What was built without the extension is what a dump of another edition leaves: rollups
that are tables, raw rows in plain tables, the records of the project beside them.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from aggregate_project import AggregateProject
from conftest import Database
from guard_project import is_community
from test_guard_hierarchy import DAY, NOON

RAW = ("whole", "partly gone", "gone", "partly gone, no records")
RECORDS = (
    "ops.model_state, ops.retention_marks, ingestion.applied_loads, ingestion.load_log"
)


@pytest.fixture
def project(tmp_path: Path, database: Database, edition: str) -> AggregateProject:
    """120 days of readings in rollups, on a server that is plain PostgreSQL yet."""
    if edition == "postgres":
        pytest.skip("postgres: no TimescaleDB to move to")
    with psycopg.connect(**database.conninfo, autocommit=True) as conn:
        conn.execute("drop extension timescaledb")
    made = AggregateProject(tmp_path, database.conninfo)
    made.put((NOON - number * DAY, "a", number) for number in range(1, 121))
    return made


def write(project: AggregateProject, *, materialized_only: bool) -> None:
    settings = {"materialized_only": materialized_only}
    project.write_rollup("daily", bucket="1 day", settings=settings)
    project.write_rollup("threes", bucket="3 days", settings=settings)
    project.write_rollup("tens", bucket="10 days", below="daily", settings=settings)


@pytest.mark.parametrize(
    ("raw", "materialized_only"), [*((raw, True) for raw in RAW), ("gone", False)]
)
def test_old_buckets_come_along(
    project: AggregateProject, raw: str, materialized_only: bool
) -> None:
    write(project, materialized_only=materialized_only)
    project.run()
    names = ("daily", "threes", "tens")
    before = {name: project.totals(name) for name in names}
    if raw == "gone":
        project.execute(f"delete from probe.{project.table}")
    elif raw != "whole":
        with project.edit_source(project.table) as table:
            table["config"]["meta"]["timescale"]["retention"] = {
                "drop_after": "90 days"
            }
        project.run()
        [(left,)] = project.query(f"select count(*) from probe.{project.table}")
        assert 90 <= left <= 93
    if raw == "partly gone, no records":
        project.execute(f"truncate {RECORDS}")
    assert {name: project.totals(name) for name in names} == before

    project.execute("create extension timescaledb")
    assert project.is_native == is_community(project)
    for flags in ([], ["--full-refresh"], []):
        project.run(*flags)
        assert {name: project.totals(name) for name in names} == before
        assert project.query(
            "select count(*) from timescaledb_information.continuous_aggregates"
        ) == [(3 if project.is_native else 0,)]
    assert project.query(
        "select count(*) from timescaledb_information.hypertables"
        f" where hypertable_name = '{project.table}'"
    ) == [(1,)]

    # In buckets of their own: the last ones have lost raw rows, and stay as they are.
    project.put([(NOON + 3 * DAY, "a", 7)])
    project.run()
    for name in names:
        after = project.totals(name)
        assert sum(after.values()) == sum(before[name].values()) + 7
        assert set(after) >= set(before[name])
