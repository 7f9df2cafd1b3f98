"""Contracts: what a model gives is what its YAML says, or it is not built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Database
from dbt.exceptions import ParsingError
from rollup_project import RollupProject, fills

pytest_plugins = ["pyjobs_project"]

TRADERS = """
{{ config(
    materialized='incremental',
    incremental_strategy='sync',
    unique_key='user_address',
    on_schema_change='fail',
    meta={'loads': {'relation': 'hyperliquid.fills', 'touched': 'user_address'}},
) }}
select user_address, sum(fill_count)::bigint as fills
from {{ ref('trader_daily') }} where {{ touched_rows('user_address') }}
group by user_address
"""
VERSIONS = "select ctid::text, xmin::text, t.* from {} as t order by 1"


class ContractedProject(RollupProject):
    """The repository's rollups, and a mart that takes in loads, under contract."""

    keeps_contracts = True

    def declare_rollup(self, old: str, new: str) -> None:
        path = self.folder / "models/rollups/_rollups__models.yml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def declare_mart(self, data_type: str) -> None:
        columns = {"user_address": "text", "fills": data_type}
        self.write_yaml(
            "by_trader",
            columns=[{"name": n, "data_type": t} for n, t in columns.items()],
        )


@pytest.fixture
def project(tmp_path: Path, database: Database) -> ContractedProject:
    made = ContractedProject(tmp_path, database.conninfo)
    made.add_model("by_trader", TRADERS)
    made.declare_mart("bigint")
    made.create_sources()
    made.load(fills(0, range(3)))
    made.run()
    return made


COIN_COUNT = "- name: unique_traders\n        data_type: {}"


@pytest.mark.parametrize("flag", [(), ("--full-refresh",)])
def test_a_rollup_of_other_types_than_declared_is_not_built(
    project: ContractedProject, flag: tuple[str, ...]
) -> None:
    before = project.query("select * from analytics.coin_daily order by day, coin")
    project.declare_rollup(COIN_COUNT.format("bigint"), COIN_COUNT.format("text"))
    project.load(fills(1, range(3)))
    message = project.error("--select", "coin_daily", *flag)
    assert "enforced contract that failed" in message
    assert "unique_traders" in message
    after = project.query("select * from analytics.coin_daily order by day, coin")
    assert after == before


@pytest.mark.any_server
def test_a_mart_is_looked_at_when_it_is_brought_up_to_date(
    project: ContractedProject,
) -> None:
    before = project.query(VERSIONS.format("analytics.by_trader"))
    project.load(fills(1, range(3)))
    project.declare_mart("text")
    message = project.error("--select", "by_trader")
    assert "enforced contract that failed" in message
    assert "fills" in message
    assert project.query(VERSIONS.format("analytics.by_trader")) == before


@pytest.mark.any_server
def test_a_changed_type_asks_for_a_full_refresh(project: ContractedProject) -> None:
    project.add_model("by_trader", TRADERS.replace("bigint", "numeric"))
    project.declare_mart("numeric")
    message = project.error("--select", "by_trader")
    assert "Types are not changed in place" in message
    assert "--full-refresh" in message
    project.run("--select", "by_trader", "--full-refresh")
    [(kind,)] = project.query(
        "select distinct pg_typeof(fills)::text from analytics.by_trader"
    )
    assert kind == "numeric"


@pytest.mark.any_server
def test_dbt_refuses_contracts_of_python_models_and_the_plugin_enforces_them(
    tmp_path: Path, pyjobs_database: psycopg.Connection[Any]
) -> None:
    """The day dbt takes them, the exception in ADR 0023 can go."""
    from pyjobs_project import PyJobsProject

    python = PyJobsProject(tmp_path, pyjobs_database)
    table = "return pa.table({'id': [1], 'n': ['many']})"
    python.model("counts", table, "id bigint!; n bigint")
    message = "column 'n', row 1, value 'many': string does not fit bigint"
    assert message in python.error()
    python.model("counts", table, "id bigint!; n bigint", "contract: {enforced: true}")
    with pytest.raises(ParsingError, match="Expected 'sql' but found 'python'"):
        python.run()


@pytest.mark.any_server
def test_numeric_columns_are_no_reason_for_warnings(
    project: ContractedProject, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    project.run("--select", "trader_daily", "--full-refresh")
    assert "rounding" not in capfd.readouterr().out
