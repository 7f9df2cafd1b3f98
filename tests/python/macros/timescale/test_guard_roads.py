"""The loss scenario: raw rows for 90 days, aggregates for ever, no start of a refresh.

Done by hand it loses history. Through the project it does not, by any road (Community;
the same for the other editions is in test_guard).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from aggregate_project import AggregateProject
from conftest import Database
from guard_project import run_jobs
from hypertable_project import add_drift_test, drift
from test_guard_hierarchy import DAY, NOON

TODAY = NOON.replace(hour=0)
# Of TimescaleDB's buckets: 120 days lie in 12 or in 13 of ten days, by the date.
ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)
REFRESH = "proc_name = 'policy_refresh_continuous_aggregate'"
RETENTION = "proc_name = 'apply_retention'"
POLICY = {"end_offset": "1 hour", "start_offset": None}


@pytest.fixture
def project(tmp_path: Path, database: Database, edition: str) -> AggregateProject:
    """120 days of readings, a rollup by day, and one of its rollup by ten days."""
    if edition != "community":
        pytest.skip(f"{edition}: no jobs and nothing to refresh by hand")
    made = AggregateProject(tmp_path, database.conninfo)
    # Jobs run when a test runs them: on a busy machine one could come between a drop by
    # hand and the build that has to follow it.
    made.query("select _timescaledb_functions.stop_background_workers()")
    made.put((NOON - number * DAY, "a", number) for number in range(1, 121))
    daily(made)
    made.write_rollup("decades", bucket="10 days", below="daily")
    made.run()
    return made


def daily(
    project: AggregateProject,
    kind: str = "continuous_aggregate",
    value: str = "sum(value)",
    start: str | None = None,
) -> None:
    policy = {**POLICY, "start_offset": start}
    project.write_rollup(
        "daily",
        bucket="1 day",
        value=value,
        materialized=kind,
        settings={"refresh_policy": policy},
    )


def declare_retention(project: AggregateProject, drop_after: str) -> None:
    with project.edit_source(project.table) as table:
        table["config"]["meta"]["timescale"]["retention"] = {"drop_after": drop_after}


def raw_days(project: AggregateProject) -> int:
    [(days,)] = project.query(
        f"select count(distinct ts::date) from probe.{project.table}"
    )
    return int(days)


def start_offset(project: AggregateProject) -> str | None:
    _, config = project.jobs("daily")["policy_refresh_continuous_aggregate"]
    offset: str | None = config["start_offset"]
    return offset


def both(project: AggregateProject) -> list[dict[tuple[datetime, str], int]]:
    return [project.totals("daily"), project.totals("decades")]


def test_by_hand_history_is_lost(project: AggregateProject) -> None:
    """The danger, in the words of TimescaleDB's own documentation: not wanted."""
    project.execute(
        "create materialized view by_hand with (timescaledb.continuous) as"
        " select time_bucket('1 day', ts) as day, sum(value) as total"
        f" from probe.{project.table} group by 1 with no data"
    )
    project.execute("call refresh_continuous_aggregate('by_hand', null, null)")
    project.execute(
        "select add_continuous_aggregate_policy('by_hand', null, interval '1 hour',"
        " interval '1 hour', initial_start => now() + interval '1 day')"
    )
    assert project.query("select count(*) from by_hand") == [(120,)]
    project.execute(
        f"select add_retention_policy('probe.{project.table}', interval '90 days',"
        " initial_start => now() + interval '1 day')"
    )
    run_jobs(project, "proc_name = 'policy_retention'")
    assert project.query("select count(*) from by_hand") == [(120,)]
    [(job,)] = project.query(
        f"select job_id from timescaledb_information.jobs where {REFRESH}"
        " and hypertable_name = 'by_hand'"
    )
    project.execute(f"call run_job({job})")
    [(left,)] = project.query("select count(*) from by_hand")
    assert left in (90, 91)


def test_no_road_through_the_project_loses_any(project: AggregateProject) -> None:
    before = both(project)
    decades = {(NOON - number * DAY - ORIGIN) // (10 * DAY) for number in range(1, 121)}
    assert [len(rows) for rows in before] == [120, len(decades)]
    assert start_offset(project) is None

    def nothing_is_lost(road: str) -> None:
        assert both(project) == before, road

    # Retention is declared: the policy without a start gets one.
    declare_retention(project, "90 days")
    project.run(command="build")
    assert start_offset(project) == "89 days"
    run_jobs(project, RETENTION)
    assert raw_days(project) in (90, 91)
    nothing_is_lost("the retention job")
    run_jobs(project, REFRESH)
    nothing_is_lost("the refresh job")

    for flags in ([], ["--full-refresh"], ["--empty"], []):
        project.run(*flags, command="build")
        nothing_is_lost(f"dbt build {flags}")
        run_jobs(project, REFRESH)
        nothing_is_lost(f"the refresh job after dbt build {flags}")
    project.invoke("run-operation", "run_policies")
    nothing_is_lost("run_policies")

    # A changed query computes what it can and keeps the rest.
    daily(project, value="sum(value) + 0")
    project.run()
    nothing_is_lost("a changed query")

    for kind in ("table", "view", "incremental", "materialized_view"):
        daily(project, kind)
        assert "has dropped its rows before" in project.error("--select", "daily")
        nothing_is_lost(f"a switch to {kind}")
    daily(project)
    project.run()
    nothing_is_lost("the switch back")

    # Late rows, past the loader, which would have put these aside, and new ones.
    project.put([(NOON - 100 * DAY, "a", 1), (NOON - 5 * DAY, "b", 3)])
    before[0][TODAY - 5 * DAY, "b"] = 3
    decade = max(start for start, _ in before[1] if start <= TODAY - 5 * DAY)
    before[1][decade, "b"] = 3
    project.run()
    nothing_is_lost("a late load")
    for job in (REFRESH, RETENTION, REFRESH):
        run_jobs(project, job)
        nothing_is_lost(f"{job} after a late load")

    # A shorter retention, then an end of it.
    declare_retention(project, "40 days")
    project.run()
    run_jobs(project, RETENTION)
    assert raw_days(project) in (40, 41)
    run_jobs(project, REFRESH)
    nothing_is_lost("a shorter retention")
    with project.edit_source(project.table) as table:
        del table["config"]["meta"]["timescale"]["retention"]
    project.run("--full-refresh")
    run_jobs(project, REFRESH)
    nothing_is_lost("no retention any more")


def test_a_switch_and_back_before_anything_is_dropped(
    project: AggregateProject,
) -> None:
    before = both(project)
    for kind in ("table", "view"):
        project.write_rollup("decades", bucket="10 days", below="daily")
        daily(project, kind)
        project.run("--select", "daily")
        assert both(project) == before
        daily(project)
        project.run()
        assert both(project) == before


def test_a_policy_altered_by_hand_is_found_and_repaired(
    project: AggregateProject,
) -> None:
    add_drift_test(project)
    before = both(project)
    declare_retention(project, "90 days")
    project.run()
    run_jobs(project, RETENTION)
    job, config = project.jobs("daily")["policy_refresh_continuous_aggregate"]
    project.execute(
        f"select alter_job({job}, config => config || '{{\"start_offset\": null}}')"
        f" from timescaledb_information.jobs where job_id = {job}"
    )
    assert start_offset(project) is None
    assert drift(project) == [
        ("refresh analytics.daily", "other settings than declared")
    ]

    # Even so, what the project dropped is no change that the job would follow.
    project.execute(f"call run_job({job})")
    assert both(project) == before

    project.run()
    assert project.jobs("daily")["policy_refresh_continuous_aggregate"] == (job, config)
    assert drift(project) == []


def test_a_drop_by_hand_ends_a_refresh_without_start(project: AggregateProject) -> None:
    before = both(project)
    boundary = TODAY - 90 * DAY
    project.execute(
        f"select drop_chunks('probe.{project.table}', '{boundary}'::timestamptz)"
    )
    project.run()
    offset = start_offset(project)
    assert offset is not None
    assert offset.startswith(("88 days", "89 days"))
    run_jobs(project, REFRESH)
    assert both(project) == before
    project.run()
    assert start_offset(project) == offset
