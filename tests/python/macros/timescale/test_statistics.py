"""What the planner knows of a raw table when a build begins right after a load."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from conftest import Database
from rollup_project import START, RollupProject

FILLS = 40_000
#: Fills of ten seconds, one a second. Where nothing is summarized, all pages are read.
RANGE = f"""
    explain (analyze, buffers, format json)
    select count(*) from hyperliquid.fills
    where time between {START + 20_000_000} and {START + 20_010_000}
"""


@pytest.fixture
def project(tmp_path: Path, database: Database, edition: str) -> RollupProject:
    if edition != "postgres":
        pytest.skip("chunks of a hypertable are left out by their ranges")
    made = RollupProject(tmp_path, database.conninfo)
    made.create_sources()
    # It does the same by itself, at some time.
    made.execute("alter table hyperliquid.fills set (autovacuum_enabled = off)")
    return made


def load(project: RollupProject, first: int, time: str = "1000 * n") -> None:
    project.execute(
        f"""
        insert into hyperliquid.fills
            (time, user_address, coin, px, sz, side, dir, start_position, closed_pnl,
             fee, fee_token, crossed, hash, oid, tid, load_id)
        select
            {START} + {time}, '0x' || repeat('0', 40), 'BTC', 1, 1, 'B', 'Open Long',
            0, 0, 0, 'USDC', true, repeat('0', 64), n, n + 1, 0
        from generate_series({first}, {first + FILLS - 1}) as series (n)
        """
    )


def analyzed_rows(project: RollupProject) -> float:
    [(rows,)] = project.query(
        "select reltuples from pg_class where oid = 'hyperliquid.fills'::regclass"
    )
    return float(rows)


def pages_read(project: RollupProject) -> tuple[int, int]:
    """Return the pages that are read for ten seconds of fills, and those there are."""
    with psycopg.connect(**project.conninfo) as conn:
        conn.execute("set enable_seqscan = off")
        [(plan,)] = conn.execute(RANGE).fetchall()
        [(pages,)] = conn.execute(
            "select pg_relation_size('hyperliquid.fills') / 8192"
        ).fetchall()
    node = plan[0]["Plan"]
    return node["Shared Hit Blocks"] + node["Shared Read Blocks"], pages


def test_a_build_begins_with_the_statistics_of_what_was_loaded(
    project: RollupProject,
) -> None:
    load(project, 0)
    assert analyzed_rows(project) == -1
    read, pages = pages_read(project)
    assert read > 0.9 * pages
    project.run("--select", "coin_daily")
    assert analyzed_rows(project) == FILLS
    read, pages = pages_read(project)
    assert read < pages / 4


def test_strays_do_not_widen_the_ranges_of_pages(project: RollupProject) -> None:
    """An insert may fill pages that another one, long before, took and left empty."""
    load(project, 0, "1000 * n + case when n % 1000 = 0 then 40000000 else 0 end")
    project.run("--select", "coin_daily")
    read, pages = pages_read(project)
    assert read < pages / 4


def test_a_few_new_rows_are_left_to_the_server(project: RollupProject) -> None:
    load(project, 0)
    project.run("--select", "coin_daily")
    project.execute(f"delete from hyperliquid.fills where time < {START + 100_000}")
    project.run("--select", "coin_daily")
    assert analyzed_rows(project) == FILLS
    load(project, FILLS)
    project.run("--select", "coin_daily")
    assert analyzed_rows(project) == pytest.approx(2 * FILLS - 100, rel=0.01)
