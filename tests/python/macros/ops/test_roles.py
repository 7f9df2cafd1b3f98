"""The three roles: each does its work, through the project's commands, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from loading import fill, fills, parquet
from psycopg import sql
from role_commands import RoleDatabase, dropped_with_roles
from simulated import WITHOUT_TESTS, WITHOUT_UNIT_TESTS

pytestmark = pytest.mark.slow

LOADER, TRANSFORMER, READER = "vigil_loader", "vigil_transformer", "vigil_reader"
RAW = ("market_data.btc_ticks", "market_data.window_5m")
READ_SCHEMAS = ("analytics", "signals", "market_data", "reference")

RELATIONS = """
    select format('%%I.%%I', nspname, relname)
    from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid
    where relkind in ('r', 'v', 'm') and nspname = any(%s) order by 1
"""


@pytest.fixture(scope="module")
def deployed(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RoleDatabase]:
    """A database in which each role has done its work, twice."""
    info = make_database()
    with dropped_with_roles(info):
        database = RoleDatabase(info, tmp_path_factory.mktemp("roles"))
        database.dbt(str(info["user"]), "run-operation", "create_roles")
        database.dbt(TRANSFORMER, "run-operation", "create_sources")
        scratch = database.scratch
        day = ("--ticks", "2000", "--days", "1", "--venues", "coinbase")
        database.run(LOADER, "simulation", "ticks", scratch / "tape", *day)
        database.load("ticks", scratch / "tape/ticks")
        database.load("fills", parquet(scratch / "first.parquet", fills(60)))
        database.dbt(TRANSFORMER, "build", *WITHOUT_TESTS)
        # Some rows are there already: those go through a temporary table. One is bad.
        rows = [*fills(90, first=30), fill(200, px="none")]
        second = parquet(scratch / "second.parquet", rows)
        database.load("fills", second, "--max-bad-rows", "50%")
        database.dbt(TRANSFORMER, "build", *WITHOUT_UNIT_TESTS)
        yield database


@pytest.fixture
def connect(
    deployed: RoleDatabase,
) -> Iterator[Callable[[str], psycopg.Connection[Any]]]:
    """Connect as one of the roles."""
    made: list[psycopg.Connection[Any]] = []

    def as_role(user: str) -> psycopg.Connection[Any]:
        made.append(deployed.connect(user))
        return made[-1]

    yield as_role
    for conn in made:
        conn.close()


Connect = Callable[[str], psycopg.Connection[Any]]


def rows(conn: psycopg.Connection[Any], relation: str) -> int:
    name = sql.Identifier(*relation.split("."))
    query = sql.SQL("select count(*) from {}").format(name)
    [[count]] = conn.execute(query).fetchall()
    return int(count)


def relations(conn: psycopg.Connection[Any], *schemas: str) -> list[str]:
    return [name for (name,) in conn.execute(RELATIONS, [list(schemas)])]


def test_each_role_has_done_its_work(connect: Connect) -> None:
    loader, transformer, reader = map(connect, (LOADER, TRANSFORMER, READER))
    assert rows(loader, "hyperliquid.fills") == 120
    assert rows(loader, "market_data.btc_ticks") > 0
    assert rows(transformer, "ingestion.quarantine") == 1
    assert rows(transformer, "ingestion.applied_loads") > 0
    assert rows(reader, "analytics.coin_daily") > 0
    [[volume]] = reader.execute("select sum(volume) from analytics.coin_daily")
    [[expected]] = transformer.execute("select sum(px * sz) from hyperliquid.fills")
    assert volume == expected


def test_the_reader_reads_all_that_is_built_and_nothing_raw(connect: Connect) -> None:
    reader = connect(READER)
    names = relations(reader, *READ_SCHEMAS)
    built = [name for name in names if name not in RAW]
    assert {"analytics.trader_profiles", "signals.btc_similar_windows"} <= set(built)
    assert set(RAW) < set(names)
    for name in built:
        rows(reader, name)
    hidden = relations(reader, "hyperliquid", "ingestion", "ops", "staging")
    assert {"ops.live_jobs", "staging.stg_hyperliquid__fills"} <= set(hidden)
    for name in [*RAW, *hidden]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(reader, name)


def test_the_reader_calls_the_functions(connect: Connect) -> None:
    reader = connect(READER)
    [[bucket]] = reader.execute("select max(bucket) from signals.btc_embeddings")
    nearest = "select * from signals.similar_windows(%s, 3)"
    assert reader.execute(nearest, [bucket]).fetchall()
    candles = (
        "select * from market_data.candles_filled('1 minute', %(at)s::timestamptz,"
        " %(at)s::timestamptz + interval '5 minutes', 'coinbase')"
    )
    assert len(reader.execute(candles, {"at": bucket}).fetchall()) == 5


REFUSED = {
    LOADER: [
        "select count(*) from analytics.coin_daily",
        "select count(*) from signals.btc_embeddings",
        "delete from hyperliquid.fills",
        "truncate market_data.btc_ticks",
        "delete from ingestion.load_log",
        "update ingestion.load_log set rows_loaded = 0",
        "delete from ingestion.quarantine",
        "insert into ingestion.applied_loads select",
        "insert into ops.retention_marks select",
        "insert into ops.schema_version values (99, 'mine', '9')",
        "drop table hyperliquid.fills",
        "alter table hyperliquid.fills add column mine int",
        "create table hyperliquid.mine (a int)",
        "create table public.mine (a int)",
        "create schema mine",
        "set role vigil_transformer",
        "copy hyperliquid.fills to '/tmp/fills'",
    ],
    TRANSFORMER: [
        "insert into hyperliquid.fills select * from hyperliquid.fills limit 1",
        "update hyperliquid.fills set px = 0",
        "delete from hyperliquid.fills",
        "truncate hyperliquid.fills",
        "insert into market_data.btc_ticks select * from market_data.btc_ticks limit 1",
        "delete from ingestion.load_log",
        "update ingestion.load_log set rows_loaded = 0",
        "insert into ingestion.stream_offsets select",
        "create role mine",
        "alter role vigil_reader superuser",
        "create database mine",
        "set role vigil_loader",
        "create table public.mine (a int)",
        "copy hyperliquid.fills to program 'cat'",
        "select pg_read_file('/etc/passwd')",
        "alter system set work_mem = '1GB'",
    ],
    READER: [
        "insert into market_data.window_5m select",
        "update analytics.trader_profiles set net_pnl = 0",
        "delete from analytics.trader_cohorts",
        "truncate signals.btc_similar_windows",
        "drop table analytics.trader_positions",
        "create table analytics.mine (a int)",
        "create temporary table mine (a int)",
        "create schema mine",
        "set role vigil_transformer",
        "alter role vigil_reader superuser",
    ],
}


@pytest.mark.parametrize("role", REFUSED)
def test_the_rest_is_refused(connect: Connect, role: str) -> None:
    conn = connect(role)
    # The reader can switch this off: its rights alone have to hold.
    conn.execute("set default_transaction_read_only = off")
    assert [each for each in REFUSED[role] if not is_refused(conn, each)] == []


def is_refused(conn: psycopg.Connection[Any], statement: str) -> bool:
    try:
        conn.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def test_a_rebuilt_model_can_be_read_at_once(
    deployed: RoleDatabase, connect: Connect
) -> None:
    names = "trader_win_rates asset_signals"
    deployed.dbt(TRANSFORMER, "run", "--full-refresh", "--select", names)
    assert rows(connect(READER), "analytics.trader_win_rates") > 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(connect(LOADER), "analytics.trader_win_rates")


def test_a_second_run_changes_no_right(deployed: RoleDatabase) -> None:
    query = """
        select oid::text, relacl::text from pg_class
        union all select rolname, rolcanlogin::text || rolconnlimit from pg_roles
        union all select nspname, nspacl::text from pg_namespace
        where nspname !~ '^pg_' order by 1, 2
    """
    user = str(deployed.info["user"])
    with deployed.connect(user) as conn:
        before = conn.execute(query).fetchall()
        deployed.dbt(user, "run-operation", "create_roles")
        said = deployed.dbt(TRANSFORMER, "run-operation", "create_sources")
        assert "create_sources:" not in said
        assert conn.execute(query).fetchall() == before


def test_rights_that_somebody_added_or_took_are_put_right(
    deployed: RoleDatabase, connect: Connect
) -> None:
    transformer = connect(TRANSFORMER)
    transformer.execute("grant delete on ingestion.load_log to vigil_loader")
    transformer.execute("revoke insert on ingestion.quarantine from vigil_loader")
    transformer.execute("revoke usage on schema ingestion from vigil_loader")
    transformer.execute("grant select on hyperliquid.fills to vigil_reader")
    said = deployed.dbt(TRANSFORMER, "run-operation", "create_sources")
    assert "create_sources: grant usage on schema ingestion to vigil_loader" in said
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connect(LOADER).execute("delete from ingestion.load_log")
    held = "select has_table_privilege('vigil_reader', 'hyperliquid.fills', 'select')"
    assert transformer.execute(held).fetchall() == [(False,)]
    held = "select has_table_privilege(%s, 'ingestion.quarantine', 'insert')"
    assert transformer.execute(held, [LOADER]).fetchall() == [(True,)]


def test_who_does_not_own_the_tables_is_told_who_does(
    deployed: RoleDatabase, connect: Connect
) -> None:
    # The reader may not even look; the loader may, and finds something to do.
    said = deployed.dbt_error(READER, "run-operation", "create_sources")
    assert "PGUSER=vigil_transformer" in said
    connect(TRANSFORMER).execute("drop index ingestion.load_log_time")
    said = deployed.dbt_error(LOADER, "run", "--select", "coin_daily")
    assert "index ingestion.load_log_time" in said
    assert "belongs to vigil_transformer" in said
    assert "PGUSER=vigil_transformer dbt run-operation create_sources" in said
    deployed.dbt(TRANSFORMER, "run-operation", "create_sources")


@pytest.mark.editions("community")
def test_the_loader_writes_into_the_columnstore(
    deployed: RoleDatabase, connect: Connect
) -> None:
    transformer = connect(TRANSFORMER)
    chunks = "select compress_chunk(c) from show_chunks('hyperliquid.fills') as c"
    assert transformer.execute(chunks).fetchall()
    # An hour later on the same day, and one row that is there.
    late = parquet(deployed.scratch / "late.parquet", [fill(5), *fills(4, first=3600)])
    deployed.load("fills", late)
    assert rows(transformer, "hyperliquid.fills") == 124
    deployed.dbt(TRANSFORMER, "run", "--select", "+coin_daily")
    [[volume]] = transformer.execute("select sum(volume) from analytics.coin_daily")
    [[expected]] = transformer.execute("select sum(px * sz) from hyperliquid.fills")
    assert volume == expected
