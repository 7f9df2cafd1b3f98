"""ops.live_jobs: what each policy did last, what went wrong, and what it saved."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Database
from hypertable_project import HypertableProject, recent_fills
from waiting import wait_until

RETENTION = "retention hyperliquid.fills"
COLUMNSTORE = "columnstore probe.ticks"


@pytest.fixture
def project(tmp_path: Path, database: Database) -> HypertableProject:
    made = HypertableProject(tmp_path, database.conninfo)
    made.declare(retention={"drop_after": "90 days"}, columnstore=None)
    made.create_sources()
    for days in (150, 1):
        made.load(recent_fills(days))
    made.run("--select", "live_jobs")
    return made


def _live(project: HypertableProject) -> dict[str, dict[str, Any]]:
    rows = project.query("select to_jsonb(jobs) from ops.live_jobs as jobs")
    return {row["job_name"]: row for (row,) in rows}


def _run_now(project: HypertableProject, name: str) -> dict[str, Any]:
    """Have the server run a job, and return its row when that run has ended.

    The server starts a new job by itself, at once. Such a run does not count, and sets
    the next start anew when it ends: a start is asked for until one is to come.
    """
    job_id = _live(project)[name]["job_id"]
    [(asked,)] = project.query("select clock_timestamp()::text")
    stats = f"from timescaledb_information.job_stats where job_id = {job_id}"

    def has_run() -> bool:
        # It is -infinity while the job runs.
        if not project.query(f"select 1 {stats} and next_start <= clock_timestamp()"):
            project.execute(f"select alter_job({job_id}, next_start => now())")
        ended = f"last_run_started_at > '{asked}' and last_run_duration is not null"
        return project.query(f"select 1 {stats} and {ended}") != []

    wait_until(has_run, f"{name} did not run: {_live(project)[name]}")
    return _live(project)[name]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.editions("community")
def test_a_failing_job_says_why_until_it_succeeds(project: HypertableProject) -> None:
    started = datetime.now(UTC)
    # Three rollups read the fills, and none of them is built.
    failed = _run_now(project, RETENTION)
    assert failed["last_run_status"] == "Failed"
    for part in ("is not built", "hyperliquid.fills"):
        assert part in failed["last_error"]
    assert failed["last_success_at"] is None
    assert _moment(failed["next_start_at"]) > started
    assert (failed["bytes_before"], failed["bytes_after"]) == (None, None)
    assert project.count("hyperliquid.fills") == 64

    project.run("--select", "rollups")
    done = _run_now(project, RETENTION)
    assert (done["last_run_status"], done["last_error"]) == ("Success", None)
    assert _moment(done["last_success_at"]) > started
    assert _moment(done["next_start_at"]) > _moment(done["last_success_at"])
    assert project.count("hyperliquid.fills") == 32

    # A job that fails after a success keeps the time of the success.
    project.execute("drop materialized view analytics.trader_daily")
    again = _run_now(project, RETENTION)
    assert again["last_run_status"] == "Failed"
    assert "analytics.trader_daily" in again["last_error"]
    assert again["last_success_at"] == done["last_success_at"]


@pytest.mark.editions("community")
def test_a_columnstore_says_what_it_saved(project: HypertableProject) -> None:
    # The first run finds nothing, and is over when there is something.
    before = _run_now(project, COLUMNSTORE)
    project.execute(
        "insert into probe.ticks (ts, exchange, price)"
        " select now() - interval '20 days' + n * interval '1 second', 'a', n"
        " from generate_series(1, 20000) as n"
    )
    assert (before["bytes_before"], before["bytes_after"]) == (None, None)
    row = _run_now(project, COLUMNSTORE)
    assert (row["last_run_status"], row["last_error"]) == ("Success", None)
    expected = project.query(
        "select before_compression_total_bytes, after_compression_total_bytes"
        " from hypertable_columnstore_stats('probe.ticks')"
    )
    assert [(row["bytes_before"], row["bytes_after"])] == expected
    assert 0 < row["bytes_after"] < row["bytes_before"]
    # Only on the job that did it.
    others = [row for name, row in _live(project).items() if name != COLUMNSTORE]
    assert {row["bytes_before"] for row in others} == {None}


@pytest.mark.editions("community")
@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("raise exception 'no more of it'", "no more of it"),
        ("perform 1 / (config ->> 'by')::integer", "division by zero"),
        ("drop table if exists nothing; perform nobody()", "nobody()"),
    ],
)
def test_a_build_warns_of_a_job_that_fails(
    project: HypertableProject, action: str, says: str
) -> None:
    project.execute(
        "create procedure public.probe(job_id integer, config jsonb) language plpgsql"
        f" as $$ begin {action}; end $$"
    )
    [(job_id,)] = project.query(
        "select add_job('public.probe', interval '1 day', config => '{\"by\": 0}')"
    )
    started = datetime.now(UTC)
    name = "action public.probe"
    failed = _run_now(project, name)
    assert failed["kind"] == "action"
    assert says in failed["last_error"]
    since = failed["failing_since"]
    assert _moment(since) >= started.replace(microsecond=0)
    # A second failure is since the first.
    assert _run_now(project, name)["failing_since"] == since

    def warned(*args: str) -> str:
        assert project.invoke(*args).success
        text = " ".join(project.said.split())
        _, _, found = text.partition(f"Job {job_id} of the server ({name}) has failed")
        return found

    text = warned("run", "--select", "live_jobs")
    assert says in text
    assert text.startswith(f" since {_moment(since):%Y-%m-%d %H:%M:%S}")
    assert says in warned("run-operation", "run_policies")
    assert project.drift() == []

    # Not of one that is paused, nor of one that runs again.
    project.execute(f"select alter_job({job_id}, scheduled => false)")
    assert warned("run", "--select", "live_jobs") == ""
    project.execute(
        "create or replace procedure public.probe(job_id integer, config jsonb)"
        f" language sql as 'select 1'; select alter_job({job_id}, scheduled => true)"
    )
    done = _run_now(project, name)
    assert (done["last_error"], done["failing_since"]) == (None, None)
    assert warned("run", "--select", "live_jobs") == ""


@pytest.mark.editions("postgres", "apache")
def test_what_dbt_runs_is_shown_the_same_way(project: HypertableProject) -> None:
    assert list(_live(project)) == [RETENTION, "retention market_data.btc_ticks"]
    # It was tried at the end of the run that made the view.
    failed = _live(project)[RETENTION]
    assert failed["last_run_status"] == "Failed"
    assert "is not built" in failed["last_error"]
    assert failed["last_success_at"] is None

    project.run()
    done = _live(project)[RETENTION]
    assert (done["last_run_status"], done["last_error"]) == ("Success", None)
    assert done["last_success_at"] is not None
    nothing = ("next_start_at", "bytes_before", "bytes_after")
    assert {done[name] for name in nothing} == {None}
