"""dbt's own settings on hypertable models mean what they do on incremental ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Database
from hypertable_project import HypertableProject

SELECT = "select ts, exchange, price from {{ source('probe', 'ticks') }}"
WIDER = "select ts, exchange, price, 'x' as flag from {{ source('probe', 'ticks') }}"
NARROWER = "select ts, exchange from {{ source('probe', 'ticks') }}"
BLOCK = {
    "time_column": "ts",
    "chunk_interval": "1 day",
    "columnstore": {"segment_by": ["exchange"], "order_by": ["ts desc"]},
}
COLUMNS: list[dict[str, Any]] = [
    {"name": "ts", "data_type": "timestamptz", "constraints": [{"type": "not_null"}]},
    {"name": "exchange", "data_type": "text"},
    {"name": "price", "data_type": "numeric"},
]
KEY = ["ts", "exchange"]
CHECK = {"type": "check", "expression": "price >= 0"}


@pytest.fixture
def project(tmp_path: Path, database: Database) -> HypertableProject:
    made = HypertableProject(tmp_path, database.conninfo)
    made.create_sources()
    made.ticks(1)
    made.ticks(3)
    return made


def _write(project: HypertableProject, select: str = SELECT, **options: Any) -> None:
    options = {"timescale": BLOCK, "unique_key": KEY, **options}
    project.add_hypertable("candles", select, **options)


def _build(project: HypertableProject, select: str = SELECT, **options: Any) -> None:
    """Write the model, run it and put what it holds into the columnstore."""
    _write(project, select, **options)
    project.run("--select", "candles")
    if project.edition == "community":
        chunks = "select compress_chunk(c) from show_chunks('analytics.candles') as c"
        assert len(project.query(chunks)) == 2


def _columns(project: HypertableProject) -> list[str]:
    found = project.query(
        "select attname::text from pg_attribute"
        " where attrelid = 'analytics.candles'::regclass and attnum > 0"
        " and not attisdropped order by attnum"
    )
    return [name for (name,) in found]


def _is_hypertable(project: HypertableProject) -> bool:
    if project.edition == "postgres":
        return True
    return len(project.dimensions("analytics.candles")) == 1


def test_grants_are_given_and_taken_back(project: HypertableProject) -> None:
    may = "select has_table_privilege('pg_monitor', 'analytics.candles', 'select')"
    granted = "select xmin::text from pg_class where relname = 'candles'"
    _build(project, grants={"select": ["pg_monitor"]})
    assert project.query(may) == [(True,)]
    before = project.query(granted)
    project.run("--select", "candles")
    assert project.query(granted) == before
    _write(project, grants={"select": []})
    project.run("--select", "candles")
    assert project.query(may) == [(False,)]


def test_a_contract_is_enforced_on_every_run(project: HypertableProject) -> None:
    contract = {"contract": {"enforced": True}}
    checked = [*COLUMNS[:2], COLUMNS[2] | {"constraints": [CHECK]}]
    project.write_yaml("candles", config=contract, columns=checked)
    _build(project, on_schema_change="append_new_columns")
    assert _is_hypertable(project)
    [(not_null,)] = project.query(
        "select attnotnull from pg_attribute"
        " where attrelid = 'analytics.candles'::regclass and attname = 'ts'"
    )
    assert not_null

    # The select keeps the contract, a row does not.
    project.execute(
        "insert into probe.ticks (ts, exchange, price) values (now(), 'a', -1)"
    )
    assert "check constraint" in project.error("--select", "candles")
    project.execute("delete from probe.ticks where price < 0")
    # The select breaks it.
    for flags in ((), ("--full-refresh",)):
        _write(
            project,
            SELECT.replace("price", "price::text as price"),
            on_schema_change="append_new_columns",
        )
        message = project.error("--select", "candles", *flags)
        for part in ("contract", "price"):
            assert part in message
    assert project.count("analytics.candles") == 8


@pytest.mark.parametrize(
    ("mode", "key", "select", "columns"),
    [
        (None, KEY, WIDER, "ts exchange price"),
        ("ignore", None, WIDER, "ts exchange price"),
        ("append_new_columns", KEY, WIDER, "ts exchange price flag"),
        ("append_new_columns", None, NARROWER, "ts exchange price"),
        ("sync_all_columns", KEY, NARROWER, "ts exchange"),
        ("sync_all_columns", None, WIDER, "ts exchange price flag"),
    ],
)
def test_on_schema_change(
    project: HypertableProject,
    mode: str | None,
    key: list[str] | None,
    select: str,
    columns: str,
) -> None:
    newest = (
        "{% if is_incremental() %} where ts > (select max(ts) from {{ this }})"
        " {% endif %}"
    )
    options: dict[str, Any] = {"on_schema_change": mode} if mode else {}
    if key is not None:
        options["unique_key"] = key
    project.add_hypertable("candles", SELECT + newest, timescale=BLOCK, **options)
    project.run("--select", "candles")
    if project.edition == "community":
        project.query(
            "select compress_chunk(c) from show_chunks('analytics.candles') as c"
        )
    oid = project.query("select 'analytics.candles'::regclass::oid")
    project.add_hypertable("candles", select + newest, timescale=BLOCK, **options)
    project.ticks(0, 1)
    for _ in range(2):
        project.run("--select", "candles")
        assert _columns(project) == columns.split()
        assert project.count("analytics.candles") == 9
    assert project.query("select 'analytics.candles'::regclass::oid") == oid
    assert _is_hypertable(project)
    if "flag" in columns:
        flags = "select flag, count(*) from analytics.candles group by 1 order by 1"
        assert project.query(flags) == [("x", 1), (None, 8)]


@pytest.mark.parametrize("select", [WIDER, NARROWER])
def test_on_schema_change_fail(project: HypertableProject, select: str) -> None:
    _build(project, on_schema_change="fail")
    _write(project, select, on_schema_change="fail")
    project.ticks(0, 1)
    message = project.error("--select", "candles")
    assert "out of sync" in message
    assert _columns(project) == ["ts", "exchange", "price"]
    assert project.count("analytics.candles") == 8


def test_sync_says_what_to_do_about_another_column(project: HypertableProject) -> None:
    _build(project, incremental_strategy="sync")
    _write(project, WIDER, incremental_strategy="sync")
    message = project.error("--select", "candles")
    for part in ("flag", "on_schema_change='sync_all_columns'"):
        assert part in message
    # It would select everything again into the same columns.
    assert "--full-refresh" not in message
    _write(
        project,
        WIDER,
        incremental_strategy="sync",
        on_schema_change="sync_all_columns",
    )
    assert project.run("--select", "candles")["candles"] == "SYNC 8"
    assert _columns(project) == ["ts", "exchange", "price", "flag"]


def test_descriptions_are_comments_written_once(project: HypertableProject) -> None:
    columns = [{**COLUMNS[2], "description": "How much, exactly."}]
    project.write_yaml("candles", description="One row per tick.", columns=columns)
    _build(project, persist_docs={"relation": True, "columns": True})
    comments = (
        "select obj_description('analytics.candles'::regclass, 'pg_class'),"
        " col_description('analytics.candles'::regclass, 3)"
    )
    assert project.query(comments) == [("One row per tick.", "How much, exactly.")]
    versions = "select xmin::text, description from pg_description order by 1, 2"
    before = project.query(versions)
    project.run("--select", "candles")
    assert project.query(versions) == before
    project.write_yaml("candles", description="A tick.", columns=columns)
    project.run("--select", "candles")
    assert project.query(comments) == [("A tick.", "How much, exactly.")]


def test_hooks_run_and_tags_select(project: HypertableProject) -> None:
    project.execute("create table public.said (what text)")
    _write(
        project,
        tags=["slow"],
        pre_hook=[_say("before"), _say("alone before", transaction=False)],
        post_hook=[_say("after"), _say("alone after", transaction=False)],
    )
    said = ["alone before", "before", "after", "alone after"]
    for times in (1, 2):
        assert project.run("--select", "tag:slow").keys() >= {"candles"}
        found = project.query("select what from public.said order by ctid")
        assert [what for (what,) in found] == said * times
    # Of a run that fails, what was said inside its transaction is taken back.
    _write(
        project,
        f"{SELECT} where 1 / (price::int - price::int) = 1",
        pre_hook=[_say("before"), _say("alone before", transaction=False)],
    )
    project.error("--select", "candles")
    found = project.query("select what from public.said order by ctid")
    assert [what for (what,) in found] == [*said * 2, "alone before"]


def _say(what: str, *, transaction: bool = True) -> dict[str, Any]:
    sql = f"insert into public.said values ('{what}')"
    return {"sql": sql, "transaction": transaction}


def test_full_refresh_keeps_what_the_source_has_no_more(
    project: HypertableProject,
) -> None:
    _build(project)
    oid = "select 'analytics.candles'::regclass::oid"
    before = project.query(oid)
    project.execute("delete from probe.ticks where ts < now() - interval '2 days'")
    refresh = ("--full-refresh", "--select", "candles")
    for flags in ((), ("--vars", "rebuild_hypertables: [another]")):
        project.run(*refresh, *flags)
        assert project.count("analytics.candles") == 8
        assert project.query(oid) == before

    # A rebuild that fails leaves what was there; one that does not is a new table.
    named = ("--vars", "rebuild_hypertables: candles", "--select", "candles")
    _write(project, f"{SELECT} where 1 / (price::int - price::int) = 1")
    project.error(*named)
    assert project.count("analytics.candles") == 8
    assert project.query(oid) == before
    _write(project)
    project.run(*named)
    assert project.count("analytics.candles") == 4
    assert project.query(oid) != before
    assert _is_hypertable(project)
