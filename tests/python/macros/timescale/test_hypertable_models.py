"""The materialization `hypertable`: rows come in, none is ever lost to a rebuild."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Database
from hypertable_project import HypertableProject

BLOCK = {"time_column": "ts", "chunk_interval": "1 day"}
SELECT = "select ts, exchange, price from {{ source('probe', 'ticks') }}"
INTEGERS = (
    "select (extract(epoch from ts) * 1000)::bigint as ts, exchange, price"
    " from {{ source('probe', 'ticks') }}"
)


@pytest.fixture
def project(tmp_path: Path, database: Database) -> HypertableProject:
    made = HypertableProject(tmp_path, database.conninfo)
    made.create_sources()
    made.ticks(1)
    made.ticks(3)
    return made


def _rows(project: HypertableProject) -> list[tuple[Any, ...]]:
    return project.query("select xmin::text, * from analytics.candles order by ts")


@pytest.mark.parametrize("unit", [None, "ms"])
def test_rows_are_merged_and_never_rebuilt(
    project: HypertableProject, unit: str | None
) -> None:
    block = BLOCK if unit is None else {**BLOCK, "time_unit": unit}
    project.add_hypertable(
        "candles",
        SELECT if unit is None else INTEGERS,
        unique_key=["ts", "exchange"],
        indexes=[{"columns": ["price"]}],
        timescale={**block, "retention": {"drop_after": "3650 days"}},
    )
    project.run("--select", "candles")
    first = _rows(project)
    assert len(first) == 8
    if project.edition != "postgres":
        span = "1 day" if unit is None else "86400000"
        now = None if unit is None else "now_ms"
        assert project.dimensions("analytics.candles") == [("ts", span, None, now)]
    if project.edition == "community":
        [job] = project.jobs("analytics.candles").values()
        kept = 3650 * 86_400_000 if unit else "3650 days"
        assert job["config"]["drop_after"] == kept

    before = project.versions()
    project.run("--select", "candles")
    assert project.versions()[0] == before[0]
    assert project.versions()[2:] == before[2:]
    assert _rows(project) == first

    # A changed row is written, a new one added, and one that is gone stays.
    project.execute("update probe.ticks set price = 9 where price = 4")
    project.execute("delete from probe.ticks where price = 1")
    project.ticks(5, 1)
    project.run("--full-refresh", "--select", "candles")
    after = _rows(project)
    assert [row[1:] for row in after if row[3] == 1] == [
        row[1:] for row in [after[0], *first] if row[3] == 1
    ]
    assert len(after) == 9
    assert sum(row in first for row in after) == 6

    project.run("--empty", "--select", "candles")
    assert _rows(project) == after
    project.run("--select", "candles", "--vars", "rebuild_hypertables: [candles]")
    assert len(_rows(project)) == 7
    [(indexes,)] = project.query(
        "select count(*) from pg_indexes where tablename = 'candles'"
        " and schemaname = 'analytics'"
    )
    assert indexes == 2


def test_append_sync_and_conversion(project: HypertableProject) -> None:
    # A table with rows is there already, and is converted with them.
    project.execute("create schema if not exists analytics")
    project.execute(
        "create table analytics.candles as"
        " select ts - interval '9 days' as ts, exchange, price from probe.ticks"
    )
    only_new = (
        "{% if is_incremental() %}"
        " where ts > (select max(ts) from {{ this }})"
        " {% endif %}"
    )
    project.add_hypertable("candles", f"{SELECT} {only_new}", timescale=BLOCK)
    for options in ((), (), ("--full-refresh",)):
        project.run("--select", "candles", *options)
        assert project.count("analytics.candles") == 16
    if project.edition != "postgres":
        assert len(project.dimensions("analytics.candles")) == 1

    # Its content is the select's, row by row.
    project.add_hypertable(
        "candles",
        SELECT,
        timescale=BLOCK,
        unique_key=["ts", "exchange"],
        incremental_strategy="sync",
    )
    assert project.run("--select", "candles")["candles"] == "SYNC 8"
    assert project.run("--select", "candles")["candles"] == "SYNC 0"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"timescale": {"time_column": "ts"}}, ["candles", "chunk_interval"]),
        ({"timescale": {**BLOCK, "chunk": "1 day"}}, ["candles", "'chunk'"]),
        (
            {"timescale": BLOCK, "unique_key": ["exchange"]},
            ["candles", "unique_key (exchange)", "time column ts"],
        ),
        (
            {"timescale": BLOCK, "incremental_strategy": "merge"},
            ["candles", "'merge'", "unique_key"],
        ),
        ({"timescale": {**BLOCK, "chunk_interval": "a day"}}, ["'a day'"]),
        ({"timescale": {**BLOCK, "retention": {"after": "9 days"}}}, ["drop_after"]),
    ],
)
@pytest.mark.any_server
def test_what_cannot_be_is_refused(
    project: HypertableProject, options: dict[str, Any], parts: list[str]
) -> None:
    project.add_hypertable("candles", SELECT, **options)
    message = project.error("--select", "candles")
    for part in parts:
        assert part in message


@pytest.mark.any_server
def test_a_view_gives_way_and_a_materialized_view_does_not(
    project: HypertableProject,
) -> None:
    project.execute("create schema if not exists analytics")
    project.execute("create view analytics.candles as select 1 as one")
    project.add_hypertable("candles", SELECT, timescale=BLOCK)
    project.run("--select", "candles")
    assert project.count("analytics.candles") == 8
    project.execute("drop table analytics.candles")
    project.execute("create materialized view analytics.candles as select 1 as one")
    message = project.error("--select", "candles")
    assert "materialized_view" in message
    assert project.count("analytics.candles") == 1
