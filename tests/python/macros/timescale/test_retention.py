"""Retention where the server has no jobs, and what is written down of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Database
from hypertable_project import RECORDED_VERSIONS, HypertableProject, recent_fills

DAILY = "select * from analytics.trader_daily order by day, user_address"


@pytest.fixture
def project(tmp_path: Path, database: Database) -> HypertableProject:
    made = HypertableProject(tmp_path, database.conninfo)
    made.declare(retention={"drop_after": "90 days"})
    made.create_sources()
    for days in (200, 150, 1):
        made.load(recent_fills(days))
    return made


@pytest.mark.editions("postgres", "apache")
def test_old_rows_go_after_the_rollups_have_them(project: HypertableProject) -> None:
    # Nothing is built: whoever calls, nothing goes, and the reason is on record.
    done = project.invoke("run-operation", "run_policies")
    assert done.success
    assert project.count("hyperliquid.fills") == 96
    [(error,)] = project.query("select last_error from ops.policy_runs")
    assert "is not built" in error

    project.run("--vars", "retention_batch_pages: 1")
    assert project.count("hyperliquid.fills") == 32
    daily = project.query(DAILY)
    assert len({row[0] for row in daily}) == 3
    [(until,)] = project.query(
        "select dropped_before between now() - interval '92 days'"
        " and now() - interval '90 days' from ops.retention_marks"
    )
    assert until
    before = [
        project.query(f"select xmin::text, * from ops.{name}")
        for name in ("policy_runs", "retention_marks", "retention_jobs")
    ]
    assert before[0][0][-1] is None
    project.run()
    assert project.query(DAILY) == daily
    after = [
        project.query(f"select xmin::text, * from ops.{name}")
        for name in ("policy_runs", "retention_marks", "retention_jobs")
    ]
    assert after == before


@pytest.mark.editions("postgres", "apache")
def test_a_load_not_yet_taken_in_stays_its_hand(project: HypertableProject) -> None:
    project.declare(retention={"drop_after": "3650 days"})
    project.run()
    project.load(recent_fills(150, range(5, 6)))
    project.declare(retention={"drop_after": "90 days"})
    project.create_sources()
    assert project.invoke("run-operation", "run_policies").success
    assert project.count("hyperliquid.fills") == 112
    [(error,)] = project.query("select last_error from ops.policy_runs")
    assert "has not taken in 1 loads" in error
    project.run()
    assert project.count("hyperliquid.fills") == 32
    [(day_count,)] = project.query(
        "select count(distinct day) from analytics.trader_daily"
    )
    assert day_count == 3


def test_what_is_declared_is_written_down_and_agrees(
    project: HypertableProject,
) -> None:
    kept = {"drop_after": 90 * 86_400_000, "schedule_interval": "1 day"}
    community = project.edition == "community"
    policy, enabled = project.recorded()["retention hyperliquid.fills"]
    assert {**policy, **kept} == policy
    assert enabled
    assert project.recorded()["columnstore probe.ticks"] == (
        {"after": "7 days", "schedule_interval": "12:00:00"},
        community,
    )
    assert project.drift() == []
    before = project.query(RECORDED_VERSIONS)
    project.create_sources()
    assert project.query(RECORDED_VERSIONS) == before

    # A source that has left the project leaves the list.
    (project.folder / "models/sources/_probe__sources.yml").unlink()
    project.create_sources()
    assert "columnstore probe.ticks" not in project.recorded()
    expected = [("columnstore probe.ticks", "running, but not declared")]
    assert project.drift() == (expected if community else [])


@pytest.mark.editions("postgres", "apache")
def test_what_only_community_has_is_said_once(
    tmp_path: Path, database: Database
) -> None:
    project = HypertableProject(tmp_path, database.conninfo)
    # Three tables have a columnstore; one more has two things that are not run.
    project.declare("ticks", reorder={"index": "ticks_key"})
    project.create_sources()
    said = project.said
    project.create_sources()
    said += project.said
    assert said.count("need the Community edition of TimescaleDB") == 1
    assert said.count("declared columnstore hyperliquid.fills, not run here") == 1
    assert said.count("declared reorder probe.ticks, not run here") == 1
    assert not project.recorded()["reorder probe.ticks"][1]


@pytest.mark.editions("community")
def test_drift_is_found_with_the_difference(project: HypertableProject) -> None:
    project.run("--select", "live_jobs")
    jobs = project.jobs()
    ticks = project.jobs("probe.ticks")["policy_compression"]
    project.execute(f"select delete_job({jobs['policy_compression']['job_id']})")
    project.execute(
        f"select alter_job({ticks['job_id']}, schedule_interval => interval '3 hours')"
    )
    project.execute("select add_retention_policy('probe.ticks', interval '99 days')")
    name = "retention_jobs_agree_with_live_jobs"
    message = project.error("--select", name, command="test")
    assert "Got 3 results" in message
    found = project.query(
        "select job_name, difference, declared_policy, live_policy"
        " from ops.job_differences order by job_name"
    )
    assert [row[:2] for row in found] == [
        ("columnstore hyperliquid.fills", "declared, but not running"),
        ("columnstore probe.ticks", "other settings than declared"),
        ("retention probe.ticks", "running, but not declared"),
    ]
    _, _, declared, live = found[1]
    assert declared == {"after": "7 days", "schedule_interval": "12:00:00"}
    assert live == {"after": "7 days", "schedule_interval": "03:00:00"}
    # The next build puts all of it right.
    assert project.drift() == []
