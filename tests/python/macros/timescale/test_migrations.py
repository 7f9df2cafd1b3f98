"""A database of release 0.1.0 goes on under today's code, and ends as one built anew.

`fixtures/release_0_1_0.sql.gz` is the whole of such a database, as its own code left
it. It is restored, brought up to date, and takes in one more day. Beside it another
database is filled from nothing with the same raw rows.
"""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.csv
import pyarrow.parquet
import pytest
from role_commands import RoleDatabase
from servers import environment
from simulated import BUILT_FROM_FILLS, WITHOUT_UNIT_TESTS, simulate

from devdb.programs import wheel_bin_dir
from loaders.ledger import SCHEMA_VERSION
from pgio.connection import PROJECT_DIR
from pgio.copy_out import read_table

# It is a dump of a plain server, and holds nothing of TimescaleDB.
pytestmark = [pytest.mark.slow, pytest.mark.editions("postgres")]

OWNER = "vigil"
DUMP = PROJECT_DIR / "tests/python/fixtures/release_0_1_0.sql.gz"

# Built from raw rows alone. The class history tells when each build was, the rest of
# `ingestion` and `ops` which loads there were.
# Its days are too few for smart money.
BUILT = (
    *(each for each in BUILT_FROM_FILLS if each != "analytics.smart_money_hourly"),
    "market_data.btc_ohlcv_100ms",
    "market_data.btc_ohlcv_1s",
    "market_data.btc_ohlcv_1m",
    "market_data.btc_ohlcv_5m",
    "market_data.btc_ohlcv_1m_filled",
    "signals.btc_embeddings",
    "signals.btc_feature_scales",
    "signals.btc_similar_windows",
    "signals.btc_similar_windows_summary",
    "reference.venues",
)
SCHEMAS = (
    *("hyperliquid", "ingestion", "ops"),
    *("market_data", "intermediate", "analytics", "signals"),
)

# Without the times at which a row was written.
# By name: a column that came later stands last in an older table.
COLUMNS = """
    select string_agg(format('%%I', attname), ', ' order by attname)
    from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped
        and attname <> all('{created_at, fitted_at, updated_at, ingested_at}')
"""

EXPORTED = """
    select string_agg(
        quote_ident(attname)
        || case atttypid when 'numeric'::regtype then '::text' else '' end,
        ', ' order by attnum
    )
    from pg_attribute
    where attrelid = 'hyperliquid.fills'::regclass and attnum > 0 and not attisdropped
        and attname <> 'load_id'
"""

# Columns with types, defaults and comments; indexes without names that dbt draws.
LAYOUT = """
    with relations as (
        select pg_class.oid, nspname || '.' || relname as name
        from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid
        where nspname = any(%s) and relkind in ('r', 'v', 'm')
    )
    select name, attname::text, format_type(atttypid, atttypmod), attnotnull::text,
        col_description(attrelid, attnum), pg_get_expr(adbin, adrelid)
    from relations inner join pg_attribute on attrelid = oid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attnum > 0 and not attisdropped
    union all
    select name, split_part(pg_get_indexdef(indexrelid), ' USING ', 2),
        indisunique::text, indisprimary::text, obj_description(oid, 'pg_class'), null
    from relations left join pg_index on indrelid = oid
    order by 1, 2, 3, 4
"""


@pytest.fixture(scope="module")
def last_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day after the last of the dump."""
    folder = tmp_path_factory.mktemp("last_day")
    options = ("--fills", "1000", "--days", "1", "--start", "2025-07-30")
    return simulate(folder, *options, "--seed", "7") / "parquet"


@pytest.fixture(scope="module")
def upgraded(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    last_day: Path,
) -> RoleDatabase:
    """The dump, brought up to date, with one more day."""
    database = RoleDatabase(make_database(), tmp_path_factory.mktemp("upgraded"))
    restore(database.info)
    export(database)
    database.dbt(OWNER, "run-operation", "create_sources")
    database.load("fills", last_day, user=OWNER)
    database.dbt(OWNER, "build", *WITHOUT_UNIT_TESTS)
    return database


@pytest.fixture(scope="module")
def anew(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    last_day: Path,
    upgraded: RoleDatabase,
) -> RoleDatabase:
    """The same raw rows, loaded and built by today's code from nothing."""
    database = RoleDatabase(make_database(), tmp_path_factory.mktemp("anew"))
    database.dbt(OWNER, "run-operation", "create_sources")
    first = upgraded.scratch / "fills.parquet"
    database.load("fills", first, last_day, user=OWNER)
    with database.connect(OWNER) as conn:
        # Earlier releases did not store a row's place in its file.
        conn.execute(
            "update hyperliquid.fills set event_index = null where load_id = ("
            "select load_id from ingestion.load_log where object like '%fills.parquet')"
        )
        conn.commit()
    ticks = upgraded.scratch / "ticks.csv"
    database.load("ticks", ticks, "--exchange", "coinbase", user=OWNER)
    # With data tests: those that store what they find make tables.
    database.dbt(OWNER, "build", *WITHOUT_UNIT_TESTS)
    return database


def restore(info: dict[str, Any]) -> None:
    """Run the dump by psql, as its owner would."""
    done = subprocess.run(
        [wheel_bin_dir() / "psql", "-Xq", "-v", "ON_ERROR_STOP=1"],
        input=gzip.decompress(DUMP.read_bytes()),
        env={**os.environ, **environment(info)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def export(database: RoleDatabase) -> None:
    """Write the raw rows of the dump as files that the loader reads."""
    with database.connect(OWNER) as conn:
        # Numbers as text: each keeps its own digits.
        [[columns]] = conn.execute(EXPORTED).fetchall()
        query = (
            f"select {columns} from hyperliquid.fills order by time, coin, tid, side"
        )
        fills = read_table(conn, query)
        query = "select ts, source_seq, price, volume, side from market_data.btc_ticks"
        ticks = read_table(conn, f"{query} order by ts, source_seq")
    pyarrow.parquet.write_table(fills, database.scratch / "fills.parquet")
    pyarrow.csv.write_csv(ticks, database.scratch / "ticks.csv")


def rows(conn: psycopg.Connection[Any], relation: str) -> list[tuple[Any, ...]]:
    [[columns]] = conn.execute(COLUMNS, [relation]).fetchall()
    query = f"select row({columns})::text from {relation} order by 1"
    return conn.execute(query).fetchall()


@pytest.mark.parametrize("relation", BUILT)
def test_rows_equal_those_of_a_database_built_anew(
    upgraded: RoleDatabase, anew: RoleDatabase, relation: str
) -> None:
    with upgraded.connect(OWNER) as old, anew.connect(OWNER) as new:
        expected = rows(new, relation)
        assert expected, f"{relation} is empty: nothing is compared"
        assert rows(old, relation) == expected


def test_nothing_raw_is_lost(upgraded: RoleDatabase, anew: RoleDatabase) -> None:
    query = "select to_jsonb(f) - 'load_id' from hyperliquid.fills as f order by 1"
    with upgraded.connect(OWNER) as old, anew.connect(OWNER) as new:
        found = old.execute(query).fetchall()
        assert len(found) > 2000
        assert found == new.execute(query).fetchall()


def test_the_layout_is_that_of_a_database_built_anew(
    upgraded: RoleDatabase, anew: RoleDatabase
) -> None:
    with upgraded.connect(OWNER) as old, anew.connect(OWNER) as new:
        found = old.execute(LAYOUT, [list(SCHEMAS)]).fetchall()
        expected = new.execute(LAYOUT, [list(SCHEMAS)]).fetchall()
    assert len(found) > 300
    assert set(found) - set(expected) == set()
    assert set(expected) - set(found) == set()


def test_the_upgrade_is_recorded_and_happens_once(upgraded: RoleDatabase) -> None:
    query = (
        "select version, name, release, applied_at from ops.schema_version order by 1"
    )
    with upgraded.connect(OWNER) as conn:
        recorded = conn.execute(query).fetchall()
        assert [row[0] for row in recorded] == list(range(1, SCHEMA_VERSION + 1))
        assert recorded[0][1:3] == ("first_layout", "0.1.0")
        said = upgraded.dbt(OWNER, "run-operation", "create_sources")
        assert "create_sources:" not in said
        assert conn.execute(query).fetchall() == recorded
