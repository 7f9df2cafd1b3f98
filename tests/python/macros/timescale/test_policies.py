"""Policies on the server: each option alone, nothing touched that has not changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Database
from hypertable_project import HypertableProject, recent_fills

DAY = 86_400_000


@pytest.fixture
def project(tmp_path: Path, database: Database) -> HypertableProject:
    made = HypertableProject(tmp_path, database.conninfo)
    made.create_sources()
    return made


def _ids(jobs: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {name: job["job_id"] for name, job in jobs.items()}


@pytest.mark.editions("community")
@pytest.mark.parametrize("relation", ["hyperliquid.fills", "probe.ticks"])
def test_each_option_alone(project: HypertableProject, relation: str) -> None:
    table = relation.split(".")[1]
    is_integer = table == "fills"
    retention = "apply_retention" if is_integer else "policy_retention"

    def span(days: int) -> int | str:
        return days * DAY if is_integer else f"{days} days"

    project.declare(table, retention="90 days", reorder={"index": f"{table}_time"})
    project.declare(table, indexes=[{"name": f"{table}_time", "columns": ["load_id"]}])
    if not is_integer:
        project.declare(table, indexes=[{"name": "ticks_time", "columns": ["price"]}])
    project.create_sources()
    jobs = project.jobs(relation)
    assert set(jobs) == {retention, "policy_compression", "policy_reorder"}
    assert jobs[retention]["config"]["drop_after"] == span(90)
    assert jobs["policy_compression"]["config"]["compress_after"] == span(7)
    assert jobs["policy_reorder"]["config"]["index_name"] == f"{table}_time"
    before = project.versions()
    project.create_sources()
    assert project.versions() == before

    # The same said otherwise is the same.
    project.declare(
        table, retention={"drop_after": "90 day", "schedule_interval": "1 day"}
    )
    project.create_sources()
    assert project.versions() == before

    # An operator pauses all; what changes keeps its id and stays paused.
    project.execute(
        "select alter_job(job_id, scheduled => false) from timescaledb_information.jobs"
        f" where job_id in ({', '.join(map(str, _ids(jobs).values()))})"
    )
    changes: list[tuple[str, str, Any, str]] = [
        ("retention", retention, {"drop_after": "80 days"}, "drop_after"),
        ("columnstore", "policy_compression", {"after": "9 days"}, "compress_after"),
        ("reorder", "policy_reorder", {"index": f"{table}_other"}, "index_name"),
    ]
    block = {"name": f"{table}_other", "columns": ["load_id" if is_integer else "ts"]}
    with project.edit_source(table) as source:
        source["config"]["meta"]["timescale"]["indexes"].append(block)
    for key, proc, setting, config in changes:
        with project.edit_source(table) as source:
            settings = source["config"]["meta"]["timescale"]
            settings[key] = {**settings[key], **setting}
        project.create_sources()
        now = project.jobs(relation)
        assert _ids(now) == _ids(jobs)
        assert now[proc]["config"][config] != jobs[proc]["config"][config]
        assert not any(job["scheduled"] for job in now.values())
        others = {name for name in now if name != proc}
        assert {n: now[n]["config"] for n in others} == {
            n: jobs[n]["config"] for n in others
        }
        jobs = now
    assert jobs[retention]["config"]["drop_after"] == span(80)
    assert jobs["policy_compression"]["config"]["compress_after"] == span(9)

    with project.edit_source(table) as source:
        source["config"]["meta"]["timescale"]["retention"]["schedule_interval"] = (
            "2 hours"
        )
    project.create_sources()
    assert project.jobs(relation)[retention]["schedule"] == "02:00:00"
    assert _ids(project.jobs(relation)) == _ids(jobs)

    # Paused is no drift; what is declared no more is removed.
    assert [name for name, _ in project.drift()] == []
    project.declare(table, retention=None, reorder=None)
    project.create_sources()
    assert set(project.jobs(relation)) == {"policy_compression"}
    assert not project.jobs(relation)["policy_compression"]["scheduled"]


@pytest.mark.editions("community")
def test_rollups_decide_which_procedure_drops(project: HypertableProject) -> None:
    project.declare(retention="90 days")
    project.create_sources()
    own = project.jobs()["apply_retention"]
    assert sorted(own["config"]["rollups"]) == [
        f"analytics.{name}"
        for name in ("coin_daily", "trader_coin_daily", "trader_daily")
    ]
    project.execute(f"select alter_job({own['job_id']}, scheduled => false)")
    for model in (project.folder / "models/rollups").glob("*"):
        model.unlink()
    project.create_sources()
    jobs = project.jobs()
    assert jobs["policy_retention"]["config"]["drop_after"] == 90 * DAY
    assert not jobs["policy_retention"]["scheduled"]
    assert "apply_retention" not in jobs


@pytest.mark.editions("community")
def test_nothing_is_dropped_before_every_rollup_has_it(
    project: HypertableProject,
) -> None:
    project.declare(retention={"drop_after": "90 days"}, columnstore=None)
    project.create_sources()
    run_job = f"call run_job({project.jobs()['apply_retention']['job_id']})"
    for days in (200, 150, 1):
        project.load(recent_fills(days))
    with pytest.raises(psycopg.Error, match="is not built, and reads"):
        project.execute(run_job)
    assert project.count("hyperliquid.fills") == 96

    project.run("--select", "rollups")
    daily = "select * from analytics.trader_daily order by day, user_address"
    expected = project.query(daily)
    # A late load that no rollup has taken in when its chunk goes.
    late = [{**fill, "closed_pnl": "7"} for fill in recent_fills(150, range(5, 6))]
    project.load(late)
    project.execute(run_job)
    assert project.count("hyperliquid.fills") == 32
    kept = project.query(daily)
    assert {row[:2] for row in expected} <= {row[:2] for row in kept}
    assert sum(row[2] for row in kept) == sum(row[2] for row in expected) + len(late)

    [(mark,)] = project.query(
        "select now() - dropped_before < interval '151 days'"
        " from ops.retention_marks where relation = 'hyperliquid.fills'"
    )
    assert mark
    # Again, with nothing to drop; and the builds that follow lose nothing.
    project.execute(run_job)
    project.run("--select", "rollups")
    assert project.query(daily) == kept


@pytest.mark.any_server
def test_an_index_to_reorder_by_must_be_declared(project: HypertableProject) -> None:
    project.declare("ticks", reorder={"index": "ticks_kye"})
    message = project.error("--select", "live_jobs")
    for part in ("probe.ticks", "ticks_kye", "ticks_key"):
        assert part in message
