"""What rollups save: for a query of a month, and for a refresh with new fills."""

from __future__ import annotations

import statistics
import time
from typing import Any

import psycopg

from benchmarks.bench import Bench
from benchmarks.database import Database
from benchmarks.scoreboard import Figure, figure
from benchmarks.tapes import days_of

DAYS = 30
DAY_MS = 86_400_000

_COMPILED = "compiled/vigil/models/rollups/trader_daily.sql"
_SELECT = "resource_type:model,path:models/rollups/*daily.sql"


def measure(bench: Bench) -> list[Figure]:
    """Build the rollups, refresh them by a day in a hundred, and query one.

    Seconds of the models in `dbt run` with new fills and with nothing new, against
    ``--full-refresh``; of a query over the last 30 days of `trader_daily` against the
    same from a view of the fills and from an ordinary table.
    """
    *old, new = days_of(bench.tape(bench.sizes.rollup_fills, days=100))
    with bench.database("rollups") as database:
        database.create_sources()
        database.load("fills", *old)
        _model_seconds(database)
        database.load("fills", new)
        new_day, same = _model_seconds(database), _model_seconds(database)
        peer = "s", "full refresh, models", _model_seconds(database, "--full-refresh")
        query = (database.scratch / _COMPILED).read_text(encoding="utf-8")
        with database.connect() as conn:
            queries = _queries(conn, query, bench.sizes.rounds)
    return [
        figure("rollups_new_day_models", new_day, *peer, runs=1),
        figure("rollups_nothing_new_models", same, *peer, runs=1),
        *queries,
    ]


def _model_seconds(database: Database, *flags: str) -> float:
    """Run the rollups; return the seconds of the models, without dbt's start."""
    database.dbt("run", "--select", _SELECT, *flags)
    seconds = database.node_seconds().items()
    return sum(taken for name, taken in seconds if name.startswith("model."))


def _queries(conn: psycopg.Connection[Any], query: str, rounds: int) -> list[Figure]:
    """Query the last month's traders in all three ways, in turns."""
    conn.execute(f"create view trader_daily_view as {query}")
    conn.execute("create table trader_daily_table as table analytics.trader_daily")
    conn.execute("alter table trader_daily_table add primary key (day, user_address)")
    conn.execute("vacuum analyze trader_daily_table")
    conn.execute("analyze hyperliquid.fills")
    row = conn.execute("select max(day) from analytics.trader_daily").fetchone()
    assert row is not None
    first_day = row[0] - (DAYS - 1) * DAY_MS
    ways = ("trader_daily_view", "trader_daily_table", "analytics.trader_daily")
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    answers = {}
    for _ in range(rounds):
        for way in ways:
            start = time.perf_counter()
            answers[way] = conn.execute(
                "select user_address, sum(fill_count) as fills, sum(volume) as volume,"
                f" sum(realized_pnl) as pnl from {way} where day >= %s"
                " group by user_address order by volume desc, user_address limit 100",
                [first_day],
            ).fetchall()
            seconds[way].append(time.perf_counter() - start)
    if any(answers[way] != answers[ways[0]] for way in ways):
        raise RuntimeError("view, table and rollup give different answers")
    view, table, rollup = (statistics.median(seconds[way]) for way in ways)
    return [
        figure("query_30_days_rollup_vs_view", rollup, "s", "view", view),
        figure("query_30_days_rollup_vs_table", rollup, "s", "table", table),
    ]
