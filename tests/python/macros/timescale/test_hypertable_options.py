"""What a hypertable model declares of TimescaleDB is changed in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Database
from hypertable_project import HypertableProject

BLOCK = {"time_column": "ts", "chunk_interval": "1 day"}
COLUMNSTORE = {"after": "7 days", "segment_by": ["exchange"], "order_by": ["ts desc"]}
SELECTS = {
    None: "select ts, exchange, price from {{ source('probe', 'ticks') }}",
    "ms": "select (extract(epoch from ts) * 1000)::bigint as ts, exchange, price"
    " from {{ source('probe', 'ticks') }}",
}
DAY_MS = 86_400_000
SETTINGS = (
    "select segmentby, orderby from"
    " timescaledb_information.hypertable_columnstore_settings"
    " where hypertable = 'analytics.candles'::regclass"
)


@pytest.fixture
def project(tmp_path: Path, database: Database) -> HypertableProject:
    made = HypertableProject(tmp_path, database.conninfo)
    made.create_sources()
    for days in (1, 3):
        made.ticks(days)
    return made


def _run(
    project: HypertableProject,
    unit: str | None = None,
    config: dict[str, Any] | None = None,
    **timescale: Any,
) -> None:
    """Write the model with these settings and run it; the table must stay the same."""
    table = "select to_regclass('analytics.candles')::oid"
    before = project.query(table)
    block = {**BLOCK, **({"time_unit": unit} if unit else {}), **timescale}
    project.add_hypertable("candles", SELECTS[unit], timescale=block, **(config or {}))
    project.run("--select", "candles")
    assert before in ([(None,)], project.query(table))


KEY = {"unique_key": ["ts", "exchange"]}


@pytest.mark.parametrize("unit", [None, "ms"])
def test_policies_are_added_altered_and_removed(
    project: HypertableProject, unit: str | None
) -> None:
    def span(days: int) -> int | str:
        return days * DAY_MS if unit else f"{days} days"

    def jobs() -> dict[str, dict[str, Any]]:
        return project.jobs("analytics.candles")

    native = project.edition == "community"
    index = [{"name": "candles_price", "columns": ["price"]}]
    config = {**KEY, "indexes": index}
    retention = {"drop_after": "3650 days"}
    _run(project, unit, config)
    assert jobs() == {}
    _run(
        project,
        unit,
        config,
        retention=retention,
        columnstore=COLUMNSTORE,
        reorder={"index": "candles_price"},
    )
    first = jobs()
    kinds = {"columnstore", "reorder", "retention"}
    names = {f"{kind} analytics.candles" for kind in kinds}
    assert names <= project.recorded().keys()
    if native:
        assert first["policy_compression"]["config"]["compress_after"] == span(7)
        assert first["policy_compression"]["schedule"] == "12:00:00"
        assert first["policy_retention"]["config"]["drop_after"] == span(3650)
        assert first["policy_reorder"]["config"]["index_name"] == "candles_price"

    changed = {
        "retention": {"drop_after": "3000 days", "schedule_interval": "2 days"},
        "columnstore": {
            **COLUMNSTORE,
            "after": "9 days",
            "schedule_interval": "5 days",
        },
        "reorder": {"index": "candles_price", "schedule_interval": "6 days"},
    }
    _run(project, unit, config, **changed)
    second = jobs()
    assert {n: j["job_id"] for n, j in second.items()} == {
        n: j["job_id"] for n, j in first.items()
    }
    if native:
        assert second["policy_compression"]["config"]["compress_after"] == span(9)
        assert second["policy_retention"]["config"]["drop_after"] == span(3000)
        schedules = {name: job["schedule"] for name, job in second.items()}
        assert schedules == {
            "policy_compression": "5 days",
            "policy_retention": "2 days",
            "policy_reorder": "6 days",
        }
    before = project.versions()
    _run(project, unit, config, **changed)
    assert jobs() == second
    assert project.versions()[0] == before[0]

    _run(project, unit, config)
    assert jobs() == {}
    assert not names & project.recorded().keys()
    assert project.count("analytics.candles") == 8


@pytest.mark.editions("apache", "community")
@pytest.mark.parametrize("unit", [None, "ms"])
def test_the_chunk_interval_alone(project: HypertableProject, unit: str | None) -> None:
    _run(project, unit, KEY)
    _run(project, unit, KEY, chunk_interval="2 days")
    [(_, span, _, now)] = project.dimensions("analytics.candles")
    assert span == ("2 days" if unit is None else str(2 * DAY_MS))
    assert now == (None if unit is None else "now_ms")
    assert project.count("analytics.candles") == 8


@pytest.mark.editions("community")
def test_columnstore_settings(project: HypertableProject) -> None:
    _run(project, None, KEY)
    assert project.query(SETTINGS) == [(None, None)]
    _run(project, None, KEY, columnstore={"segment_by": ["exchange"]})
    [(segment_by, _)] = project.query(SETTINGS)
    assert segment_by == "exchange"
    _run(
        project,
        None,
        KEY,
        columnstore={"segment_by": ["exchange"], "order_by": ["price", "ts desc"]},
    )
    assert project.query(SETTINGS) == [("exchange", "price,ts DESC")]
    assert project.jobs("analytics.candles") == {}


@pytest.mark.editions("community")
@pytest.mark.parametrize("strategy", ["merge", "sync", "delete+insert"])
def test_rows_are_merged_into_compressed_chunks(
    project: HypertableProject, strategy: str
) -> None:
    config = {**KEY, "incremental_strategy": strategy}
    columnstore = {"segment_by": ["exchange"], "order_by": ["ts desc"]}
    _run(project, None, config, columnstore=columnstore)
    project.query("select compress_chunk(c) from show_chunks('analytics.candles') as c")
    decompressed = (
        "select count(*) from _timescaledb_catalog.chunk"
        " join _timescaledb_catalog.hypertable on hypertable.id = hypertable_id"
        " where hypertable.table_name = 'candles' and chunk.status & 8 > 0"
    )
    _run(project, None, config, columnstore=columnstore)
    if strategy != "delete+insert":
        # Nothing differs: no row leaves the columnstore.
        assert project.query(decompressed) == [(0,)]
    project.execute("update probe.ticks set price = 9 where price = 4")
    project.execute("delete from probe.ticks where price = 1")
    project.ticks(5, 1)
    _run(project, None, config, columnstore=columnstore)
    wanted = project.query("select exchange, price from probe.ticks order by ts")
    if strategy != "sync":
        # What the query returns no more stays.
        wanted = [*wanted[:1], ("a", 1), *wanted[1:4], ("a", 1), *wanted[4:]]
    rows = "select exchange, price from analytics.candles order by ts"
    assert project.query(rows) == wanted


@pytest.mark.editions("apache", "community")
def test_dimensions_of_a_model(project: HypertableProject) -> None:
    _run(project, None, KEY, dimensions=[{"column": "exchange", "partitions": 2}])
    space = project.dimensions("analytics.candles")[1]
    assert space == ("exchange", None, 2, None)
    _run(project, None, KEY, dimensions=[{"column": "exchange", "partitions": 4}])
    assert project.dimensions("analytics.candles")[1] == ("exchange", None, 4, None)
    assert project.count("analytics.candles") == 8


def test_a_model_without_key_or_index_gets_one_on_its_time(
    project: HypertableProject,
) -> None:
    _run(project, None, {"incremental_strategy": "append"})
    found = project.query(
        "select indexdef from pg_indexes"
        " where schemaname = 'analytics' and tablename = 'candles'"
    )
    assert [row[0].partition(" USING ")[2] for row in found] == ["btree (ts DESC)"]


def test_indexes_come_and_go(project: HypertableProject) -> None:
    def defined() -> list[str]:
        found = project.query(
            "select indexdef from pg_indexes"
            " where schemaname = 'analytics' and tablename = 'candles'"
        )
        return sorted(row[0].partition(" USING ")[2] for row in found)

    key = "btree (ts, exchange)"
    _run(project, None, KEY)
    assert defined() == [key]
    project.execute("create index by_hand on analytics.candles (price)")
    declared: list[dict[str, Any]] = [
        {"columns": ["exchange", "ts desc"]},
        {"columns": ["exchange"], "type": "brin", "where": "price > 2"},
        {"columns": ["price"], "name": "candles_price"},
    ]
    _run(project, None, {**KEY, "indexes": declared})
    made = ["brin (exchange) WHERE (price > (2)::numeric)", "btree (exchange, ts DESC)"]
    by_hand = "btree (price)"
    assert defined() == sorted([key, *made, by_hand, by_hand])
    ids = (
        "select indexrelid from pg_index"
        " where indrelid = 'analytics.candles'::regclass order by 1"
    )
    before = project.query(ids)
    _run(project, None, {**KEY, "indexes": declared})
    assert project.query(ids) == before

    # What is declared no more goes, if its name says that dbt made it.
    _run(project, None, {**KEY, "indexes": declared[:1]})
    assert defined() == sorted([key, made[1], by_hand, by_hand])
    # Another key takes the place of the old one.
    _run(project, None, {"unique_key": ["exchange", "ts"]})
    assert defined() == sorted(["btree (exchange, ts)", by_hand, by_hand])
