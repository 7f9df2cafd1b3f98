"""SQL models that take in loads: what would give wrong rows is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Database
from guard_project import apply_retention, days, declare_retention, today
from rollup_project import RollupProject, fills

pytestmark = pytest.mark.any_server

TRADERS = """
{{ config(
    materialized='incremental',
    incremental_strategy='sync',
    unique_key='user_address',
    meta={'loads': {'relation': 'hyperliquid.fills', 'touched': 'user_address'}},
) }}
select user_address, sum(fill_count) as fills
from {{ ref('trader_daily') }} where {{ touched_rows('user_address') }}
group by user_address
"""
COINS = """
{{ config(
    materialized='incremental',
    incremental_strategy='sync',
    unique_key=['as_of_date', 'coin'],
    meta={'loads': {'relation': 'hyperliquid.fills', 'stale_from': 'as_of_date'}},
) }}
select {{ day_to_date('time') }} as as_of_date, coin, count(*) as fills
from {{ source('hyperliquid', 'fills') }}
where time >= {{ first_stale_day(unit='ms') }}
group by 1, 2
"""
BETWEEN = "select user_address, fill_count, day from {{ ref('trader_daily') }}"
HYPERTABLE = (
    "unique_key=['day', 'user_address'], meta={'timescale': {'time_column': 'day',"
    " 'time_unit': 'ms', 'chunk_interval': '1 day'}}"
)


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = RollupProject(tmp_path, database.conninfo)
    made.create_sources()
    return made


def _rows(project: RollupProject, name: str) -> list[tuple[object, ...]]:
    return project.query(f"select t::text from analytics.{name} as t order by 1")


def test_what_records_no_loads_may_not_stand_in_between(
    project: RollupProject,
) -> None:
    """Neither read directly nor through an ephemeral model and a view."""
    select = "{{ config(materialized='%s', %s) }} select * from {{ ref('%s') }}"
    project.add_model(
        "step", select % ("ephemeral", "access='private'", "between_table")
    )
    project.add_model("seen", select % ("view", "", "step"))
    project.load(fills(0, range(2)))
    for kind, settings in {
        "table": "",
        "incremental": "",
        "materialized_view": "",
        "hypertable": HYPERTABLE,
    }.items():
        name = f"between_{kind}"
        project.add_model(
            name, f"{{{{ config(materialized='{kind}', {settings}) }}}} {BETWEEN}"
        )
        for read in (name, "seen") if kind == "table" else (name,):
            project.add_model("by_trader", TRADERS.replace("trader_daily", read))
            message = project.error("--select", "+by_trader")
            assert f"by_trader: it reads {name}, a model of materialized: {kind}," in (
                message
            )
            assert "made of hyperliquid.fills but" in message
            assert f"Make {name} a view" in message

    (project.folder / "snapshots").mkdir()
    (project.folder / "snapshots/kept.sql").write_text(
        "{% snapshot kept %} {{ config(schema='analytics', strategy='check',"
        " unique_key=['day', 'user_address'], check_cols='all') }} "
        f"{BETWEEN} {{% endsnapshot %}}"
    )
    project.add_model("by_trader", TRADERS.replace("trader_daily", "kept"))
    message = project.error("--select", "+by_trader", command="build")
    assert "it reads kept, a model of materialized: snapshot" in message
    assert project.query("select to_regclass('analytics.by_trader')") == [(None,)]


def test_what_no_load_changes_may_stand_in_between(project: RollupProject) -> None:
    for kind in ("table", "incremental"):
        project.add_model(
            f"{kind}_factor",
            f"{{{{ config(materialized='{kind}', unique_key='factor') }}}}"
            " select 1 as factor",
        )
    project.add_model(
        "by_trader",
        TRADERS.replace(
            "}} where",
            "}} cross join {{ ref('table_factor') }}"
            " cross join {{ ref('incremental_factor') }} where",
        ),
    )
    for day in range(2):
        project.load(fills(day, range(2)))
        project.run()
        [(missing,)] = project.query(
            "select (select count(*) from hyperliquid.fills)"
            " - (select sum(fills) from analytics.by_trader)"
        )
        assert missing == 0


def test_two_rows_of_one_key(project: RollupProject) -> None:
    project.add_model(
        "by_trader",
        TRADERS.replace("sum(fill_count) as fills", "dir")
        .replace("ref('trader_daily')", "source('hyperliquid', 'fills')")
        .replace("group by user_address", "group by user_address, dir"),
    )
    select = ("--select", "by_trader")
    project.load([row | {"dir": "Open Long"} for row in fills(0, range(2))])
    project.run(*select)
    before = _rows(project, "by_trader")
    # One of the two is equal to the stored row.
    [row, *_] = fills(0, [5])
    project.load([row | {"dir": "Close Long"}])
    key = f"2 rows of one key: (user_address) = ({row['user_address']})"
    for _ in range(2):
        assert key in project.error(*select)
    assert _rows(project, "by_trader") == before


def test_another_unique_key(project: RollupProject) -> None:
    project.add_model("by_trader", TRADERS)
    project.load(fills(0, range(2)))
    project.run()
    before = _rows(project, "by_trader")
    project.add_model(
        "by_trader", TRADERS.replace("'user_address'", "['user_address', 'fills']", 1)
    )
    project.load(fills(1, range(2)))
    message = project.error()
    assert "unique_key of by_trader is user_address, fills" in message
    assert "was built with user_address. Nothing was changed" in message
    assert "--full-refresh" in message
    assert _rows(project, "by_trader") == before
    project.run("--full-refresh")
    assert project.run()["by_trader"] == "CHANGED 0 (nothing new)"


def test_other_columns(project: RollupProject) -> None:
    project.add_model("by_trader", TRADERS)
    project.load(fills(0, range(2)))
    project.run()
    project.add_model("by_trader", TRADERS.replace("as fills", "as fill_count"))
    message = project.error()
    assert "fills, fill_count. Way out: run dbt with --full-refresh." in message
    assert "on_schema_change" not in message


@pytest.mark.parametrize("reads_itself", [False, True])
def test_a_stale_from_that_is_no_date(
    project: RollupProject, reads_itself: bool
) -> None:
    text = COINS.replace("{{ day_to_date('time') }}", "(time / 86400000)::int")
    if reads_itself:
        text = text.replace(
            "meta=", "contract={'enforced': true}, on_schema_change='fail', meta="
        ) + ("union all select * from {{ this }} where as_of_date < 0")
        types = {"as_of_date": "integer", "coin": "text", "fills": "bigint"}
        project.write_yaml(
            "by_coin", columns=[{"name": n, "data_type": t} for n, t in types.items()]
        )
    project.add_model("by_coin", text)
    project.load(fills(0, range(2)))
    message = project.error("--select", "by_coin")
    assert "by_coin says stale_from: as_of_date" in message
    assert "must be a date or a timestamptz, but is integer" in message
    assert project.query("select to_regclass('analytics.by_coin')") == [(None,)]


def test_history_that_cannot_be_computed_again(project: RollupProject) -> None:
    """A model without a rollup between it and a source that drops rows."""
    names = ("by_coin", "by_trader")
    project.add_model("by_coin", COINS)
    direct = TRADERS.replace("sum(fill_count)", "count(*)").replace(
        "ref('trader_daily')", "source('hyperliquid', 'fills')"
    )
    project.add_model("by_trader", direct)
    project.load(days(range(today() - 120, today())))
    project.run()
    before = {name: _rows(project, name) for name in names}
    declare_retention(project, "90 days")
    apply_retention(project)
    project.run()
    assert {name: _rows(project, name) for name in names} == before

    # By day, a load has its own days computed; by trader, all of a trader's fills.
    project.load(days([today()]))
    message = project.error()
    assert "analytics.by_trader has history that cannot be computed again" in message
    assert "hyperliquid.fills has dropped its rows before" in message
    assert "analytics.by_coin" not in message
    assert _rows(project, "by_trader") == before["by_trader"]
    by_coin = _rows(project, "by_coin")
    assert set(by_coin) > set(before["by_coin"])

    project.add_model("by_coin", COINS.replace("count(*)", "count(*) + 1"))
    for options in ((), ("--full-refresh",)):
        message = project.error("--select", "by_coin", *options)
        assert "analytics.by_coin has history that cannot be computed again" in message
    assert _rows(project, "by_coin") == by_coin
    project.run(
        *("--select", *names),
        *("--vars", "{forget_history: [analytics.by_coin, analytics.by_trader]}"),
    )
    assert len(_rows(project, "by_coin")) < len(by_coin)
