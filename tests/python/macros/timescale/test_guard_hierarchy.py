"""Rollups of rollups: each level may drop its rows, the next one keeps their sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aggregate_project import TIMES, AggregateProject
from conftest import Database
from guard_project import run_jobs

DAY = timedelta(days=1)
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def hourly(project: AggregateProject, **settings: Any) -> None:
    project.write_rollup("hourly", settings={"retention": "60 days", **settings})


@pytest.fixture(params=TIMES)
def project(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database
) -> AggregateProject:
    """120 days in two levels, of which the lower keeps 60 and the raw table all."""
    made = AggregateProject(tmp_path, database.conninfo, request.param)
    made.put((NOON - number * DAY, "a", number) for number in range(1, 121))
    made.write_rollup("hourly")
    made.write_rollup("daily", bucket="1 day", below="hourly")
    made.run()
    return made


def drop_hours(project: AggregateProject) -> None:
    """Let the lower level drop what it keeps no longer, as its edition does."""
    hourly(project)
    project.run()
    if project.is_native:
        run_jobs(project, "proc_name in ('apply_retention', 'policy_retention')")
    # A chunk of an aggregate is ten days.
    assert 60 <= len(project.totals("hourly")) <= 72
    project.run()


def test_a_dropped_level_leaves_the_next_one_whole(project: AggregateProject) -> None:
    before = project.totals("daily")
    assert len(before) == 120
    drop_hours(project)
    assert project.totals("daily") == before

    project.put([(NOON - 2 * DAY, "b", 1)])
    project.run()
    after = project.totals("daily")
    day = (NOON - 2 * DAY).replace(hour=0)
    assert after == {**before, (day, "b"): 1}
    project.run("--full-refresh", "--select", "daily")
    assert project.totals("daily") == after
    project.write_rollup(
        "daily", bucket="1 day", below="hourly", value="sum(total) + 0"
    )
    project.run()
    assert project.totals("daily") == after


def test_an_upper_level_that_becomes_a_table_is_refused(
    project: AggregateProject,
) -> None:
    before = project.totals("daily")
    drop_hours(project)
    project.write_rollup("daily", bucket="1 day", below="hourly", materialized="table")
    message = project.error("--select", "daily")
    assert "analytics.daily" in message
    assert "analytics.hourly has dropped its rows before" in message
    assert project.totals("daily") == before


def test_offsets_are_held_against_the_level_below(project: AggregateProject) -> None:
    hourly(project)
    policy = {"start_offset": "60 days", "end_offset": "1 hour"}
    project.write_rollup(
        "daily", bucket="1 day", below="hourly", settings={"refresh_policy": policy}
    )
    message = project.error("--select", "daily")
    for part in (
        "analytics.daily",
        "60 days (start_offset)",
        "analytics.hourly drops its rows after 60 days (retention)",
        "at most 59 days",
    ):
        assert part in message
