"""What rollups save: for a query of a month, and for a refresh with new fills."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.commands import connect, dbt, load, run
from benchmarks.scoreboard import Figure, figure

DAYS = 30
DAY_MS = 86_400_000

_COMPILED = "compiled/vigil/models/rollups/trader_daily.sql"
_SELECT = "resource_type:model,path:models/rollups/*daily.sql"


def measure(
    env: Mapping[str, str], tape: Path, scratch: Path, *, rounds: int = 3
) -> list[Figure]:
    """Build the rollups, refresh them by the tape's last file, and query one.

    Parameters
    ----------
    env
        libpq variables of an empty database.
    tape
        Folder of Parquet files, the last of which is the new part: 100 days for 1 %.
    scratch
        Folder for dbt's artifacts.
    rounds
        Repetitions of a query, of which the median counts.

    Returns
    -------
    list of Figure
        Seconds: of `dbt run` with new fills and with nothing new against one with
        ``--full-refresh``, as commands and for the models alone; of a query over the
        last 30 days of `trader_daily` against the same from a view of the fills and
        from an ordinary table.

    Raises
    ------
    RuntimeError
        When a command fails, with what it printed, or the three ways disagree.
    """
    *old, new = sorted(tape.rglob("*.parquet"))
    load(env, scratch, *old)
    _dbt_run(env, scratch)
    run(env, ["loaders.load_to_db", "fills", str(new)])
    command, models = _dbt_run(env, scratch)
    same, same_models = _dbt_run(env, scratch)
    full, full_models = _dbt_run(env, scratch, "--full-refresh")
    whole = "full refresh"
    figures = [
        figure(name, value, "s", peer, peer_value, runs=1)
        for name, value, peer, peer_value in (
            ("rollups_new_day", command, whole, full),
            ("rollups_new_day_models", models, f"{whole}, models", full_models),
            ("rollups_nothing_new", same, whole, full),
            (
                "rollups_nothing_new_models",
                same_models,
                f"{whole}, models",
                full_models,
            ),
        )
    ]
    query = (scratch / _COMPILED).read_text(encoding="utf-8")
    with closing(connect(env)) as conn:
        figures += _queries(conn, query, rounds)
    return figures


def _dbt_run(env: Mapping[str, str], scratch: Path, *flags: str) -> tuple[float, float]:
    """Run the rollups; return the seconds of the command and of the models."""
    seconds, _ = dbt(env, scratch, "run", "--select", _SELECT, *flags)
    results = json.loads((scratch / "run_results.json").read_text(encoding="utf-8"))
    models = [
        each["execution_time"]
        for each in results["results"]
        if each["unique_id"].startswith("model.")
    ]
    return seconds, sum(models)


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
