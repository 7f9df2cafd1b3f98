"""What is computed whole says why, and nothing is for the name of its database."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from conftest import Database
from rollup_project import RollupProject, fills, is_native, row_versions
from test_loads_models import MODELS, add_models

VARIABLE = "{{ var('large_trade_btc') }}"
NAMES = ("coin_daily", "trader_daily", "by_day", "by_trader")
SAID = "all of it is computed again: "
BUILDS = "select reason, made_of from ops.model_builds where model = 'analytics.{}'"


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = RollupProject(tmp_path, database.conninfo)
    add_models(made, VARIABLE)
    made.create_sources()
    made.load(fills(0, range(3)))
    made.run()
    return made


def why(project: RollupProject, *args: str) -> dict[str, str]:
    """Run dbt; return what it says is computed again, and why, by model."""
    project.run(*args)
    return dict(re.findall(rf"analytics\.(\w+): {SAID}(.*)", project.said))


def versions(project: RollupProject) -> list[tuple[Any, ...]]:
    rollups = row_versions(project, NAMES[:2])
    tables = project.query(
        " union all ".join(
            f"select '{name}', ctid::text, xmin::text from analytics.{name}"
            for name in MODELS
        )
    )
    state = project.query("select * from ops.model_state order by 1")
    return [*rollups, *tables, *state]


def test_a_renamed_database_is_not_built_again(project: RollupProject) -> None:
    for name in ("coin_daily", "trader_daily"):
        project.edit_model(
            name, "unique_key", "on_configuration_change='fail', unique_key"
        )
    before = versions(project)
    old = project.conninfo["dbname"]
    new = f"{old}_renamed"
    with psycopg.connect(**{**project.conninfo, "dbname": "postgres"}) as conn:
        conn.autocommit = True
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            [old],
        )
        conn.execute(f'alter database "{old}" rename to "{new}"')
    path = project.folder / "profiles.yml"
    profile = yaml.safe_load(path.read_text())
    profile["vigil"]["outputs"]["dev"]["dbname"] = new
    path.write_text(yaml.safe_dump(profile))
    renamed = project.conninfo
    project.conninfo = {**renamed, "dbname": new}
    try:
        assert why(project) == {}
        assert versions(project) == before
        project.load(fills(1, range(2)))
        assert why(project) == {}
        counts = "select sum(fill_count) from analytics.coin_daily"
        assert project.query(counts) == project.query(
            "select count(*) from hyperliquid.fills"
        )
    finally:
        with psycopg.connect(**{**renamed, "dbname": "postgres"}) as conn:
            conn.autocommit = True
            conn.execute(f'drop database "{new}" with (force)')


@pytest.mark.any_server
def test_a_first_build_is_on_record_and_not_in_the_log(project: RollupProject) -> None:
    assert SAID not in project.said
    for name in NAMES:
        [(reason, made)] = project.query(BUILDS.format(name))
        assert reason == "first build"
        assert "group by" in made["query"] or "with sums" in made["query"]
        assert project.conninfo["dbname"] not in made["query"]
    [(_, made)] = project.query(BUILDS.format("by_day"))
    assert made["variables"] == {"large_trade_btc": 1}
    assert list(made["rules"]) == ["analytics.coin_daily"]
    assert why(project) == {}


def test_each_cause_is_named(project: RollupProject) -> None:
    assert why(project, "--vars", "large_trade_btc: 3") == {
        "by_day": "the variable large_trade_btc is 3 instead of 1"
    }
    assert why(project) == {"by_day": "the variable large_trade_btc is 1 instead of 3"}

    project.edit_model("trader_daily", "sum(px * sz) as vol", "sum(px) as vol")
    assert why(project) == {
        "trader_daily": "its query changed",
        "by_trader": "the rules of analytics.trader_daily changed",
    }
    assert why(project, "--full-refresh", "--select", "coin_daily", "by_day") == {
        "coin_daily": "full refresh",
        "by_day": "full refresh",
    }
    project.execute("delete from ops.model_state where model = 'analytics.by_trader'")
    no_record = "ops.model_state has no record of what it was built from"
    assert why(project) == {"by_trader": no_record}

    # Another server made the rollup.
    project.execute(
        "drop materialized view analytics.coin_daily"
        if is_native(project)
        else "drop table analytics.coin_daily"
    )
    project.execute("create view analytics.coin_daily as select 1::bigint as day")
    [(name, reason)] = why(project).items()
    assert name == "coin_daily"
    assert reason.startswith("it is a view, and is to be a ")

    reasons = [row[0] for row in project.query(BUILDS.format("by_trader"))]
    assert reasons == [
        "first build",
        "the rules of analytics.trader_daily changed",
        no_record,
    ]
    # What differed can be seen afterwards.
    queries = [
        made["query"] for _, made in project.query(BUILDS.format("trader_daily"))
    ]
    lines = [set(query.splitlines()) for query in queries]
    assert {line.strip() for line in lines[0] ^ lines[1]} == {
        "sum(px * sz) as volume,",
        "sum(px) as volume,",
    }


@pytest.mark.any_server
def test_the_rollup_below_is_named(project: RollupProject) -> None:
    project.add_model(
        "weekly",
        "{{ config(unique_key=['week', 'coin'], meta={'timescale': {'bucket': 'week',"
        " 'bucket_interval': '7 days'}}) }}\n"
        "select {{ time_bucket('7 days', 'day', unit='ms') }} as week, coin,"
        " sum(fill_count) as fills\nfrom {{ ref('coin_daily') }}\n"
        "where {{ rollup_filter('day') }} group by 1, 2",
    )
    assert why(project) == {}
    assert why(project, "--full-refresh", "--select", "coin_daily") == {
        "coin_daily": "full refresh"
    }
    assert why(project) == {
        "weekly": "analytics.coin_daily, which it is made of, was built anew"
    }


def test_what_an_earlier_release_built_is_taken_over(project: RollupProject) -> None:
    """That release kept a hash of the SQL, the database's name in it, and no more."""
    done = project.invoke("compile")
    compiled = {r.node.name: r.node for r in done.result}

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    old: dict[str, str] = {}
    for name in ("coin_daily", "trader_daily", "trader_coin_daily"):
        node = compiled[name]
        key = node.config.unique_key
        # Its rollups carried a mark where the filter is.
        mark = r"\1 /* rollup_filter time */"
        marked = re.sub(r"(where\s+true)\b", mark, node.compiled_code)
        old[name] = "rollup:" + md5(f"{marked}{key}1 day")
    for name, above in (("by_day", "coin_daily"), ("by_trader", "trader_daily")):
        own = md5(compiled[name].compiled_code)
        old[name] = f"{own}@{md5(f'analytics.{above}{old[above]}')}"
    project.execute("truncate ops.model_builds")
    for name, fingerprint in old.items():
        at = "" if "@" in fingerprint else "@"
        project.execute(
            f"update ops.model_state set fingerprint = '{fingerprint}{at}'"
            f" where model = 'analytics.{name}'"
        )
    before = versions(project)
    assert why(project) == {}
    assert versions(project) == before
    assert project.query("select distinct reason from ops.model_builds") == [
        ("on record",)
    ]
    # It is known from now on, under whatever name, and says what changes.
    project.load(fills(1, range(2)))
    assert why(project) == {}
    project.edit_model("trader_daily", "sum(px * sz) as vol", "sum(px) as vol")
    assert why(project)["trader_daily"] == "its query changed"

    # A hash of other SQL cannot be taken over.
    project.execute(
        "truncate ops.model_builds; update ops.model_state"
        " set fingerprint = 'rollup:0123@' where model = 'analytics.coin_daily'"
    )
    assert why(project)["coin_daily"].startswith("its query changed, or the name of")
