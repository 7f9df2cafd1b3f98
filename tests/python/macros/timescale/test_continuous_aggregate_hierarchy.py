"""Rollups of rollups: right after any load, change, rebuild or half a run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from aggregate_project import TIMES, AggregateProject, readings
from conftest import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = timedelta(days=7)


@pytest.fixture(params=TIMES)
def project(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database
) -> AggregateProject:
    made = AggregateProject(tmp_path, database.conninfo, request.param)
    made.put([*readings(0, 0.5, 30), *readings(1, 200, sensor="b", value=5)])
    made.write_rollup("hourly")
    made.write_rollup("daily", bucket="1 day", below="hourly")
    return made


def _relations(project: AggregateProject) -> list[tuple[str]]:
    return project.query(
        "select relname::text from pg_class"
        " where relnamespace = 'analytics'::regnamespace and relkind <> 'i' order by 1"
    )


def test_three_levels_follow_every_load(project: AggregateProject) -> None:
    project.write_rollup("weekly", bucket="2 days", below="daily")
    project.run()
    for hours in ((31, 32), (2,), (300, 5), (0.1,)):
        project.put(readings(*hours))
        project.run()
        assert project.totals("hourly") == project.expected(HOUR)
        assert project.totals("daily") == project.expected(DAY)
        assert sum(project.totals("weekly").values()) == (
            sum(project.expected(DAY).values())
        )
    assert set(project.run().values()) >= {"REFRESH 0"}
    if project.is_native:
        assert project.aggregate("daily")["hypertable_name"] in {
            "hourly",
            project.aggregate("hourly")["materialization_hypertable_name"],
        }


def test_only_loads_the_rollup_below_has_are_taken_in(
    project: AggregateProject,
) -> None:
    project.run()
    before = project.totals("daily")
    project.put(readings(3, 60))
    assert project.run("--select", "daily")["daily"] == "REFRESH 0"
    assert project.totals("daily") == before
    project.run("--select", "hourly")
    assert project.run("--select", "daily")["daily"] != "REFRESH 0"
    assert project.totals("daily") == project.expected(DAY)


@pytest.mark.parametrize("how", ["changed query", "full refresh"])
def test_a_rebuild_below_rebuilds_what_is_above(
    project: AggregateProject, how: str
) -> None:
    project.write_rollup("wide", bucket="2 days", below="hourly")
    project.run()
    relations, before = _relations(project), project.totals("daily")
    project.put(readings(7), logged=False)
    flags = ["--full-refresh"] if how == "full refresh" else []
    if how == "changed query":
        project.write_rollup("hourly", value="sum(value) + 0")
    project.run("--select", "hourly", *flags)
    # The rollups above live on, with the rows they had, until they are built.
    assert project.totals("daily") == before
    project.run("--select", "daily")
    assert project.totals("daily") == project.expected(DAY)
    assert len(project.totals("wide")) > 0
    project.run()
    assert sum(project.totals("wide").values()) == sum(project.expected(DAY).values())
    assert _relations(project) == relations
    assert "REFRESH 0" in project.run()["daily"]


def test_buckets_must_nest(project: AggregateProject) -> None:
    project.write_rollup("odd", bucket="90 minutes", below="hourly")
    message = project.error("--select", "odd")
    assert "90 minutes" in message
    assert "1 hour" in message
    assert "analytics.hourly" in message


def test_a_table_is_nothing_to_roll_up(project: AggregateProject) -> None:
    project.write_rollup("hourly", materialized="table")
    message = project.error("--select", "daily")
    assert "exactly one ref() to another continuous aggregate" in message
