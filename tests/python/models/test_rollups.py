"""The rollups on a real server: a refresh equals a rebuild and writes what differs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from rollup_project import (
    DAY,
    ROLLUPS,
    START,
    ChainedProject,
    RollupProject,
    fills,
    is_native,
    row_versions,
)


@pytest.fixture
def make_project(
    tmp_path: Path, make_database: Callable[[], dict[str, Any]]
) -> Callable[[str], RollupProject]:
    def make(name: str) -> RollupProject:
        folder = tmp_path / name
        folder.mkdir()
        project = ChainedProject(folder, make_database())
        project.create_sources()
        return project

    return make


@pytest.fixture
def project(make_project: Callable[[str], RollupProject]) -> RollupProject:
    return make_project("project")


def _rows(project: RollupProject) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: sorted(project.query(f"select * from analytics.{name}"))
        for name in ROLLUPS
    }


HELPINGS = {
    "first day but an hour": fills(0, [h for h in range(24) if h != 5]),
    "second day": fills(1, range(24)),
    "late hour": fills(0, [5]),
    # Its rows lie in days 2 and 5, nothing between.
    "two days apart": fills(2, range(3)) + fills(5, range(3)),
}


def test_any_order_of_loads_equals_all_at_once(
    make_project: Callable[[str], RollupProject],
) -> None:
    whole = make_project("whole")
    for helping in HELPINGS.values():
        whole.load(helping)
    whole.run()
    expected = _rows(whole)
    assert len(expected["trader_daily"]) > 20
    for number, order in enumerate(list(permutations(HELPINGS))[::8]):
        project = make_project(f"split{number}")
        for name in order:
            project.load(HELPINGS[name])
            project.run()
        assert _rows(project) == expected, order


def test_a_second_build_changes_nothing(project: RollupProject) -> None:
    project.load(fills(0, range(24)))
    project.run()
    before = row_versions(project)
    messages = project.run()
    assert {messages[name] for name in ROLLUPS} == {"REFRESH 0"}
    assert row_versions(project) == before


def test_only_what_a_load_touches_is_written(project: RollupProject) -> None:
    project.load(fills(0, range(24)))
    project.load(fills(1, range(24)))
    project.run()
    before = set(row_versions(project))
    other_day = row_versions(project, where=f"day <> {START}")
    one = fills(0, [3], per_hour=1)[0]
    project.load([one | {"coin": "BTC", "tid": 999_999, "time": one["time"] + 1}])
    messages = project.run()
    if is_native(project):
        # The server replaces whole buckets, and does not say how many rows.
        assert [messages[name] for name in ROLLUPS] == ["REFRESH of 1 loads"] * 3
    else:
        assert [messages[name] for name in ROLLUPS] == ["REFRESH 1"] * 3
        assert len(set(row_versions(project)) - before) == 3
    assert set(row_versions(project)) != before
    assert row_versions(project, where=f"day <> {START}") == other_day


def test_a_load_without_new_rows_is_applied_and_changes_nothing(
    project: RollupProject,
) -> None:
    project.load(fills(0, range(2)))
    project.run()
    empty = project.load([])
    assert project.run()["coin_daily"] == "REFRESH 0"
    applied = project.query(
        f"select consumer from ingestion.applied_loads where load_id = {empty}"
    )
    assert sorted(applied) == sorted((f"analytics.{name}",) for name in ROLLUPS)


def test_loads_of_other_tables_are_not_ours(project: RollupProject) -> None:
    project.load(fills(0, range(2)))
    project.execute("update ingestion.load_log set relation = 'market_data.btc_ticks'")
    project.run()
    assert project.query("select * from ingestion.applied_loads") == []


def test_a_younger_load_that_commits_first_hides_no_older_one(
    project: RollupProject,
) -> None:
    project.run()
    older = project.load(fills(0, range(3)))
    project.execute(f"update ingestion.load_log set load_id = 1000 + {older}")
    project.execute(f"update hyperliquid.fills set load_id = 1000 + {older}")
    project.run()
    project.load(fills(1, range(3)))
    assert project.run()["coin_daily"] != "REFRESH 0"
    days = project.query("select distinct day from analytics.coin_daily order by day")
    assert days == [(START,), (START + DAY,)]


def test_buckets_between_the_ends_of_a_load_are_found(project: RollupProject) -> None:
    project.run()
    project.load(
        fills(0, [0]) + fills(3, [7]) + fills(4, [0]) + fills(9, [0], per_hour=1)
    )
    project.run()
    days = project.query("select distinct day from analytics.coin_daily order by day")
    assert days == [(START + day * DAY,) for day in (0, 3, 4, 9)]


def test_a_refresh_reads_the_touched_days_only(project: RollupProject) -> None:
    project.load(fills(0, range(24)))
    project.run()
    project.execute(
        "update hyperliquid.fills set px = 0 where time < " + str(START + DAY)
    )
    before = project.query("select * from analytics.coin_daily order by coin")
    project.load(fills(1, range(2)))
    project.run()
    after = project.query(
        f"select * from analytics.coin_daily where day = {START} order by coin"
    )
    assert after == before
