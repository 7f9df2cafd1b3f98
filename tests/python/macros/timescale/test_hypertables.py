"""Source tables as hypertables: made, converted with their rows, altered in place."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Database
from hypertable_project import HypertableProject, recent_fills

RELATIONS = {"hyperliquid.fills": "fills", "probe.ticks": "ticks"}


@pytest.fixture
def empty(tmp_path: Path, database: Database) -> HypertableProject:
    return HypertableProject(tmp_path, database.conninfo)


@pytest.fixture
def project(empty: HypertableProject) -> HypertableProject:
    empty.create_sources()
    return empty


def _fill(project: HypertableProject) -> None:
    for days in (1, 3):
        project.load(recent_fills(days))
        project.ticks(days)


def test_both_time_types(project: HypertableProject) -> None:
    if project.edition == "postgres":
        assert project.query("select to_regnamespace('timescaledb_information')") == [
            (None,)
        ]
    else:
        assert project.dimensions("hyperliquid.fills") == [
            ("time", "86400000", None, "now_ms")
        ]
        assert project.dimensions("probe.ticks") == [("ts", "1 day", None, None)]
        assert project.query(
            "select provolatile::text from pg_proc where proname = 'now_ms'"
        ) == [("s",)]
    _fill(project)
    assert project.count("hyperliquid.fills") == 64
    [(seconds,)] = (
        project.query(
            "select abs(hyperliquid.now_ms() / 1000 - extract(epoch from now()))"
        )
        if project.edition != "postgres"
        else [(0,)]
    )
    assert seconds < 5


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_plain_table_is_converted_with_its_rows(
    empty: HypertableProject, relation: str
) -> None:
    project = empty
    project.create_sources()
    _fill(project)
    schema, name = relation.split(".")
    # The same table as a plain one, with its rows and keys, as an upgrade leaves it.
    project.execute(f"create table public.copy (like {relation} including all)")
    project.execute(f"insert into public.copy select * from {relation}")
    order = "time, tid, side" if name == "fills" else "ts"
    rows = project.query(f"select * from {relation} order by {order}")
    project.execute(f"drop table {relation} cascade")
    project.execute(f"alter table public.copy set schema {schema}")
    project.execute(f"alter table {schema}.copy rename to {name}")
    project.create_sources()
    assert project.query(f"select * from {relation} order by {order}") == rows
    if project.edition != "postgres":
        [(chunks,)] = project.query(
            "select count(*) from timescaledb_information.chunks"
            f" where hypertable_schema = '{schema}' and hypertable_name = '{name}'"
        )
        assert chunks == 2
        assert len(project.dimensions(relation)) == 1


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_chunk_interval_alone(project: HypertableProject, relation: str) -> None:
    _fill(project)
    rows = project.count(relation)
    jobs = project.jobs(relation)
    project.declare(RELATIONS[relation], chunk_interval="2 days")
    project.create_sources()
    assert project.count(relation) == rows
    assert project.jobs(relation) == jobs
    if project.edition != "postgres":
        [(_, span, _, _)] = project.dimensions(relation)
        assert span == ("172800000" if relation == "hyperliquid.fills" else "2 days")
    before = project.versions()
    project.create_sources()
    assert project.versions() == before


def test_columnstore_settings_alone(project: HypertableProject) -> None:
    settings = (
        "select segmentby, orderby from"
        " timescaledb_information.hypertable_columnstore_settings"
        " where hypertable = 'hyperliquid.fills'::regclass"
    )
    community = project.edition == "community"
    if community:
        assert project.query(settings) == [("user_address", 'coin,"time"')]
    jobs = project.jobs()
    project.declare(
        columnstore={
            "after": "7 days",
            "segment_by": ["coin"],
            "order_by": ["time desc", "tid"],
        }
    )
    project.create_sources()
    assert project.jobs() == jobs
    if community:
        assert project.query(settings) == [("coin", '"time" DESC,tid')]
    before = project.versions()
    project.create_sources()
    assert project.versions() == before


def test_a_columnstore_that_is_no_longer_declared_keeps_its_rows(
    project: HypertableProject,
) -> None:
    _fill(project)
    project.declare(columnstore=None)
    project.create_sources()
    assert project.jobs() == {}
    assert project.count("hyperliquid.fills") == 64


@pytest.mark.editions("apache", "community")
def test_integer_now_is_given_to_a_hypertable_without(empty: HypertableProject) -> None:
    empty.create_sources()
    empty.execute("drop table hyperliquid.fills")
    empty.execute("drop function hyperliquid.now_ms")
    columns = "time bigint not null, user_address text not null"
    empty.execute(f"create table hyperliquid.fills ({columns})")
    empty.execute(
        "select create_hypertable('hyperliquid.fills',"
        " by_range('time', 86400000::bigint))"
    )
    with empty.edit_source("fills") as table:
        table["columns"] = table["columns"][:2]
        block = table["config"]["meta"]["timescale"]
        block.pop("unique_keys")
        block["columnstore"]["order_by"] = ["time"]
    empty.create_sources()
    assert empty.dimensions("hyperliquid.fills") == [
        ("time", "86400000", None, "now_ms")
    ]


@pytest.mark.editions("apache", "community")
def test_dimensions(project: HypertableProject) -> None:
    project.declare("ticks", dimensions=[{"column": "exchange", "partitions": 2}])
    project.create_sources()
    assert project.dimensions("probe.ticks")[1] == ("exchange", None, 2, None)
    project.ticks(1)
    project.declare("ticks", dimensions=[{"column": "exchange", "partitions": 4}])
    project.create_sources()
    assert project.dimensions("probe.ticks")[1] == ("exchange", None, 4, None)
    before = project.versions()
    project.create_sources()
    assert project.versions() == before

    project.declare("ticks", dimensions=None)
    message = project.error("--select", "live_jobs")
    for part in ("probe.ticks", "exchange", "cannot be removed", "partitions: 4"):
        assert part in message


@pytest.mark.editions("apache", "community")
def test_a_dimension_of_a_table_with_rows_is_refused(
    project: HypertableProject,
) -> None:
    project.ticks(1)
    project.declare("ticks", dimensions=[{"column": "exchange", "partitions": 2}])
    message = project.error("--select", "live_jobs")
    for part in ("exchange", "probe.ticks", "has rows"):
        assert part in message
    assert project.count("probe.ticks") == 4


def test_another_time_column_is_refused(project: HypertableProject) -> None:
    project.declare(time_column="block_number")
    if project.edition == "postgres":
        project.create_sources()
        return
    message = project.error("--select", "live_jobs")
    for part in ("hyperliquid.fills", "over time", "over block_number"):
        assert part in message


def test_keys_hold_on_hypertables(project: HypertableProject) -> None:
    _fill(project)
    indexes = {
        name
        for (name,) in project.query(
            "select indexname from pg_indexes where schemaname = 'hyperliquid'"
        )
    }
    assert {"fills_trade_key", "fills_dust_key"} <= indexes
    # Chunks do what this one does on a plain table.
    assert ("fills_time_brin" in indexes) == (project.edition == "postgres")
    with pytest.raises(Exception, match="duplicate key"):
        project.load(recent_fills(1))
