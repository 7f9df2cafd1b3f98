"""How a rollup is built anew, put in place of something else, or left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Database
from rollup_project import (
    DAY,
    ROLLUPS,
    START,
    RollupProject,
    fills,
    index_definitions,
    is_native,
    row_versions,
)

BUILT = ("SELECT", "CREATE MATERIALIZED VIEW")


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = RollupProject(tmp_path, database.conninfo)
    made.create_sources()
    return made


def test_a_changed_query_rebuilds(project: RollupProject) -> None:
    project.load(fills(0, range(4)))
    project.run()
    project.edit_model("coin_daily", "sum(px * sz) as volume", "sum(sz) as volume")
    assert project.run()["coin_daily"].startswith(BUILT)
    [(agrees,)] = project.query(
        "select sum(volume) = (select sum(sz) from hyperliquid.fills)"
        " from analytics.coin_daily"
    )
    assert agrees
    assert project.run()["coin_daily"] == "REFRESH 0"


@pytest.mark.parametrize("policy", ["continue", "fail"])
def test_on_configuration_change_is_obeyed(project: RollupProject, policy: str) -> None:
    project.edit_model(
        "coin_daily", "config(", f"config(on_configuration_change='{policy}', "
    )
    project.load(fills(0, range(4)))
    project.run()
    before = row_versions(project)
    project.edit_model("coin_daily", "sum(px * sz) as volume", "sum(sz) as volume")
    if policy == "continue":
        assert project.run()["coin_daily"] == "REFRESH 0"
        said = " ".join(project.said.split())
        assert "it stays as it is and takes in no new loads" in said
    else:
        message = project.error("--select", "coin_daily")
        assert "analytics.coin_daily" in message
        assert "--full-refresh" in message
    assert row_versions(project) == before


@pytest.mark.parametrize("kind", ["view", "materialized view", "table"])
def test_whatever_has_the_name_is_replaced(project: RollupProject, kind: str) -> None:
    project.execute("create schema analytics")
    project.execute(f"create {kind} analytics.coin_daily as select 1 as one")
    project.load(fills(0, range(4)))
    project.run()
    assert project.query("select count(*) > 0 from analytics.coin_daily") == [(True,)]
    left = project.query(
        r"select relname from pg_class where relname like '%\_\_dbt\_%'"
    )
    assert left == []


def test_a_failed_refresh_leaves_the_loads_to_be_taken_in(
    project: RollupProject,
) -> None:
    project.load(fills(0, range(4)))
    project.run()
    before = row_versions(project)
    project.edit_model("coin_daily", "config(", "config(post_hook='select 1 / 0', ")
    load_id = project.load(fills(0, range(5, 6)))
    project.error("--select", "coin_daily")
    if not is_native(project):
        # The server refreshes its own aggregates outside of any transaction.
        assert row_versions(project) == before
    pending = f"select 1 from ingestion.applied_loads where load_id = {load_id}"
    assert project.query(pending) == []
    project.edit_model("coin_daily", "config(post_hook='select 1 / 0', ", "config(")
    assert project.run()["coin_daily"] != "REFRESH 0"
    assert project.query("select sum(fill_count) from analytics.coin_daily") == (
        project.query("select count(*) from hyperliquid.fills")
    )


def test_full_refresh_keeps_the_indexes_and_the_grain(project: RollupProject) -> None:
    project.load(fills(0, range(4)))
    project.run()
    before = index_definitions(project, "trader_coin_daily")
    project.run("--full-refresh")
    # A continuous aggregate takes no unique index: its grain is what it groups by.
    grain = [] if is_native(project) else ["btree (day, user_address, coin)"]
    assert before == [*grain, "btree (user_address, coin, day)"]
    assert index_definitions(project, "trader_coin_daily") == before
    assert project.run()["trader_coin_daily"] == "REFRESH 0"


def test_empty_run_does_not_empty_a_rollup(project: RollupProject) -> None:
    project.load(fills(0, range(4)))
    project.run()
    before = row_versions(project)
    project.run("--empty")
    assert row_versions(project) == before


def test_a_first_build_with_empty_is_made_good_later(project: RollupProject) -> None:
    project.load(fills(0, range(4)))
    project.run("--empty")
    assert project.query("select count(*) from analytics.coin_daily") == [(0,)]
    project.run()
    assert project.query("select sum(fill_count) from analytics.coin_daily") == (
        project.query("select count(*) from hyperliquid.fills")
    )


def test_a_build_in_slices_gives_the_rows_of_one_statement(
    project: RollupProject,
) -> None:
    for day in range(1, 5):
        project.load(fills(day, range(0, 24, 6)))
    project.load([*fills(2, range(20, 22)), *fills(6, range(1))])
    # What no load tells of, before all that one does and after it.
    for day in (0, 9):
        load_id = project.load(fills(day, range(1)))
        project.execute(f"delete from ingestion.load_log where load_id = {load_id}")

    def built(slice_rows: int) -> dict[str, tuple[str, list[Any], int]]:
        found = project.run(
            "--full-refresh", "--vars", f"{{rollup_slice_rows: {slice_rows}}}"
        )
        rollups = {}
        for name in ROLLUPS:
            rows = project.query(f"select * from analytics.{name} order by 1, 2, 3")
            statements = 1
            if not is_native(project):
                [(statements,)] = project.query(
                    f"select count(distinct cmin::text) from analytics.{name}"
                )
            rollups[name] = (found[name], rows, statements)
        return rollups

    whole, sliced = built(1_000_000), built(1)
    for name in ROLLUPS:
        assert sliced[name][:2] == whole[name][:2]
        assert {row[0] for row in whole[name][1]} == {
            START + day * DAY for day in (0, 1, 2, 3, 4, 6, 9)
        }
        assert whole[name][2] == 1
        if not is_native(project):
            assert whole[name][0] == f"SELECT {len(whole[name][1])}"
            # The first slice begins with time itself, the last one never ends.
            assert sliced[name][2] == 5


def test_rows_dropped_while_a_build_runs_take_no_bucket_along(
    project: RollupProject,
) -> None:
    if is_native(project):
        pytest.skip("community: the server fills an aggregate by itself")
    for day in range(5):
        project.load(fills(day, range(0, 24, 6)))
    counts = "select day, coin, fill_count from analytics.coin_daily order by 1, 2"
    project.run("--select", "coin_daily")
    before = project.query(counts)
    # Somebody's retention, from the middle of a day on, after the first slice.
    project.execute(
        f"""
        create function forget_fills() returns integer language plpgsql as $$
        begin
            delete from hyperliquid.fills where time < {START + 2 * DAY + DAY // 2};
            insert into ops.retention_marks (relation, dropped_before)
            values (
                'hyperliquid.fills',
                to_timestamp({START + 2 * DAY + DAY // 2} / 1000.0)
            )
            on conflict (relation) do nothing;
            return 0;
        end
        $$;
        -- What is not immutable has no place in a rollup.
        create function forget_at(bigint) returns integer language plpgsql immutable
        as $$ begin return public.forget_fills(); end $$
        """
    )
    project.edit_model(
        "coin_daily",
        "count(*) as fill_count",
        "count(*) + max(public.forget_at(time)) as fill_count",
    )
    project.run("--select", "coin_daily", "--vars", "{rollup_slice_rows: 1}")
    [(left,)] = project.query("select min(time) from hyperliquid.fills")
    assert left >= START + 2 * DAY + DAY // 2
    assert project.query(counts) == before
