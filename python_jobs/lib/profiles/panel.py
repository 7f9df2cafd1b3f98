"""The input of profiles, as NumPy arrays in order of trader and day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.integers import integers
from python_jobs.lib.profiles.decimal_sums import nearest_floats, to_words
from python_jobs.lib.profiles.returns import Floats, Ints

Flags = npt.NDArray[np.bool_]

MILLISECONDS_PER_DAY = 86_400_000
MICROSECONDS_PER_DAY = 1000 * MILLISECONDS_PER_DAY
COUNTS = (
    "fill_count",
    "transfer_fills",
    "closing_fills",
    "winning_closes",
    "losing_closes",
    "own_liquidations",
)
MONEY = (
    "maker_volume",
    "taker_volume",
    "twap_volume",
    "gross_pnl",
    "fees_usd",
    "net_pnl",
)
DAILY_MEASURES = (*COUNTS, *MONEY)
"""Columns of trader_daily that are added up over days; those in USD exactly."""

FLOW_MEASURES = ("flow", "spot_flow", "net_flow")
"""Per trader and day: sum over coins of the absolute net flow, the spot part of it, and
the absolute sum of all, USD."""


CURVE_MEASURES = (
    "mtm_known_share",
    "mtm_net_pnl",
    "mtm_profit_factor",
    "mtm_sharpe_ratio",
    "mtm_sharpe_error",
    "mtm_probabilistic_sharpe",
    "mtm_q_value",
    "mtm_sortino_ratio",
    "mtm_max_drawdown",
    "mtm_days",
    "mtm_mean_exposure",
)
"""Columns of trader_risk_daily, cumulative over all days up to the row's day."""


@dataclass(frozen=True)
class DailyRows:
    """Measures per trader and calendar day, in order of trader and day.

    Parameters
    ----------
    trader : array of int64, shape (k,)
        Number of the trader, ascending.
    day : array of int64, shape (k,)
        Days since the epoch, ascending within a trader, each at most once.
    measures : dict of str to array of float64, shape (k,)
        Counts, or USD.
    table : pyarrow.Table
        The rows as they were read, in this order.
    """

    trader: Ints
    day: Ints
    measures: dict[str, Floats]
    table: pa.Table


@dataclass(frozen=True)
class ClosedPositions:
    """Closed position episodes, in order of trader and of closing.

    Parameters
    ----------
    trader, coin : array of int64, shape (k,)
        Number of the trader, ascending, and of the coin.
    day : array of int64, shape (k,)
        Day of closing, days since the epoch, ascending within a trader.
    net_pnl, entry_notional, holding_seconds : array of float64, shape (k,)
        USD, USD and seconds; NaN where unknown. `net_pnl` is always known for rated
        positions, `holding_seconds` for timed ones.
    is_long, is_liquidated : array of bool, shape (k,)
        Whether the position was long, and whether the trader was liquidated in it.
    is_rated : array of bool, shape (k,)
        The basis is known and the end was seen: neither a transfer nor a gap.
    is_timed : array of bool, shape (k,)
        Rated, and closed by the trader's own decision: a trade, a flip, or trades down
        to dust that the exchange swept.
    """

    trader: Ints
    coin: Ints
    day: Ints
    net_pnl: Floats
    entry_notional: Floats
    holding_seconds: Floats
    is_long: Flags
    is_liquidated: Flags
    is_rated: Flags
    is_timed: Flags


@dataclass(frozen=True)
class TraderPanel:
    """All input data of profiles for a group of traders."""

    users: pa.Array
    daily: DailyRows
    flows: DailyRows
    positions: ClosedPositions
    curve: DailyRows


def build_panel(
    users: pa.Array,
    daily: pa.Table,
    flows: pa.Table,
    positions: pa.Table,
    curve: pa.Table,
) -> TraderPanel:
    """Assign numbers to the traders and sort every table by trader and day.

    Parameters
    ----------
    users : pyarrow.Array of string
        The traders, each once; rows of others are an error.
    daily, positions, curve : pyarrow.Table
        Results of the queries of `python_jobs.lib.profiles.queries`.
    flows : pyarrow.Table
        `FLOW_MEASURES` by `user_address` and `day`.

    Raises
    ------
    ValueError
        If a row belongs to a trader who is not in `users`.
    """
    return TraderPanel(
        users=users,
        daily=_daily_rows(users, daily, (*COUNTS, "net_pnl")),
        flows=_daily_rows(users, flows, FLOW_MEASURES),
        positions=_closed_positions(users, positions),
        curve=_daily_rows(users, curve, ()),
    )


def _daily_rows(
    users: pa.Array, table: pa.Table, measures: tuple[str, ...]
) -> DailyRows:
    trader, day = _number(users, table["user_address"]), integers(table["day"])
    order = np.lexsort((day, trader))
    table = table.take(pa.array(order))
    return DailyRows(
        trader=trader[order],
        day=day[order],
        measures={name: to_floats(table[name]) for name in measures},
        table=table,
    )


def _closed_positions(users: pa.Array, table: pa.Table) -> ClosedPositions:
    coins = pc.unique(table["coin"]).sort()
    trader, coin = _number(users, table["user_address"]), _number(coins, table["coin"])
    closed, opened = integers(table["closed_at"]), integers(table["opened_at"])
    net_pnl, notional, seconds = (
        to_floats(table[name])
        for name in ("net_pnl", "entry_notional", "holding_seconds")
    )
    order = np.lexsort((closed, trader))
    # A total order makes float sums independent of the order in which rows arrive. Few
    # positions are closed at the same time: only those need the other sort keys.
    same = (np.diff(trader[order]) == 0) & (np.diff(closed[order]) == 0)
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = order[tied]
    order[tied] = rows[
        np.lexsort(
            [
                key[rows]
                for key in (seconds, notional, net_pnl, coin, opened, closed, trader)
            ]
        )
    ]
    return ClosedPositions(
        trader=trader[order],
        coin=coin[order],
        day=closed[order] // MICROSECONDS_PER_DAY,
        net_pnl=net_pnl[order],
        entry_notional=notional[order],
        holding_seconds=seconds[order],
        **{
            name: to_flags(table[name])[order]
            for name in ("is_long", "is_liquidated", "is_rated", "is_timed")
        },
    )


def _number(values: pa.Array, column: pa.ChunkedArray) -> Ints:
    numbers = pc.index_in(column, value_set=values)
    if numbers.null_count:
        stray = column.filter(pc.is_null(numbers))[0].as_py()
        raise ValueError(f"{stray!r} is not among the values expected here")
    return integers(numbers)


def to_floats(column: pa.ChunkedArray) -> Floats:
    """Turn a numeric column into float64, decimals to the nearest; NULL into NaN."""
    if pa.types.is_decimal(column.type):
        floats = nearest_floats(to_words(column))
        if column.null_count:
            floats[column.is_null().to_numpy()] = np.nan
        return floats
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def to_flags(column: pa.ChunkedArray) -> Flags:
    """Turn a boolean column into bool, NULL into false."""
    return np.asarray(pc.fill_null(column, False).to_numpy(), np.bool_)
