"""What a hand on the server can do to old buckets that the project keeps (Community).

Elsewhere nothing refreshes a rollup but the project.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from aggregate_project import EPOCH, TIMES, AggregateProject
from conftest import Database
from guard_project import run_jobs
from test_guard_hierarchy import DAY, NOON

REBUILDS = {
    "kept": {},
    "full refresh": {},
    "changed query": {"value": "sum(value) + 0"},
}


@pytest.fixture
def time() -> str:
    """Kind of the raw table's time, unless a test names others."""
    return "timestamptz"


@pytest.fixture
def project(
    time: str, tmp_path: Path, database: Database, edition: str
) -> AggregateProject:
    """120 days of readings in a rollup; the raw table keeps 90."""
    if edition != "community":
        pytest.skip(f"{edition}: no continuous aggregate to refresh by hand")
    made = AggregateProject(tmp_path, database.conninfo, time)
    made.put((NOON - number * DAY, "a", number) for number in range(1, 121))
    made.write_rollup("daily", bucket="1 day")
    made.run()
    return made


def drop_raw(project: AggregateProject) -> None:
    """Let the project's retention job drop what is older than 90 days."""
    with project.edit_source(project.table) as table:
        table["config"]["meta"]["timescale"]["retention"] = {"drop_after": "90 days"}
    project.run()
    run_jobs(project, "proc_name = 'apply_retention'")
    [(left,)] = project.query(f"select count(*) from probe.{project.table}")
    assert 90 <= left <= 92


def refresh_by_hand(project: AggregateProject, name: str = "daily") -> None:
    project.execute(
        f"call refresh_continuous_aggregate('analytics.{name}', null, null)"
    )


@pytest.mark.parametrize(
    ("how", "time"),
    [*((how, "timestamptz") for how in REBUILDS), ("changed query", "integer")],
)
def test_a_refresh_typed_by_hand_leaves_old_buckets(
    project: AggregateProject, how: str
) -> None:
    before = project.totals("daily")
    assert len(before) == 120
    drop_raw(project)
    project.write_rollup("daily", bucket="1 day", **REBUILDS[how])
    project.run(*(["--full-refresh"] if how == "full refresh" else []))
    refresh_by_hand(project)
    assert project.totals("daily") == before

    # New rows make a new refresh; a further drop by the project is no change either.
    project.put([(NOON, "a", 7)])
    refresh_by_hand(project)
    with project.edit_source(project.table) as table:
        table["config"]["meta"]["timescale"]["retention"] = {"drop_after": "50 days"}
    project.run()
    run_jobs(project, "proc_name = 'apply_retention'")
    refresh_by_hand(project)
    after = project.totals("daily")
    today = NOON.replace(hour=0)
    assert after == {**before, (today, "a"): 7}


@pytest.mark.parametrize(
    ("materialized_only", "time"),
    [(True, "timestamptz"), (False, "timestamptz"), (False, "integer")],
)
def test_history_outlives_the_last_raw_row(
    project: AggregateProject, materialized_only: bool
) -> None:
    settings = {"materialized_only": materialized_only}
    project.write_rollup("daily", bucket="1 day", settings=settings)
    project.run()
    before = project.totals("daily")
    project.execute(
        f"select drop_chunks('probe.{project.table}', older_than => "
        + ("now() + interval '2 days')" if project.unit is None else f"{2**62})")
    )
    project.write_rollup(
        "daily", bucket="1 day", value="sum(value) + 0", settings=settings
    )
    for flags in ([], ["--full-refresh"]):
        project.run(*flags)
        assert project.aggregate("daily")["materialized_only"] is materialized_only
        assert project.totals("daily") == before
        refresh_by_hand(project)
        assert project.totals("daily") == before

    project.put([(NOON, "a", 7)])
    project.run()
    assert project.totals("daily") == {**before, (NOON.replace(hour=0), "a"): 7}


@pytest.mark.parametrize("time", TIMES)
def test_no_half_bucket_is_computed(project: AggregateProject) -> None:
    """A new rollup of three-day buckets starts with the first whole one."""
    boundary = NOON.replace(hour=0) - 90 * DAY
    if (boundary - EPOCH) % (3 * DAY) == timedelta(0):
        boundary += DAY
    older = (
        f"'{boundary}'::timestamptz"
        if project.unit is None
        else (f"{project.at(boundary)}::bigint")
    )
    project.execute(
        f"select drop_chunks('probe.{project.table}', older_than => {older})"
    )
    project.write_rollup("threes", bucket="3 days")
    project.run()
    raw = project.expected(3 * DAY)
    whole = {key: total for key, total in raw.items() if key[0] >= boundary}
    assert len(whole) == len(raw) - 1
    assert project.totals("threes") == whole
    refresh_by_hand(project, "threes")
    assert project.totals("threes") == whole


def test_what_a_hand_can_still_do(project: AggregateProject) -> None:
    """What remains: documented in ADR 0008, not wanted."""
    before = project.totals("daily")
    drop_raw(project)
    project.put([(NOON - 100 * DAY, "a", 1)], logged=False)
    refresh_by_hand(project)
    day = (NOON - 100 * DAY).replace(hour=0)
    assert project.totals("daily") == {**before, (day, "a"): 1}
    project.execute(
        "call refresh_continuous_aggregate("
        "'analytics.daily', null, null, force => true)"
    )
    assert 91 <= len(project.totals("daily")) <= 93
