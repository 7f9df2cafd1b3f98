"""The fold against a pandas fold, and read and fold against just reading."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
from psycopg import sql

from benchmarks.bench import Bench
from benchmarks.scoreboard import Figure, figure
from pgio.binary_rows import BATCH_ROWS, describe, read_rows
from pgio.copy_messages import read_messages
from pgio.copy_out import read_table
from python_jobs.lib.fold.fills import FillDecoder, Fills
from python_jobs.lib.fold.fold import FoldState, fold
from python_jobs.lib.fold.positions import FOLD_THREADS, PositionJob, fills_query

FILLS = "hyperliquid.fills"
STAGED_FILLS = "staging.stg_hyperliquid__fills"

#: pandas is slow: a part of the fills suffices to measure it.
PANDAS_ROWS = 100_000


def measure(bench: Bench) -> list[Figure]:
    """Fold all fills of a database; nothing is written.

    ``fold_vs_pandas`` groups, sorts and folds fills that are in memory.
    ``fold_end_to_end_vs_read`` goes from the server to the rows of
    `trader_position_hours`, against fetching the bytes of the same columns in the
    fastest way and dropping them.
    """
    tape = bench.tape(bench.sizes.fills)
    with bench.database("fold") as database:
        database.create_sources()
        database.load("fills", tape / "parquet")
        database.dbt("run", "--select", "stg_hyperliquid__fills")
        with database.connect() as conn:
            fills = _all_fills(conn)
            fold_s = bench.median_seconds(
                lambda: _exhaust(fold(fills, FoldState(), FOLD_THREADS))
            )
            frame = _frame(conn, PANDAS_ROWS)
            start = time.perf_counter()
            pandas_fold(frame)
            pandas_s = time.perf_counter() - start
            read_s = bench.median_seconds(lambda: _read(conn))
            build_s = bench.median_seconds(lambda: _build(conn))
    count, bytes_only = len(fills), "COPY BINARY, bytes only"
    return [
        figure(
            *("fold_vs_pandas", count / fold_s, "fills/s"),
            *("pandas groupby.apply", len(frame) / pandas_s),
        ),
        figure(
            *("fold_end_to_end_vs_read", count / build_s, "fills/s"),
            *(bytes_only, count / read_s),
        ),
    ]


def pandas_fold(frame: pd.DataFrame) -> pd.DataFrame:
    """Fold fills as a notebook does: in floats, a Python loop per trader and coin."""
    columns = ["time", "px", "sz", "side", "fee"]
    groups = frame.sort_values("time").groupby(["user_address", "coin"])[columns]
    return groups.apply(_fold_group)


def _fold_group(group: pd.DataFrame) -> pd.DataFrame:
    episodes: list[tuple[Any, ...]] = []
    position = cost = profit = fees = largest = 0.0
    opened = count = 0
    for time_ms, px, sz, side, fee in group.itertuples(index=False):
        change = sz if side == "B" else -sz
        fees += fee
        count += 1
        if position == 0.0:
            opened, largest = time_ms, 0.0
        if position * change >= 0.0:
            cost += abs(change) * px
        else:
            closing = min(abs(change), abs(position))
            average = cost / abs(position)
            profit += closing * (px - average) * (1.0 if position > 0.0 else -1.0)
            cost -= closing * average
            if abs(change) >= abs(position):
                episodes.append((opened, time_ms, largest, profit, fees, count))
                opened, profit, fees, count, largest = time_ms, 0.0, 0.0, 0, 0.0
                cost = (abs(change) - closing) * px
        position += change
        if abs(position) < 1e-9:
            position = 0.0
        largest = max(largest, abs(position))
    names = ["opened", "closed", "max_size", "gross_pnl", "fees", "fill_count"]
    return pd.DataFrame(episodes, columns=names)


def _all_fills(conn: psycopg.Connection[Any]) -> Fills:
    query = fills_query(STAGED_FILLS)
    decoder = FillDecoder()
    rows = read_rows(conn, query, describe(conn, query))
    return Fills.concat([decoder.decode(batch) for batch in rows])


def _frame(conn: psycopg.Connection[Any], rows: int) -> pd.DataFrame:
    """Read whole traders, about ``rows`` fills of them."""
    query = f"""
        with traders as (
            select
                user_address,
                sum(count(*)) over (order by user_address) as fills_so_far
            from {FILLS}
            where coin not like '#%'
            group by user_address
        )
        select
            time, user_address, coin, px::float8 as px, sz::float8 as sz, side,
            coalesce(fee, 0)::float8 as fee
        from {FILLS}
        where
            coin not like '#%'
            and user_address in (
                select user_address from traders where fills_so_far <= {rows}
            )
    """
    frame: pd.DataFrame = read_table(conn, query).to_pandas()
    return frame


def _read(conn: psycopg.Connection[Any]) -> None:
    statement = sql.SQL("copy ({}) to stdout (format binary)").format(
        sql.SQL(fills_query(STAGED_FILLS))
    )
    _exhaust(read_messages(conn, statement, BATCH_ROWS))


def _build(conn: psycopg.Connection[Any]) -> None:
    def loads() -> pa.Table:
        return read_table(
            conn,
            "select load_id, time_from, time_to, rows_loaded "
            f"from ingestion.load_log where relation = '{FILLS}'",
        )

    _exhaust(PositionJob(conn, STAGED_FILLS, loads).rebuild().rows)


def _exhaust(items: Iterable[object]) -> None:
    for _ in items:
        pass
