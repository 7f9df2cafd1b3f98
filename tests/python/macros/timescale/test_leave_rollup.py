"""What takes a rollup's or a hypertable's place does so wholly, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from aggregate_project import AggregateProject, readings
from conftest import Database
from guard_project import run_jobs
from test_continuous_aggregate_hierarchy import HOUR
from test_guard_hierarchy import DAY, NOON, drop_hours

KINDS = ("view", "table", "incremental", "materialized_view")


@pytest.fixture
def project(tmp_path: Path, database: Database) -> AggregateProject:
    return AggregateProject(tmp_path, database.conninfo)


@pytest.fixture
def levels(project: AggregateProject) -> AggregateProject:
    """120 days in two levels; nothing is dropped."""
    project.put((NOON - number * DAY, "a", number) for number in range(1, 121))
    project.write_rollup("hourly")
    project.write_rollup("daily", bucket="1 day", below="hourly")
    project.run()
    return project


def relations(project: AggregateProject) -> list[tuple[str, str]]:
    return project.query(
        "select relname, relkind::text from pg_class"
        " where relnamespace = 'analytics'::regnamespace and relkind <> 'i' order by 1"
    )


def records(project: AggregateProject) -> list[tuple[str]]:
    return project.query(
        "select model from ops.model_state where fingerprint is not null order by 1"
    )


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_switch_that_fails_changes_nothing(
    project: AggregateProject, kind: str, begins: bool
) -> None:
    project.put(readings(0, 1, 2))
    project.write_rollup()
    project.run()
    before = project.totals(), relations(project), records(project)
    # Divides by zero, which a view only does for those who read it.
    hooks = {
        "pre_hook": {"sql": "select 1", "transaction": begins},
        "post_hook": "select 1 / 0",
    }
    project.write_rollup(materialized=kind, value="sum(value) + 0", **hooks)
    assert "division by zero" in project.error()
    assert (project.totals(), relations(project), records(project)) == before
    project.write_rollup()
    assert project.run()["probe"] == "REFRESH 0"


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollup_that_others_are_made_of_leaves_them_whole(
    levels: AggregateProject, kind: str
) -> None:
    before = levels.totals("daily")
    levels.write_rollup("hourly", materialized=kind)
    levels.run("--select", "hourly")
    assert levels.totals("hourly") == levels.expected(HOUR)
    assert levels.totals("daily") == before

    # It follows, and what was kept for it goes.
    levels.write_rollup("daily", bucket="1 day", below="hourly", materialized=kind)
    levels.run()
    assert levels.totals("daily") == before
    assert [name for name, _ in relations(levels)] == ["daily", "hourly"]
    if levels.is_native:
        assert (
            levels.query("select 1 from timescaledb_information.continuous_aggregates")
            == []
        )

    # And back.
    levels.write_rollup("hourly")
    levels.write_rollup("daily", bucket="1 day", below="hourly")
    levels.run()
    assert levels.totals("daily") == before


def test_a_level_whose_input_dropped_rows_is_refused_any_other_query(
    levels: AggregateProject,
) -> None:
    """What its new query reads has all rows, but not those it was made of."""
    before = levels.totals("daily")
    drop_hours(levels)
    levels.add_model(
        "daily",
        "{{ config(materialized='table') }}"
        " select current_date as bucket, 'a' as sensor, 1 as total",
    )
    message = levels.error("--select", "daily")
    assert "analytics.daily has history that cannot be computed again" in message
    assert "analytics.hourly has dropped its rows before" in message
    assert levels.totals("daily") == before


def test_a_view_between_hides_no_drop(levels: AggregateProject) -> None:
    before = levels.totals("hourly")
    levels.add_model(
        "between",
        "{{ config(materialized='view') }}"
        f" select * from {{{{ source('probe', '{levels.table}') }}}}",
    )
    older = (NOON - 60 * DAY).replace(hour=0)
    levels.execute(f"delete from probe.{levels.table} where ts < '{older}'")
    levels.add_model(
        "hourly",
        "{{ config(materialized='table') }} select date_trunc('hour', ts) as bucket,"
        " sensor, sum(value) as total from {{ ref('between') }} group by 1, 2",
    )
    message = levels.error("--select", "between hourly")
    assert "analytics.hourly has history that cannot be computed again" in message
    assert f"probe.{levels.table} has dropped its rows before" in message
    assert levels.totals("hourly") == before


def test_hand_made_drops_of_a_level_are_noticed_above(levels: AggregateProject) -> None:
    before = levels.totals("daily")
    older = (NOON - 60 * DAY).replace(hour=0)
    if levels.is_native:
        levels.execute(f"select drop_chunks('analytics.hourly', timestamptz '{older}')")
    else:
        levels.execute(f"delete from analytics.hourly where bucket < '{older}'")
    assert len(levels.totals("hourly")) < 75
    levels.put([(NOON - 100 * DAY, "a", 1), (NOON, "a", 7)])
    levels.run()
    today = NOON.replace(hour=0)
    assert levels.totals("daily") == {**before, (today, "a"): 7}
    levels.write_rollup("daily", bucket="1 day", below="hourly", value="sum(total) + 0")
    levels.run()
    assert levels.totals("daily") == {**before, (today, "a"): 7}
    if levels.is_native:
        levels.write_rollup(
            "daily",
            bucket="1 day",
            below="hourly",
            value="sum(total) + 0",
            settings={"refresh_policy": {"end_offset": "1 hour"}},
        )
        levels.run()
        run_jobs(levels, "proc_name = 'policy_refresh_continuous_aggregate'")
        assert levels.totals("daily") == {**before, (today, "a"): 7}
