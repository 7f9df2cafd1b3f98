"""Profiles of many made-up traders: traders/s against empyrical, and memory."""

from __future__ import annotations

import statistics
import time
from typing import Any

import empyrical
import pandas as pd
import psycopg

from benchmarks.bench import Bench
from benchmarks.scoreboard import Figure, figure
from pgio.copy_out import read_table

#: empyrical is slow: a part of the traders suffices to measure it.
PEER_TRADERS = 300

#: Days of the synthetic history; a trader is active on every third, about.
DAYS = 60
_FIRST_DAY = 20_000

_INPUTS = (
    "trader_daily",
    "trader_coin_daily",
    "trader_positions",
    "trader_pnl_daily",
)

# A number from 0 to n - 1 that looks random and is the same in every run.
_ANY = "(hashint8extended(trader * 1000 + {0}, {1}) & 1073741823) % {2}"

_TRADERS = """
    select
        trader,
        '0x' || left(md5(trader::text) || md5('b' || trader), 40) as user_address
    from generate_series(1, {traders}::bigint) as trader
"""

_DAILY = f"""
    insert into {{table}} (
        day, user_address, fill_count, volume, realized_pnl, fees_paid, maker_pct,
        winning_trades, losing_trades, unique_coins, first_fill_time, last_fill_time,
        fees_usd, maker_volume, taker_volume, twap_volume, gross_pnl, net_pnl,
        closing_fills, winning_closes, losing_closes, own_liquidations,
        transfer_fills, outcome_fills
    )
    select
        at, user_address, 10, 2 * size, pnl, 0.5, 0.5, 3, 2, 1, at + 1000,
        at + 80000000, 0.5, size, size, 0, pnl, pnl - 0.5, 5, 3, 2, 0, 0, 0
    from ({_TRADERS}) as traders
    cross join lateral (
        select
            ({_FIRST_DAY} + day) * 86400000 as at,
            {_ANY.format("day", 1, "10000000")} / 100.0 as size,
            {_ANY.format("day", 2, "200000")} / 100.0 - 980 as pnl
        from generate_series(0, {DAYS - 1}::bigint) as day
        where {_ANY.format("day", 3, "3")} = 0
        offset 0
    ) as days
    order by at
"""

_COIN_DAILY = f"""
    insert into {{table}} (
        day, user_address, coin, is_outcome, fill_count, net_size, net_flow_usd,
        last_fill_time
    )
    select day, user_address, coin, false, 5, 1, flow, day + 80000000
    from (
        select day, user_address, volume, hashtext(user_address)::bigint as trader
        from {{trader_daily}}
    ) as daily
    cross join lateral (
        select
            'COIN' || (coin + day / 86400000) % 20 as coin,
            volume * ({_ANY.format("coin", 4, "200")} - 100) / 100 as flow
        from generate_series(1, 1 + ((trader + day / 86400000) & 1)) as coin
        offset 0
    ) as coins
    order by day
"""

_POSITIONS = f"""
    insert into {{table}} (
        position_id, user_address, coin, side, status, opened_at, closed_at,
        last_fill_at, size, max_size, entry_vwap, exit_vwap, entry_size,
        entry_notional_usd, exit_size, exit_notional_usd, cost_basis_usd, gross_pnl,
        recomputed_pnl, fees_usd, net_pnl, fill_count, holding_seconds, close_reason,
        is_liquidated, is_basis_known, gap_count
    )
    select
        user_address || ':' || coin || ':' || number, user_address, coin,
        case number % 2 when 0 then 'long' else 'short' end, 'closed', opened_at,
        opened_at + seconds * interval '1 second',
        opened_at + seconds * interval '1 second', 0, 1, 100, 100, 1, notional, 1,
        notional, 0, pnl, pnl, 0.5, pnl - 0.5, 4, seconds, 'trade', false, true, 0
    from ({_TRADERS}) as traders
    cross join lateral (
        select
            number,
            'COIN' || {_ANY.format("number", 5, "20")} as coin,
            timestamptz 'epoch' + {_FIRST_DAY} * interval '1 day'
            + {_ANY.format("number", 6, f"{DAYS * 86_400 - 100_000}")}
            * interval '1 second' as opened_at,
            1 + {_ANY.format("number", 7, "90000")} as seconds,
            {_ANY.format("number", 8, "1000000")} / 100.0 as notional,
            {_ANY.format("number", 9, "100000")} / 100.0 - 480 as pnl
        from generate_series(1, 20::bigint) as number
        offset 0
    ) as positions
"""

_PNL = """
    insert into {table} (
        user_address, day, realized_pnl, fees_usd, funding_usd, unrealized_change_usd,
        net_pnl, equity_usd, cash_usd, transferred_usd, value_usd, gross_value_usd,
        open_positions, is_funding_known, has_marks
    )
    select
        user_address,
        to_timestamp(day / 1000)::date,
        gross_pnl, fees_usd, 0, 0, net_pnl, sum(net_pnl) over days_so_far,
        0, 0, 0, 1000, 1, true, true
    from {trader_daily}
    window days_so_far as (partition by user_address order by day)
    order by 2
"""


def measure(bench: Bench) -> list[Figure]:
    """Profile made-up traders with the command that users run.

    Each has about 20 active days and 20 closed positions. ``profiles_vs_empyrical`` is
    all of `dbt run` for `trader_profiles`, reading and writing included, against three
    of its figures (Sharpe, Sortino, drawdown) by pandas and empyrical, a trader at a
    time, from a frame in memory.

    Raises
    ------
    RuntimeError
        When a command fails, with what it printed, or a trader is missing.
    """
    traders = bench.sizes.traders
    of_curves = "int_pnl__sums_so_far trader_risk_daily"
    with bench.database("profiles") as database:
        database.create_sources()
        database.dbt("seed")
        database.dbt("run", "--select", "+trader_profiles")
        with database.connect() as conn:
            _fill(conn, traders)
            database.dbt("run", "--full-refresh", "--select", of_curves)
            costs = [
                database.dbt("run", "--full-refresh", "--select", "trader_profiles")
                for _ in range(bench.sizes.rounds)
            ]
            [(profiled,)] = conn.execute(
                "select count(*) from analytics.trader_profiles"
            ).fetchall()
            if profiled != traders:
                raise RuntimeError(f"{profiled} profiles of {traders} traders")
            frame = _daily_frame(conn)
    seconds, megabytes = (statistics.median(each) for each in zip(*costs, strict=True))
    start = time.perf_counter()
    frame.groupby("user_address")["net_pnl"].apply(_by_empyrical)
    peer = frame["user_address"].nunique() / (time.perf_counter() - start)
    by_empyrical = "empyrical, a trader at a time, 3 figures", peer
    return [
        figure("profiles_vs_empyrical", traders / seconds, "traders/s", *by_empyrical),
        figure("profiles_peak_memory", megabytes, "MB"),
    ]


def _fill(conn: psycopg.Connection[Any], traders: int) -> None:
    tables = {name: _holder(conn, name) for name in _INPUTS}
    for name, statement in zip(
        _INPUTS, (_DAILY, _COIN_DAILY, _POSITIONS, _PNL), strict=True
    ):
        names = {"table": tables[name], "trader_daily": tables["trader_daily"]}
        conn.execute(statement.format(traders=traders, **names))
        conn.execute(f"vacuum analyze {tables[name]}")


def _holder(conn: psycopg.Connection[Any], name: str) -> str:
    """Name the table that holds a model's rows: a continuous aggregate is a view."""
    relation = f"analytics.{name}"
    if conn.execute("select from pg_extension where extname = 'timescaledb'").rowcount:
        row = conn.execute(
            "select format('%%I.%%I', materialization_hypertable_schema, "
            "materialization_hypertable_name) "
            "from timescaledb_information.continuous_aggregates "
            "where view_schema = 'analytics' and view_name = %s",
            [name],
        ).fetchone()
        return str(row[0]) if row else relation
    return relation


def _daily_frame(conn: psycopg.Connection[Any]) -> pd.DataFrame:
    """Read the daily net PnL of some traders."""
    frame: pd.DataFrame = read_table(
        conn,
        "select user_address, net_pnl::float8 as net_pnl from analytics.trader_daily "
        "where user_address in (select user_address from analytics.trader_profiles "
        f"order by user_address limit {PEER_TRADERS}) order by user_address, day",
    ).to_pandas()
    return frame


def _by_empyrical(net_pnl: pd.Series[float]) -> tuple[float, float, float]:
    equity = net_pnl.cumsum()
    return (
        empyrical.sharpe_ratio(net_pnl, annualization=365),
        empyrical.sortino_ratio(net_pnl, annualization=365),
        (equity.cummax() - equity).max(),
    )
