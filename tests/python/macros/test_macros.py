"""The portable macros, rendered by dbt without a server.

The profile names a port where nobody listens: a macro that asked the server would fail.
What the SQL computes is tested by the rollups' unit tests, and by the last tests here.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import psycopg
import pyarrow as pa
import pytest
import yaml
from conftest import Database
from positions_model import STAGED_FILLS, create_staged_fills
from rendering import render

from pgio.connection import PROJECT_DIR
from pgio.copy_out import read_table
from python_jobs.lib.fold.kernel import REASONS
from python_jobs.lib.fold.positions import fills_query
from runners.fill_columns import FILL_SCHEMA
from runners.fill_rules import NUMERICS, staged, staged_query

WIDTH = 86_400_000
STALE_DAY = (
    "coalesce(nullif(current_setting('vigil.first_stale_day', true), ''),"
    " '0001-01-01')::date"
)

BUCKETS = [
    ("time_bucket('1 day', 'ms', unit='ms')", "postgres"),
    ("time_bucket('1 day', 'ts')", "postgres"),
]

RENDERED = [
    (
        "time_bucket('1 day', 'time', unit='ms')",
        "postgres",
        f"time - mod(mod(time, {WIDTH}) + {WIDTH}, {WIDTH})",
    ),
    (
        "time_bucket('1 day', 'time', unit='ms')",
        "apache",
        f"time_bucket({WIDTH}::bigint, time)",
    ),
    (
        "time_bucket('5 minutes', 'ts')",
        "postgres",
        "date_bin('5 minutes', ts, timestamptz '2000-01-03 00:00:00+00')",
    ),
    (
        "time_bucket('5 minutes', 'ts')",
        "community",
        "time_bucket(interval '5 minutes', ts)",
    ),
    ("time_bucket('1 month', 'ts')", "postgres", "date_trunc('month', ts, 'UTC')"),
    ("interval_units('1 day 12 hours', 's')", "postgres", "129600"),
    ("interval_units('100 ms', 'us')", "postgres", "100000"),
    ("time_span('1 hour', 'ms')", "apache", "3600000::bigint"),
    ("refresh_slice('100 ms')", "postgres", "3600000000 us"),
    ("refresh_slice('7 minutes')", "postgres", "3780000000 us"),
    ("refresh_slice('1 day')", "postgres", "1 day"),
    ("refresh_slice('1 month')", "postgres", "1 month"),
    ("time_span('1 hour')", "apache", "interval '1 hour'"),
    ("first('px', ['time'])", "community", "first(px, time)"),
    ("first('px', ['time'])", "postgres", "(array_agg(px order by time))[1]"),
    (
        "last('px', ['time', 'tid'])",
        "apache",
        "(array_agg(px order by time, tid))[count(*)]",
    ),
    ("rollup_filter('time')", "community", "true"),
    ("rollup_filter('time')", "postgres", "true"),
    ("first_stale_day()", "postgres", f"({STALE_DAY})"),
    (
        "first_stale_day(back=6, unit='ms')",
        "community",
        f"(({STALE_DAY} - 6 - date '1970-01-01') * bigint '86400000')",
    ),
    (
        "first_stale_day(unit='timestamptz')",
        "apache",
        f"(({STALE_DAY})::timestamp at time zone 'utc')",
    ),
    ("touched_rows('t.coin')", "postgres", "true"),
]

# Fills of every kind that a rule tells from another.
DIRS = [
    *(None, "", "Sell", "Spot Dust Conversion", "Net Child Vaults", "Settlement"),
    "Auto-Deleveraging",
    *("Liquidated Isolated Long", "Liquidated Cross Short", "Liquidated"),
]
NOTES = [None, "{}", '{"liquidatedUser": "0xAB"}', '{"liquidatedUser": "0xcd"}']

REFUSED = [
    ("interval_units('1 month', 'ms')", "apache", "'1 month' is no interval"),
    ("interval_units('a day', 'ms')", "apache", "write a number and a unit"),
    ("interval_units('1.5 days', 'ms')", "apache", "'1.5 days'"),
    (
        "interval_units('10 us', 'ms')",
        "apache",
        "positive whole number of ms",
    ),
    ("interval_units('0 days', 'ms')", "apache", "not a positive whole number"),
    ("interval_units('1 day', 'hours')", "apache", "Unknown time unit 'hours'"),
    ("time_bucket('1 month', 'time', unit='ms')", "postgres", "'1 month'"),
    ("time_bucket('3 months', 'ts')", "postgres", "only '1 month' and '1 year'"),
    ("first('px', 'time')", "postgres", "order_by must be a list"),
    ("last('px', [])", "community", "order_by must be a list"),
    (
        "first_stale_day(unit='s')",
        "postgres",
        "must be one of date, timestamptz, ms",
    ),
    ("first_stale_day(back='6')", "postgres", "whole number of days"),
    ("timescale_edition()", "enterprise", "'enterprise'"),
]


@pytest.fixture(scope="module")
def rendered(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, str], str]:
    cases = [*BUCKETS, *(case[:2] for case in RENDERED + REFUSED)]
    accepted = {case[:2] for case in RENDERED} | set(BUCKETS)
    return render(tmp_path_factory.mktemp("macros"), cases, accepted)


@pytest.mark.parametrize(("jinja", "edition", "expected"), RENDERED)
def test_rendering(
    rendered: dict[tuple[str, str], str], jinja: str, edition: str, expected: str
) -> None:
    assert rendered[jinja, edition] == expected


@pytest.mark.parametrize(("jinja", "edition", "says"), REFUSED)
def test_refusals_name_what_is_wrong(
    rendered: dict[tuple[str, str], str], jinja: str, edition: str, says: str
) -> None:
    assert says in rendered[jinja, edition]


@pytest.mark.any_server
def test_buckets_of_integer_and_timestamp_times_agree(
    rendered: dict[tuple[str, str], str], database: Database
) -> None:
    from_ms, from_ts = (rendered[case] for case in BUCKETS)
    query = f"""
        select ms, {from_ms}, (extract(epoch from {from_ts}) * 1000)::bigint
        from (
            select ms, to_timestamp(ms / 1000.0) as ts
            from unnest(%s::bigint[]) as ms
        ) as times
    """
    times = [-1, 0, 1, WIDTH - 1, WIDTH, -WIDTH, 1_735_689_599_999, 1_735_689_600_000]
    with psycopg.connect(**database.conninfo) as conn:
        rows = conn.execute(query, [times]).fetchall()
    assert [row[1] for row in rows] == [time // WIDTH * WIDTH for time in times]
    assert [row[1] for row in rows] == [row[2] for row in rows]


@pytest.mark.any_server
def test_duckdb_says_of_a_fill_what_the_server_says(database: Database) -> None:
    kinds = list(
        product(("BTC", "@230", "PURR/USDC", "#12"), "BA", DIRS, NOTES, ("-5", None))
    )
    rows = [
        {
            **dict.fromkeys(FILL_SCHEMA.names),
            **{"time": number, "tid": number, "user_address": "0xAb", "coin": coin},
            **{"px": "0.1234567", "sz": "12345678901234567890.000000000000000001"},
            **{"side": side, "dir": wording, "liquidation": note},
            **{"start_position": start, "fee": "-0.00000001"},
        }
        for number, (coin, side, wording, note, start) in enumerate(kinds)
    ]
    fills = pa.Table.from_pylist(rows, FILL_SCHEMA)
    [by_duckdb] = staged(fills, staged_query())

    with psycopg.connect(**database.conninfo) as conn:
        conn.execute("create schema hyperliquid")
        conn.execute(f"create table hyperliquid.fills ({', '.join(fill_columns())})")  # type: ignore[arg-type]
        names = ", ".join(rows[0])
        conn.cursor().executemany(
            f"insert into hyperliquid.fills ({names}) values"
            f" ({', '.join(['%s'] * len(rows[0]))})",  # type: ignore[arg-type]
            [list(row.values()) for row in rows],
        )
        create_staged_fills(conn)
        by_server = read_table(conn, f"{fills_query(STAGED_FILLS)} order by f.tid")

    assert by_duckdb.schema.names == by_server.schema.names
    for name in by_server.schema.names:
        found, expected = (
            [
                Decimal(value) if name in NUMERICS and value is not None else value
                for value in rows.column(name).to_pylist()
            ]
            for rows in (by_duckdb, by_server)
        )
        assert found == expected, name
    assert set(by_server["fill_kind"].to_pylist()) == {*REASONS} - {"flip", "gap"}
    assert set(by_server["is_fee_in_base"].to_pylist()) == {True, False}


def fill_columns() -> list[str]:
    """Return the columns of hyperliquid.fills and their types, from the source YAML."""
    text = (PROJECT_DIR / "models/sources/_hyperliquid__sources.yml").read_text()
    tables = yaml.safe_load(text)["sources"][0]["tables"]
    [columns] = [table["columns"] for table in tables if table["name"] == "fills"]
    names = [f"{column['name']} {column['data_type']}" for column in columns]
    # The loader writes that column's places in a file.
    return [*names, "arrival bigint"]
