"""Aggregated history outlives its raw rows, whatever is done through the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Database
from guard_project import (
    KEPT_DAYS,
    apply_retention,
    build_history,
    days,
    declare_retention,
    drop_by_hand,
    history,
    is_community,
    raw_days,
    rows_before,
    run_jobs,
    today,
)
from rollup_project import DAY, START, RollupProject

VOLUME = "sum(px * sz) as volume"


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    return RollupProject(tmp_path, database.conninfo)


def test_by_hand_the_guides_way_loses_history(project: RollupProject) -> None:
    """What the rest of this file is about: documented here, not wanted."""
    build_history(project)
    if not is_community(project):
        # Its equal without continuous aggregates: the rollup made anew from raw rows.
        project.execute("create table by_hand as select * from analytics.coin_daily")
        drop_by_hand(project)
        project.execute(
            "delete from by_hand; insert into by_hand (day, coin) select distinct"
            f" time / {DAY} * {DAY}, coin from hyperliquid.fills"
        )
        assert project.query("select count(distinct day) from by_hand") == [(91,)]
        return
    drop_by_hand(project)
    assert project.query("select count(distinct day) from analytics.coin_daily") == [
        (121,)
    ]
    project.execute(
        "call refresh_continuous_aggregate('analytics.coin_daily', null, null)"
    )
    assert project.query("select count(distinct day) from analytics.coin_daily") == [
        (91,)
    ]


@pytest.mark.parametrize("drop", [apply_retention, drop_by_hand])
def test_no_road_loses_history(
    project: RollupProject, drop: Callable[[RollupProject], None]
) -> None:
    before = build_history(project)
    project.execute("create table raw_copy as select * from hyperliquid.fills")
    drop(project)
    left = raw_days(project)

    project.run()
    assert history(project) == before

    project.load(days([today() - 1], hour=5))
    project.execute(
        "insert into raw_copy select * from hyperliquid.fills"
        " where load_id = (select max(load_id) from hyperliquid.fills)"
    )
    project.run()
    recent = history(project)
    assert recent != before
    assert [len(rows) for rows in recent.values()] >= [
        len(rows) for rows in before.values()
    ]
    assert history(project, before=today() - 1) == {
        name: rows_before(rows, today() - 1) for name, rows in before.items()
    }

    project.run("--full-refresh")
    assert history(project) == recent

    project.edit_model("coin_daily", VOLUME, "sum(px * sz) * 2 as volume")
    project.run()
    changed = history(project)
    assert changed["trader_daily"] == recent["trader_daily"]
    assert len(changed["coin_daily"]) == len(recent["coin_daily"])
    # Retention cuts at chunks: two days are neither old nor new for sure.
    volumes = """
        select distinct volume = factor * (
            select sum(px * sz) from raw_copy
            where time >= day and time < day + 86400000 and raw_copy.coin = daily.coin
        )
        from analytics.coin_daily as daily, lateral (values ({factor})) as f (factor)
        where day {condition}
    """
    old = START + (today() - left - 1) * DAY
    new = START + (today() - left + 2) * DAY
    for factor, condition in ((1, f"< {old}"), (2, f">= {new}")):
        query = volumes.format(factor=factor, condition=condition)
        assert project.query(query) == [(True,)]

    if is_community(project):
        run_jobs(project, "proc_name = 'policy_refresh_continuous_aggregate'")
        assert history(project) == changed
    assert raw_days(project) == left


def test_a_late_load_does_not_empty_old_buckets(project: RollupProject) -> None:
    build_history(project)
    apply_retention(project)
    before = history(project)
    # Past the loader, which would have put these aside.
    project.load(days([today() - 100], hour=7) + days([today() - 1], hour=7))
    project.run()
    assert history(project, before=today() - KEPT_DAYS) == {
        name: rows_before(rows, today() - KEPT_DAYS) for name, rows in before.items()
    }
    [(fills_of_today,)] = project.query(
        "select sum(fill_count) from analytics.coin_daily"
        f" where day = {START + (today() - 1) * DAY}"
    )
    assert fills_of_today == 8


def test_a_change_is_aggregated_before_its_chunk_is_dropped(
    project: RollupProject,
) -> None:
    build_history(project)
    project.load(days([today() - 100], hour=7))
    apply_retention(project)
    assert project.query(
        "select sum(fill_count) from analytics.coin_daily"
        f" where day = {START + (today() - 100) * DAY}"
    ) == [(8,)]


def test_a_new_column_is_null_in_old_buckets(project: RollupProject) -> None:
    build_history(project)
    apply_retention(project)
    project.execute("create table before as select * from analytics.coin_daily")
    project.edit_model("coin_daily", VOLUME, f"{VOLUME}, max(px) as highest")
    project.run("--select", "coin_daily")
    kept = "select day, coin, volume, close_px from"
    assert sorted(project.query(f"{kept} analytics.coin_daily")) == sorted(
        project.query(f"{kept} before")
    )
    [(first,)] = project.query(
        "select min(day) from analytics.coin_daily where highest is not null"
    )
    days_known = today() - (first - START) // DAY
    assert KEPT_DAYS - 1 <= days_known <= KEPT_DAYS + 1
    assert project.query(
        f"select count(*) from analytics.coin_daily where day >= {first}"
        " and highest is null"
    ) == [(0,)]
    assert project.run("--select", "coin_daily")["coin_daily"] == "REFRESH 0"


def test_a_column_that_goes_takes_no_old_bucket_along(project: RollupProject) -> None:
    """As release 0.2 had one. What it called goes when nothing calls it any more."""
    project.create_sources()
    project.execute(
        "create function hyperliquid.last_of_ties(bigint) returns bigint"
        " language sql immutable parallel safe as 'select $1'"
    )
    last = "max(time) as last_fill_time"
    more = f"{last}, hyperliquid.last_of_ties(count(*)) as last_px"
    project.edit_model("trader_coin_daily", last, more)
    build_history(project)
    apply_retention(project)
    query = (
        "select day, user_address, coin, net_size, last_fill_time"
        " from analytics.trader_coin_daily order by 1, 2, 3"
    )
    before = project.query(query)
    project.execute("delete from ops.schema_version where version >= 6")
    project.edit_model("trader_coin_daily", more, last)
    project.run()
    assert project.query(query) == before
    assert "last_px" not in [
        column
        for (column,) in project.query(
            "select column_name from information_schema.columns"
            " where table_name = 'trader_coin_daily'"
        )
    ]
    # A native aggregate still called it when the migration ran.
    if is_community(project):
        project.execute("drop function hyperliquid.last_of_ties")
    assert project.query("select to_regproc('hyperliquid.last_of_ties')") == [(None,)]


def test_a_change_of_type_is_refused_until_history_is_given_up(
    project: RollupProject,
) -> None:
    build_history(project)
    apply_retention(project)
    before = history(project)
    project.edit_model("coin_daily", VOLUME, "sum(px * sz)::text as volume")
    message = project.error("--select", "coin_daily")
    for part in (
        "analytics.coin_daily",
        "hyperliquid.fills has dropped its rows before",
        "column volume is text, numeric in the old rows",
        "forget_history",
    ):
        assert part in message
    assert history(project) == before

    project.run("--vars", "{forget_history: [analytics.coin_daily]}")
    [(count,)] = project.query("select count(distinct day) from analytics.coin_daily")
    assert KEPT_DAYS <= count <= KEPT_DAYS + 2


def test_rollups_that_become_one_chain_keep_their_history(
    project: RollupProject,
) -> None:
    """Release 0.2 had three rollups of the fills; two are made of the third now."""
    build_history(project)
    apply_retention(project)
    before = history(project)
    columns = {
        name: ", ".join(
            column
            for (column,) in project.query(
                "select column_name from information_schema.columns"
                f" where table_schema = 'analytics' and table_name = '{name}'"
            )
        )
        for name in before
    }
    rows = {
        name: project.query(
            f"select {columns[name]} from analytics.{name} order by 1, 2, 3"
        )
        for name in before
    }
    project.chain_rollups()
    project.run()
    for name, expected in rows.items():
        query = f"select {columns[name]} from analytics.{name} order by 1, 2, 3"
        # Fills of outcome coins have rows in the third one now.
        known = [row for row in project.query(query) if "#" not in str(row[2])]
        assert known == expected, name
    again = project.run()
    assert {again[name] for name in rows} == {"REFRESH 0"}

    late = days([today() - 100], hour=7) + days([today() - 1], hour=7)
    project.load(late)
    project.run()
    for name, expected in rows.items():
        old = f"where day < {START + (today() - KEPT_DAYS) * DAY}"
        query = f"select {columns[name]} from analytics.{name} {old} order by 1, 2, 3"
        found = [row for row in project.query(query) if "#" not in str(row[2])]
        assert found == [row for row in expected if row[0] < int(old.split()[-1])], name


def test_another_bucket_is_refused(project: RollupProject) -> None:
    build_history(project)
    apply_retention(project)
    before = history(project)
    project.edit_model("coin_daily", "'1 day', 'time'", "'1 hour', 'time'")
    project.edit_model(
        "coin_daily", "'bucket_interval': '1 day'", "'bucket_interval': '1 hour'"
    )
    message = project.error("--select", "coin_daily")
    assert "their buckets are of 1 day, the new ones of 1 hour" in message
    assert history(project) == before


@pytest.mark.parametrize("kind", ["table", "view"])
def test_another_materialization_is_refused(project: RollupProject, kind: str) -> None:
    build_history(project)
    apply_retention(project)
    before = history(project)
    project.edit_model("coin_daily", "config(", f"config(materialized='{kind}', ")
    message = project.error("--select", "coin_daily")
    assert "analytics.coin_daily" in message
    assert "hyperliquid.fills has dropped its rows before" in message
    assert history(project) == before


def test_a_table_that_becomes_native_keeps_its_history(project: RollupProject) -> None:
    """The upgrade of an edition: what was a maintained table is an aggregate now."""
    build_history(project)
    apply_retention(project)
    before = history(project)
    project.execute("create table analytics.old as select * from analytics.coin_daily")
    if is_community(project):
        project.execute("drop materialized view analytics.coin_daily")
    else:
        project.execute("drop table analytics.coin_daily")
    project.execute("alter table analytics.old rename to coin_daily")
    project.run("--full-refresh")
    assert history(project) == before


def test_a_refresh_beyond_what_is_kept_does_not_compile(project: RollupProject) -> None:
    project.create_sources()
    declare_retention(project, "7 days")
    message = project.error()
    for part in (
        "analytics.coin_daily",
        "7 days (start_offset)",
        "hyperliquid.fills drops its rows after 7 days (retention)",
        "at most 6 days",
    ):
        assert part in message


ROADS: tuple[tuple[str, ...], ...] = (
    ("run",),
    ("run", "--select", "coin_daily"),
    ("run", "--select", "something_else"),
    ("build", "--select", "something_else"),
    ("run-operation", "create_sources"),
    ("run-operation", "run_policies"),
    (
        *("run-operation", "run_retention", "--args"),
        "{table: {relation: hyperliquid.fills, time_column: time, time_unit: ms,"
        " chunk_interval: 1 day, retention: 2 days}}",
    ),
)


@pytest.mark.parametrize("kept", ["2 days", "7 days", "30 hours"])
def test_a_refused_retention_drops_nothing_on_any_road(
    project: RollupProject, kept: str
) -> None:
    project.add_model("something_else", "{{ config(materialized='table') }} select 1")
    before = build_history(project)
    raw = raw_days(project)
    state = "select jsonb_agg(t) from (select * from {} order by 1) as t"
    tables = ["ops.retention_jobs", "ops.policy_runs", "ops.retention_marks"]
    if is_community(project):
        tables.append(
            "(select job_id, config, scheduled from timescaledb_information.jobs) as j"
        )
    records = [project.query(state.format(name)) for name in tables]

    declare_retention(project, kept)
    for road in ROADS:
        assert not project.invoke(*road).success, road
        message = " ".join(project.said.split())
        assert f"hyperliquid.fills drops its rows after {kept} (retention)" in message
        assert "Nothing was changed or dropped." in message
        assert raw_days(project) == raw, road
    assert history(project) == before
    assert [project.query(state.format(name)) for name in tables] == records
