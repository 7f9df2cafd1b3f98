"""SQL models that take in loads: what is stale is computed again, nothing else."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from conftest import Database
from rollup_project import RollupProject, fills
from waiting import wait_until

pytestmark = pytest.mark.any_server

DAYS = """
{{ config(
    materialized='incremental',
    incremental_strategy='sync',
    unique_key=['as_of_date', 'coin'],
    contract={'enforced': true},
    on_schema_change='fail',
    meta={'loads': {'relation': 'hyperliquid.fills', 'stale_from': 'as_of_date'}},
) }}
with sums as (
    select
        {{ day_to_date('day') }} as as_of_date, coin, fill_count * {{ factor }} as fills
    from {{ ref('coin_daily') }} where day >= {{ first_stale_day(unit='ms') }}
),
history as (
    select as_of_date, coin, fills from sums
    union all
    select as_of_date, coin, fills from {{ this }}
    where as_of_date >= {{ first_stale_day(back=2) }}
        and as_of_date < {{ first_stale_day() }}
)
select sums.*, earlier.fills_before
from sums cross join lateral (
    select sum(history.fills) as fills_before from history
    where history.coin = sums.coin
        and history.as_of_date between sums.as_of_date - 2 and sums.as_of_date - 1
) as earlier
"""
TRADERS = """
{{ config(
    materialized='incremental',
    incremental_strategy='sync',
    unique_key='user_address',
    meta={'loads': {'relation': 'hyperliquid.fills', 'touched': 'user_address'}},
) }}
select user_address, sum(volume) as volume, sum(fill_count) as fills
from {{ ref('trader_daily') }} where {{ touched_rows('user_address') }}
group by user_address
"""
FROM_SOURCE = TRADERS.replace(
    "sum(volume) as volume, sum(fill_count)", "count(*)"
).replace("ref('trader_daily')", "source('hyperliquid', 'fills')")
MODELS = {"by_day": "as_of_date, coin", "by_trader": "user_address"}
ROWS = "select * from analytics.{} order by {}"


COLUMNS = {
    "as_of_date": "date",
    "coin": "text",
    "fills": "bigint",
    "fills_before": "numeric",
}


def add_models(project: RollupProject, factor: str) -> None:
    """Write both models."""
    project.add_model("by_day", DAYS.replace("{{ factor }}", factor))
    declare_columns(project, COLUMNS)
    project.add_model("by_trader", TRADERS)


def declare_columns(project: RollupProject, columns: dict[str, str]) -> None:
    project.write_yaml(
        "by_day",
        columns=[{"name": name, "data_type": of} for name, of in columns.items()],
    )


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = RollupProject(tmp_path, database.conninfo)
    add_models(made, "1")
    made.create_sources()
    return made


def _contents(project: RollupProject) -> list[list[tuple[object, ...]]]:
    return [project.query(ROWS.format(*item)) for item in MODELS.items()]


def _versions(project: RollupProject, name: str) -> set[tuple[object, ...]]:
    return set(
        project.query(f"select ctid::text, xmin::text, t.* from analytics.{name} as t")
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_loads_gives_the_rows_of_a_full_refresh(
    project: RollupProject, seed: int
) -> None:
    pieces = [(day, hours) for day in range(5) for hours in ((1, 2), (20,))]
    random.Random(seed).shuffle(pieces)
    for helping in (pieces[:4], pieces[4:6], pieces[6:7], pieces[7:]):
        for day, hours in helping:
            project.load(fills(day, hours))
        project.run()
    taken_in = _contents(project)
    assert all(taken_in)
    project.run("--full-refresh")
    assert _contents(project) == taken_in


def test_nothing_new_is_no_work(project: RollupProject) -> None:
    project.load(fills(0, range(3)))
    project.run()
    # A wrong row stays until it is computed again.
    project.execute("update analytics.by_day set fills = -1")
    project.execute("update analytics.by_trader set fills = -1")
    done = project.run()
    assert done["by_day"] == done["by_trader"] == "CHANGED 0 (nothing new)"
    assert project.query("select distinct fills from analytics.by_day") == [(-1,)]


def test_only_what_loads_touched_is_computed(project: RollupProject) -> None:
    project.load(fills(0, [1]) + fills(1, [1]) + fills(2, [1]))
    project.run()
    days, traders = (_versions(project, name) for name in MODELS)
    late = fills(1, [5], per_hour=1)
    project.load(late)
    project.run()
    changed = days - _versions(project, "by_day")
    assert {str(row[2]) for row in changed} == {"2025-01-02", "2025-01-03"}
    assert {row[3] for row in changed} == {row["coin"] for row in late}
    touched = {row["user_address"] for row in late}
    kept_traders = traders & _versions(project, "by_trader")
    assert kept_traders == {row for row in traders if row[2] not in touched}
    # What is outside of the scope is not even compared.
    project.execute(
        "update analytics.by_day set fills = -1 where as_of_date < '2025-01-02'"
    )
    project.load(fills(2, [5]))
    project.run()
    wrong = project.query(
        "select distinct as_of_date from analytics.by_day where fills < 0"
    )
    assert [str(day) for (day,) in wrong] == ["2025-01-01"]


def test_rows_and_loads_change_together(project: RollupProject) -> None:
    project.load(fills(0, range(2)))
    project.run()
    project.execute(
        "create function refuse() returns trigger language plpgsql"
        " as $$ begin raise exception 'refused'; end $$;"
        "create trigger refuse before insert or update on analytics.by_trader"
        " execute function refuse()"
    )
    before = project.query(ROWS.format("by_trader", "user_address"))
    project.load(fills(1, range(2)))
    assert "refused" in project.error()
    assert project.query(ROWS.format("by_trader", "user_address")) == before
    project.execute("drop trigger refuse on analytics.by_trader")
    assert project.run()["by_trader"] != "CHANGED 0 (nothing new)"
    project.load([])
    assert project.run()["by_trader"] == "SYNC 0"
    taken_in = _contents(project)
    project.run("--full-refresh")
    assert _contents(project) == taken_in


def test_all_is_computed_when_the_query_is_another_one(project: RollupProject) -> None:
    project.load(fills(0, range(3)) + fills(1, range(3)))
    project.run()
    before = project.query("select sum(fills) from analytics.by_day")[0][0]
    project.add_model("by_day", DAYS.replace("{{ factor }}", "2"))
    assert project.run()["by_day"].startswith("SYNC ")
    assert project.query("select sum(fills) from analytics.by_day") == [(2 * before,)]
    assert project.run()["by_day"] == "CHANGED 0 (nothing new)"


def test_another_column_makes_a_new_table(project: RollupProject) -> None:
    project.load(fills(0, range(3)) + fills(1, range(3)))
    project.run()
    before = project.query(ROWS.format("by_day", "as_of_date, coin"))
    text = DAYS.replace("{{ factor }}", "1")
    project.add_model(
        "by_day",
        text.replace("select sums.*,", "select sums.*, sums.fills * 2 as two,"),
    )
    declare_columns(project, {**COLUMNS, "two": "bigint"})
    assert project.run()["by_day"] == "INSERT 0 8"
    columns = ", ".join(COLUMNS)
    assert before == project.query(
        f"select {columns} from analytics.by_day where two = 2 * fills order by 1, 2"
    )
    assert project.run()["by_day"] == "CHANGED 0 (nothing new)"


def test_a_load_reaches_the_days_before_it_that_the_model_names(
    project: RollupProject,
) -> None:
    text = DAYS.replace("{{ factor }}", "1")
    project.add_model(
        "by_day", text.replace("'stale_from'", "'days_before': 1, 'stale_from'")
    )
    project.load(fills(0, [1]) + fills(1, [1]) + fills(2, [1]))
    project.run()
    project.execute("update analytics.by_day set fills = -1")
    project.load(fills(2, [5]))
    project.run()
    wrong = "select distinct as_of_date from analytics.by_day where fills < 0"
    assert [str(day) for (day,) in project.query(wrong)] == ["2025-01-01"]
    # After days without a fill, that is the last one before them.
    project.execute("update analytics.by_day set fills = -1")
    project.load(fills(5, [5]))
    project.run()
    days = [str(day) for (day,) in project.query(f"{wrong} order by 1")]
    assert days == ["2025-01-01", "2025-01-02"]


def test_all_is_computed_when_upstream_has_other_rules(project: RollupProject) -> None:
    project.load(fills(0, range(3)))
    project.run()
    project.edit_model("trader_daily", "sum(px * sz) as volume", "sum(px) as volume")
    assert project.run()["by_trader"].startswith("SYNC ")
    [(same,)] = project.query(
        "select (select sum(volume) from analytics.by_trader)"
        " = (select sum(px) from hyperliquid.fills)"
    )
    assert same


def test_loads_wait_for_upstream(project: RollupProject) -> None:
    project.load(fills(0, range(2)))
    project.run()
    project.load(fills(1, range(2)))
    alone = project.run("--select", "by_day", "by_trader")
    assert set(alone.values()) >= {"CHANGED 0 (nothing new)"}
    assert project.query("select max(as_of_date)::text from analytics.by_day") == [
        ("2025-01-01",)
    ]
    project.run()
    assert project.query("select max(as_of_date)::text from analytics.by_day") == [
        ("2025-01-02",)
    ]


def test_loads_wait_for_what_a_view_reads(project: RollupProject) -> None:
    project.add_model(
        "daily_view",
        "{{ config(materialized='view') }} select * from {{ ref('trader_daily') }}",
    )
    project.add_model("by_trader", TRADERS.replace("'trader_daily'", "'daily_view'"))
    project.load(fills(0, range(2)))
    project.run()
    project.load(fills(1, range(2)))
    alone = project.run("--select", "by_trader")
    assert alone["by_trader"] == "CHANGED 0 (nothing new)"
    project.run()
    [(missing,)] = project.query(
        "select (select count(*) from hyperliquid.fills)"
        " - (select sum(fills) from analytics.by_trader)"
    )
    assert missing == 0


def test_a_condition_on_another_column_is_refused(project: RollupProject) -> None:
    project.add_model("by_trader", TRADERS.replace("('user_address')", "('coin')"))
    said = project.error("--select", "trader_daily", "by_trader")
    assert "touched_rows('user_address')" in said


def test_an_empty_run_leaves_the_rows_alone(project: RollupProject) -> None:
    project.load(fills(0, range(2)))
    project.run()
    before = _contents(project)
    project.load(fills(1, range(2)))
    assert project.run("--empty")["by_day"] == "CHANGED 0 (--empty)"
    assert _contents(project) == before
    project.run()
    assert _contents(project) != before


def test_a_load_that_commits_in_between_is_left_for_the_next_run(
    project: RollupProject,
) -> None:
    project.add_model("from_source", FROM_SOURCE)
    select = ("--select", "from_source")
    project.load(fills(0, range(2)))
    project.run(*select)
    project.load(fills(1, [1]))
    folder = str(project.folder)
    with psycopg.connect(**project.conninfo) as conn:
        # The model has asked what is new when it comes to write.
        conn.execute("lock table analytics.from_source in share mode")
        build = subprocess.Popen(
            [
                *(sys.executable, "-m", "dbt.cli.main", "run", *select),
                *("--project-dir", folder, "--profiles-dir", folder),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        wait_until(
            lambda: bool(
                project.query(
                    "select 1 from pg_locks where not granted"
                    " and relation = 'analytics.from_source'::regclass"
                )
            ),
            process=build,
        )
        late = project.load(fills(1, [2, 3]))
    output = build.communicate(timeout=240)[0]
    assert build.returncode == 0, output
    applied = "select max(load_id) from ingestion.applied_loads where consumer = %r"
    [(newest,)] = project.query(applied % "analytics.from_source")
    assert newest < late
    project.run(*select)
    [(newest,)] = project.query(applied % "analytics.from_source")
    assert newest == late
    counted = (
        "select user_address, count(*) from hyperliquid.fills group by 1 order by 1"
    )
    found = "select user_address, fills from analytics.from_source order by 1"
    assert project.query(found) == project.query(counted)


@pytest.mark.parametrize("kind", ["table", "incremental"])
def test_what_was_built_as_something_else_starts_over(
    project: RollupProject, kind: str
) -> None:
    project.load(fills(0, range(2)))
    project.run()
    before = project.query(ROWS.format("by_trader", "user_address"))
    project.add_model(
        "by_trader",
        f"{{{{ config(materialized='{kind}', unique_key='user_address') }}}}"
        " select user_address, -sum(volume) as volume, sum(fill_count) as fills"
        " from {{ ref('trader_daily') }} group by user_address",
    )
    project.run()
    assert project.query(ROWS.format("by_trader", "user_address")) != before
    project.add_model("by_trader", TRADERS)
    assert project.run()["by_trader"] == f"SELECT {len(before)}"
    assert project.query(ROWS.format("by_trader", "user_address")) == before
    assert project.run()["by_trader"] == "CHANGED 0 (nothing new)"


def test_names_with_upper_case(project: RollupProject) -> None:
    columns = 'coin, "AsOfDate", sum(fills) as fills'
    project.add_model(
        "ByCoin",
        """
{{ config(
    materialized='incremental',
    incremental_strategy='sync',
    unique_key=['AsOfDate', 'coin'],
    indexes=[{'columns': ['"AsOfDate" desc', 'COIN']}],
    meta={'loads': {'relation': 'hyperliquid.fills', 'stale_from': 'AsOfDate'}},
) }}
select {{ day_to_date('day') }} as "AsOfDate", coin, fill_count as fills
from {{ ref('coin_daily') }} where day >= {{ first_stale_day(unit='ms') }}
""",
    )
    project.load(fills(0, range(2)))
    project.run()
    indexes = (
        "select indexrelid from pg_index"
        " where indrelid = 'analytics.\"ByCoin\"'::regclass order by 1"
    )
    before = project.query(indexes)
    assert len(before) == 2
    project.load(fills(0, [7]) + fills(1, [1]))
    assert project.run()["ByCoin"].startswith("SYNC ")
    assert project.query(indexes) == before
    found = project.query(
        f'select {columns} from analytics."ByCoin" group by 1, 2 order by 1, 2'
    )
    assert found == project.query(
        "select coin, (to_timestamp(time / 1000) at time zone 'utc')::date, count(*)"
        " from hyperliquid.fills group by 1, 2 order by 1, 2"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("'stale_from'", "'stale_form'", "stale_form"),
        ("'stale_from': 'as_of_date'", "'touched': 'dir'", "unique_key"),
        ("'hyperliquid.fills', ", "'hyperliquid.fills', 'touched': 'coin', ", "either"),
        ("'stale_from': 'as_of_date'", "'touched': 'coin', 'days_before': 1", "either"),
        ("'hyperliquid.fills'", "'hyperliquid.fill'", "no source is called"),
        ("incremental_strategy='sync'", "sql_header='set a.b = 1'", "sync"),
        ("unique_key", "sql_header='set a.b = 1', unique_key", "pre_hook"),
    ],
)
def test_a_wrong_declaration_is_refused(
    project: RollupProject, old: str, new: str, said: str
) -> None:
    assert old in DAYS
    text = DAYS.replace("{{ factor }}", "1").replace(old, new)
    project.add_model("by_day", text)
    message = project.error("--select", "coin_daily", "by_day")
    assert "meta.loads of by_day" in message
    assert said in message
