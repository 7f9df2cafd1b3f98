"""incremental_strategy sync: the rows that differ are written, no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Database
from rollup_project import RollupProject, fills

pytestmark = pytest.mark.any_server


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = RollupProject(tmp_path, database.conninfo)
    # Rows get another key here, which the server refuses in a chunk it has compressed.
    with made.edit_source("fills") as table:
        table["config"]["meta"]["timescale"].pop("columnstore")
    made.create_sources()
    return made


SYNCED = """
{{ config(materialized='incremental', incremental_strategy='sync', unique_key='coin') }}
select coin, sum(sz) as total, max(dir) as dir
from {{ source('hyperliquid', 'fills') }} group by coin
"""


def test_sync_writes_what_differs(project: RollupProject) -> None:
    project.add_model("synced", SYNCED)
    project.load(fills(0, range(4)))
    select = ("--select", "synced")
    assert project.run(*select)["synced"] == "SELECT 4"
    versions = "select coin, ctid::text, xmin::text from analytics.synced order by coin"
    before = project.query(versions)
    assert project.run(*select)["synced"] == "SYNC 0"
    assert project.query(versions) == before

    project.run(*select, "--empty")
    assert project.query(versions) == before

    project.execute("delete from hyperliquid.fills where coin = '#12'")
    project.execute("update hyperliquid.fills set sz = sz + 1 where coin = 'BTC'")
    project.execute("update hyperliquid.fills set coin = 'SOL' where coin = 'ETH'")
    assert project.run(*select)["synced"] == "SYNC 4"
    after = project.query(versions)
    assert {row[0] for row in after} == {"@142", "BTC", "SOL"}
    assert set(before) & set(after) == {row for row in before if row[0] == "@142"}
    assert project.query(
        "select count(*) from analytics.synced"
        " join (select coin, sum(sz) as total from hyperliquid.fills group by 1) as f"
        " using (coin, total)"
    ) == [(3,)]


def test_sync_compares_null_as_a_value(project: RollupProject) -> None:
    project.add_model("synced", SYNCED)
    project.load(fills(0, range(4)))
    select = ("--select", "synced")
    project.execute("update hyperliquid.fills set dir = null where coin = 'BTC'")
    project.run(*select)
    assert project.run(*select)["synced"] == "SYNC 0"
    project.execute("update hyperliquid.fills set dir = 'Buy' where coin = 'BTC'")
    assert project.run(*select)["synced"] == "SYNC 1"


def test_indexes_that_are_declared_stay(project: RollupProject) -> None:
    columns = ["dir text_pattern_ops desc", 'coin collate "C"', "lower(dir)", "TOTAL"]
    indexes = [{"columns": columns}, {"columns": ["total asc"]}]
    project.add_model(
        "synced", SYNCED.replace("unique_key=", f"indexes={indexes}, unique_key=")
    )
    project.load(fills(0, range(4)))
    select = ("--select", "synced")
    project.run(*select)
    found = (
        "select indexrelid from pg_index where indrelid = 'analytics.synced'::regclass"
        " order by 1"
    )
    project.run(*select)
    before = project.query(found)
    assert len(before) == 3
    project.run(*select)
    assert project.query(found) == before

    # One of them is another one.
    project.add_model(
        "synced", SYNCED.replace("unique_key=", f"indexes={indexes[:1]}, unique_key=")
    )
    project.run(*select)
    kept = project.query(found)
    assert len(kept) == 2
    assert set(kept) < set(before)


def test_sync_refuses_two_rows_of_one_key(project: RollupProject) -> None:
    project.add_model("synced", SYNCED.replace("max(dir) as dir", "dir") + ", dir")
    opened = [row | {"dir": "Open Long"} for row in fills(0, range(4))]
    project.load(opened)
    select = ("--select", "synced")
    project.run(*select)
    before = project.query("select * from analytics.synced order by coin")
    # The row of the other direction stays as it is stored.
    row = next(row for row in fills(0, [5]) if row["coin"] == "ETH")
    project.load([row | {"dir": "Close Long"}])
    message = project.error(*select)
    assert "synced yields 2 rows of one key: (coin) = (ETH)" in message
    assert project.query("select * from analytics.synced order by coin") == before


def test_sync_refuses_what_it_cannot_do(project: RollupProject) -> None:
    project.add_model("synced", SYNCED)
    project.load(fills(0, range(4)))
    select = ("--select", "synced")
    project.run(*select)
    project.add_model("synced", SYNCED.replace("as dir", "as wording"))
    message = project.error(*select)
    assert "dir, wording" in message
    assert "--full-refresh" in message
    project.add_model("synced", SYNCED.replace(", unique_key='coin'", ""))
    assert "unique_key" in project.error(*select)
