"""Read the data of the signal scorecard as arrays over hours and coins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa

from python_jobs.lib.scorecards.signal_list import DAILY, HOURLY, Signal
from python_jobs.lib.scorecards.signal_shuffles import FOREVER, Grid, Market, Spans

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Read = Callable[[str], pa.Table]

#: Number of classes by fill count; memberships are shuffled within a class.
STRATA = 10

# A coin without a trade for longer has no price.
_PRICE_HOURS = 24 * 31


@dataclass(frozen=True)
class Tables:
    """The relations, as SQL names them; the attributes are the models' names."""

    signal_outcomes: object
    asset_signals: object
    smart_money_hourly: object
    coin_hourly: object
    trader_cohorts: object
    trader_profiles: object
    trader_classes: object
    trader_position_hours: object
    trader_coin_daily: object


@dataclass(frozen=True)
class Observed:
    """The stored signals, and the returns after them.

    Attributes
    ----------
    grids : tuple of two Grids
        Moments of the daily and of the hourly signals.
    signals : mapping of str to array of float64, shape (moments, coins)
        By ``table.column``; NaN where unknown.
    returns : mapping of int to two such arrays
        Log returns by horizon, at the daily and at the hourly moments.
    """

    grids: tuple[Grid, Grid]
    signals: Mapping[str, Floats]
    returns: Mapping[int, tuple[Floats, Floats]]


class Reader:
    """Reads on one connection, with temporary lists of coins and traders.

    Parameters
    ----------
    connection : psycopg.Connection
    read : callable
        Runs a query on it, and returns an Arrow table.
    tables : Tables
    days : int
        Number of newest days to read.
    step_days : int
        Days from a cohort to the next.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        read: Read,
        tables: Tables,
        days: int,
        step_days: int,
    ) -> None:
        self._connection = connection
        self._read = read
        self._tables = tables
        self._step_days = step_days
        newest = read(
            f"select {_hours('max(known_at)')} as hour from {tables.signal_outcomes}"
        )["hour"][0].as_py()
        self._from = 0 if newest is None else newest - 24 * days
        connection.execute(
            "create temporary table scored_coins as"
            " select row_number() over (order by coin) - 1 as number, coin"
            f" from (select coin from {tables.asset_signals}"
            f" union select coin from {tables.smart_money_hourly}) as coins"
        )

    def observed(self, horizons: Sequence[int]) -> Observed:
        """Read signals and outcomes; grids without moments where there are none."""
        daily, signals = self._signals(
            str(self._tables.asset_signals),
            f"{_hours('as_of_date::timestamp')} + 24",
            "asset_signals",
            DAILY,
            24 * self._step_days,
        )
        hourly, more = self._signals(
            str(self._tables.smart_money_hourly),
            f"{_hours('hour_at')} + 1",
            "smart_money_hourly",
            HOURLY,
            1,
        )
        grids = (daily, hourly)
        returns = {}
        for horizon in horizons:
            rows = self._arrays(
                f"select {_hours('known_at')} as hour, number as coin, log_return"
                f" from {self._tables.signal_outcomes} inner join scored_coins"
                f" using (coin) where horizon_hours = {horizon}"
                f" and log_return is not null and {_hours('known_at')} >= {self._from}"
            )
            returns[horizon] = (
                _on_grid(daily, rows, "log_return"),
                _on_grid(hourly, rows, "log_return"),
            )
        return Observed(grids, signals | more, returns)

    def _signals(
        self,
        relation: str,
        known: str,
        table: str,
        signals: Sequence[Signal],
        step: int,
    ) -> tuple[Grid, dict[str, Floats]]:
        formulas = ", ".join(
            f"({each.formula})::float8 as {each.column}" for each in signals
        )
        rows = self._arrays(
            f"select {known} as hour, number as coin, {formulas} from"
            f" (select {relation}.*, number from {relation}"
            " inner join scored_coins using (coin)) as signals"
            f" where {known} >= {self._from}"
        )
        hours = rows["hour"]
        [[coins]] = self._connection.execute("select count(*) from scored_coins")
        first = int(hours.min()) if hours.size else 0
        moments = (int(hours.max()) - first) // step + 1 if hours.size else 0
        grid = Grid(first, step, moments, coins)
        return grid, {
            f"{table}.{each.column}": _on_grid(grid, rows, each.column)
            for each in signals
        }

    def traders(self, most: int) -> Ints:
        """Choose the traders of the shuffles; return their strata, shape (traders,).

        These are all traders who ever were in a cohort, but at most `most`, and as many
        others whose class is part of signals. Hashes of their addresses decide which.
        """
        tables = self._tables
        self._connection.execute(
            "create temporary table scored_traders as"
            " select row_number() over (order by user_address) - 1 as trader,"
            f" user_address, ntile({STRATA}) over (order by fill_count, user_address)"
            " as stratum from (select profiles.user_address, profiles.fill_count,"
            " row_number() over (partition by members.user_address is null"
            " order by md5(profiles.user_address)) as place"
            f" from {tables.trader_profiles} as profiles"
            f" inner join {tables.trader_classes} as classes using (trader_class)"
            f" left join (select distinct user_address from {tables.trader_cohorts})"
            " as members using (user_address)"
            " where members.user_address is not null or not classes.leaves_signals)"
            f" as candidates where place <= {most}"
        )
        self._connection.execute("analyze scored_traders")
        rows = self._arrays("select stratum from scored_traders order by trader")
        return np.asarray(rows["stratum"])

    def market(self, grids: tuple[Grid, Grid], z_days: int, z_least: int) -> Market:
        """Read positions, trades and memberships of the chosen traders."""
        tables = self._tables
        since = f"to_timestamp({(self._from - 24) * 3600})"
        daily, hourly = grids
        start = f"{_hours('hour_at')} + 1"
        positions = self._spans(
            f"select trader, number as coin, {start} as start,"
            f" coalesce({_hours('next_hour_at')} + 1, {FOREVER}) as ending,"
            f" size::float8 as value from {tables.trader_position_hours}"
            " inner join scored_traders using (user_address)"
            " inner join scored_coins using (coin)"
            f" where size <> 0 and (next_hour_at is null or next_hour_at >= {since})"
        )
        hour_flows = self._spans(
            f"select trader, coin, {start} as start, {start} + 1 as ending,"
            " sum(bought - before)::float8 as value from ("
            "select trader, number as coin, hour_at, bought, lag(bought, 1, 0::numeric)"
            " over (partition by position_id order by hour_at) as before"
            f" from {tables.trader_position_hours}"
            " inner join scored_traders using (user_address)"
            " inner join scored_coins using (coin) cross join lateral (select"
            " case side when 'long' then 1 else -1 end"
            " * (entry_notional_usd - exit_notional_usd) as bought) as sides"
            f" where next_hour_at is null or next_hour_at >= {since}) as hours"
            f" where hour_at >= {since} group by trader, coin, hour_at"
            " having sum(bought - before) <> 0"
        )
        day_flows = self._spans(
            "select trader, number as coin, day / 3600000 + 24 as start,"
            " day / 3600000 + 48 as ending, net_flow_usd::float8 as value"
            f" from {tables.trader_coin_daily}"
            " inner join scored_traders using (user_address)"
            " inner join scored_coins using (coin)"
            f" where day / 3600000 >= {self._from - 192} and net_flow_usd <> 0"
        )
        first = min(daily.first, hourly.first) - _PRICE_HOURS
        prices = self._prices(
            Grid(first, 1, max(_end(daily), _end(hourly)) - first + 1, daily.coins)
        )
        at = daily.first + daily.step * np.arange(daily.moments) - first
        first_day = self._read(
            f"select min(hour) / 86400000 as day from {tables.coin_hourly}"
        )["day"][0].as_py()
        return Market(
            daily,
            hourly,
            positions,
            day_flows,
            hour_flows,
            self._members(),
            prices[at],
            prices[at - 24],
            prices[hourly.first - first :][: hourly.moments],
            z_days,
            z_least,
            24 * (first_day + 7),
        )

    def _members(self) -> dict[str, Spans]:
        def members(flag: str, start: str, end: str) -> Spans:
            """Join cohorts that follow each other: gaps and islands."""
            return self._spans(
                f"select trader, 0 as coin, {start} as start, {end} as ending,"
                " 1::float8 as value from ("
                "select trader, min(as_of_date) as from_date, max(as_of_date) as"
                f" to_date from (select trader, as_of_date, as_of_date"
                f" - {self._step_days} * row_number() over (partition by trader order"
                f" by as_of_date)::integer as run from {self._tables.trader_cohorts}"
                f" inner join scored_traders using (user_address) where {flag}) as days"
                " group by trader, run) as runs"
            )

        first = _hours("from_date::timestamp") + " + 24"
        last = _hours("to_date::timestamp") + " + 24"
        return {
            "smart": members("is_smart_money", first, f"{last} + 1"),
            "winner": members("is_winner", first, f"{last} + 1"),
            "loser": members("is_loser", first, f"{last} + 1"),
            # Valid from the end of the first hour of the membership.
            "hourly": members(
                "is_smart_money", f"{first} + 1", f"{last} + {24 * self._step_days} + 1"
            ),
        }

    def _prices(self, grid: Grid) -> Floats:
        rows = self._arrays(
            "select hour / 3600000 + 1 as hour, number as coin,"
            f" close_px::float8 as close_px from {self._tables.coin_hourly}"
            " inner join scored_coins using (coin)"
            f" where hour / 3600000 + 1 >= {grid.first}"
        )
        prices = _on_grid(grid, rows, "close_px")
        # Carry the last known price forward.
        at = np.where(np.isnan(prices), 0, np.arange(grid.moments)[:, None])
        return np.asarray(
            np.take_along_axis(prices, np.maximum.accumulate(at, axis=0), axis=0)
        )

    def _spans(self, query: str) -> Spans:
        rows = self._arrays(f"{query} order by trader")
        names = ("trader", "start", "ending", "coin", "value")
        return Spans(*(rows[name] for name in names))

    def _arrays(self, query: str) -> dict[str, Any]:
        table = self._read(query)
        return {
            name: table[name]
            .to_numpy()
            .astype(np.float64 if pa.types.is_floating(table[name].type) else np.int64)
            for name in table.column_names
        }


def _hours(time: str) -> str:
    """Write hours since 1970, of a time at a full hour (UTC), as SQL."""
    return f"(extract(epoch from {time}) / 3600)::bigint"


def _end(grid: Grid) -> int:
    return grid.first + grid.step * max(grid.moments - 1, 0)


def _on_grid(grid: Grid, rows: Mapping[str, Any], name: str) -> Floats:
    """Place values on the grid; values at other moments are left out."""
    found = np.full((grid.moments, grid.coins), np.nan)
    at, rest = np.divmod(rows["hour"] - grid.first, grid.step)
    kept = (rest == 0) & (at >= 0) & (at < grid.moments)
    found[at[kept], rows["coin"][kept]] = rows[name][kept]
    return found
