"""The roles that cloud-init makes: each does its work and is refused the rest.

The SQL is the server's own. The transformer makes the tables with the project's own
command, and the loader loads with the project's own loader.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from loading_database import create_sources

from devdb.conninfo import PROJECT_DIR
from devdb.programs import wheel_bin_dir

FILES = PROJECT_DIR / "terraform/modules/database/files"
ROLES = ("vigil_loader", "vigil_transformer", "vigil_reader")
PASSWORDS = {
    "VIGIL_LOADER_PASSWORD": "one",
    "VIGIL_TRANSFORMER_PASSWORD": "two",
    "VIGIL_READER_PASSWORD": "th'ree",
}
Connect = Callable[[str], psycopg.Connection[Any]]

# On the first server only: TimescaleDB's are not shown here yet.
pytestmark = [pytest.mark.slow, pytest.mark.any_server]


def psql(dbname: str, script: str) -> None:
    done = subprocess.run(
        [wheel_bin_dir() / "psql", "-Xq", "-d", dbname, "-f", FILES / script],
        env={**os.environ, **PASSWORDS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def command(user: str, dbname: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=PROJECT_DIR,
        env={**os.environ, "PGUSER": user, "PGDATABASE": dbname},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Any]]:
    """A database as cloud-init leaves it, with the tables, a load and a rollup."""
    info = make_database()
    name, scratch = str(info["dbname"]), tmp_path_factory.mktemp("deployed")
    try:
        psql(name, "roles.sql")
        psql(name, "grants.sql")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGUSER", "vigil_transformer")
            create_sources(name, scratch)
        psql(name, "grants.sql")
        simulate = ("loaders.simulate", scratch / "fills", "--fills", "1000", "--days")
        command("vigil_loader", name, *simulate, "2")
        load = ("loaders.load_to_db", "fills", scratch / "fills/parquet")
        command("vigil_loader", name, *load)
        simulate = ("loaders.simulate_ticks", scratch / "ticks", "--ticks", "2000")
        command("vigil_loader", name, *simulate, "--days", "1", "--venues", "coinbase")
        load = ("loaders.load_to_db", "ticks", scratch / "ticks/ticks")
        command("vigil_loader", name, *load)
        dbt = ("dbt.cli.main", "run", "--select", "coin_daily", "--target-path")
        command("vigil_transformer", name, *dbt, scratch, "--log-path", scratch)
        yield info
    finally:
        with psycopg.connect(**info, autocommit=True) as conn:
            for role in ROLES:
                conn.execute(f"drop owned by {role} cascade")
                conn.execute(f"drop role {role}")


@pytest.fixture
def connect(deployed: dict[str, Any]) -> Iterator[Connect]:
    """Connect as one of the roles."""
    made: list[psycopg.Connection[Any]] = []

    def as_role(user: str) -> psycopg.Connection[Any]:
        conn = psycopg.connect(**{**deployed, "user": user}, autocommit=True)
        made.append(conn)
        return conn

    yield as_role
    for conn in made:
        conn.close()


def count(conn: psycopg.Connection[Any], relation: str) -> int:
    row = conn.execute(f"select count(*) from {relation}").fetchone()  # type: ignore[call-overload]
    assert row is not None
    return int(row[0])


def test_each_role_has_done_its_work(connect: Connect) -> None:
    assert count(connect("vigil_loader"), "hyperliquid.fills") >= 1000
    assert count(connect("vigil_loader"), "market_data.btc_ticks") > 0
    assert count(connect("vigil_transformer"), "ingestion.load_log") >= 2
    assert count(connect("vigil_reader"), "analytics.coin_daily") > 0
    assert count(connect("vigil_reader"), "market_data.btc_ticks") > 0


REFUSED = {
    "vigil_loader": [
        "select count(*) from analytics.coin_daily",
        "delete from hyperliquid.fills",
        "update hyperliquid.fills set px = 0",
        "truncate market_data.btc_ticks",
        "delete from ingestion.load_log",
        "update ingestion.load_log set rows_loaded = 0",
        "insert into ingestion.applied_loads select",
        "insert into ops.retention_marks select",
        "drop table hyperliquid.fills",
        "create table hyperliquid.mine (a int)",
        "create table public.mine (a int)",
        "create schema mine",
        "set role vigil_transformer",
        "copy hyperliquid.fills to '/tmp/fills'",
    ],
    "vigil_transformer": [
        "create role mine",
        "alter role vigil_reader superuser",
        "create database mine",
        "set role vigil_loader",
        "create table public.mine (a int)",
        "copy hyperliquid.fills to program 'cat'",
        "select pg_read_file('/etc/passwd')",
        "alter system set work_mem = '1GB'",
    ],
    "vigil_reader": [
        "select count(*) from hyperliquid.fills",
        "select count(*) from ingestion.load_log",
        "select count(*) from ops.retention_marks",
        "insert into market_data.window_5m select",
        "update market_data.btc_ticks set price = 0",
        "delete from market_data.btc_ticks",
        "drop table market_data.btc_ticks",
        "create table analytics.mine (a int)",
        "create temporary table mine (a int)",
        "create schema mine",
        "set role vigil_transformer",
        "alter role vigil_reader superuser",
    ],
}


@pytest.mark.parametrize(
    ("role", "statement"),
    [(role, statement) for role, refused in REFUSED.items() for statement in refused],
)
def test_the_rest_is_refused(connect: Connect, role: str, statement: str) -> None:
    conn = connect(role)
    # The reader can switch this off: its rights alone have to hold.
    conn.execute("set default_transaction_read_only = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)  # type: ignore[call-overload]


def test_what_dbt_makes_next_can_be_read_at_once(connect: Connect) -> None:
    transformer = connect("vigil_transformer")
    transformer.execute("create table analytics.next as select 1 as answer")
    assert count(connect("vigil_reader"), "analytics.next") == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(connect("vigil_loader"), "analytics.next")
    transformer.execute("drop table analytics.next")


def test_a_second_run_changes_nothing(deployed: dict[str, Any]) -> None:
    tables = (
        "select oid, relacl::text from pg_class where relacl is not null order by oid"
    )
    roles = (
        "select rolname, rolsuper, rolcanlogin, rolconnlimit from pg_roles order by 1"
    )
    with psycopg.connect(**deployed, autocommit=True) as conn:
        before = [conn.execute(query).fetchall() for query in (tables, roles)]
        psql(deployed["dbname"], "roles.sql")
        psql(deployed["dbname"], "grants.sql")
        assert [conn.execute(query).fetchall() for query in (tables, roles)] == before


def test_passwords_are_kept_as_scram_and_as_given(deployed: dict[str, Any]) -> None:
    query = "select rolpassword from pg_authid where rolname = any(%s)"
    with psycopg.connect(**deployed) as conn:
        kept = [row[0] for row in conn.execute(query, (list(ROLES),))]
    assert len(kept) == len(ROLES)
    assert all(password.startswith("SCRAM-SHA-256$") for password in kept)
