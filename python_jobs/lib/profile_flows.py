"""What the server's exact decimals add up to: flows per day, totals per trader."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_jobs.lib.coins import are_spot
from python_jobs.lib.decimal_sums import nearest_floats, sum_by, to_decimals, to_words
from python_jobs.lib.profile_panel import FLOW_MEASURES, to_ints


def sum_flows(coin_daily: pa.Table) -> pa.Table:
    """Add up each trader's flows of a day over coins.

    Parameters
    ----------
    coin_daily : pyarrow.Table
        Result of `coin_daily_query`.

    Returns
    -------
    pyarrow.Table
        `FLOW_MEASURES` by `user_address` and `day`: exact sums as the nearest doubles.
    """
    users, coins = (
        coin_daily[name].combine_chunks().dictionary_encode()
        for name in ("user_address", "coin")
    )
    user, day = to_ints(users.indices), to_ints(coin_daily["day"])
    origin = day.min(initial=0)
    span = int(day.max(initial=0) - origin) + 1
    keys, group = np.unique(user * span + (day - origin), return_inverse=True)
    flow = to_words(coin_daily["net_flow_usd"])
    is_spot = are_spot(coins.dictionary.to_pylist())[coins.indices.to_numpy()]
    sums = (
        sum_by(group, len(keys), flow, of_absolute=True),
        sum_by(group[is_spot], len(keys), flow[is_spot], of_absolute=True),
        sum_by(group, len(keys), flow),
    )
    floats = (np.abs(nearest_floats(each)) for each in sums)
    return pa.table(
        {
            "user_address": users.dictionary.take(pa.array(keys // span)),
            "day": keys % span + origin,
            **dict(zip(FLOW_MEASURES, floats, strict=True)),
        }
    )


def sum_totals(users: pa.Array, daily: pa.Table) -> pa.Table:
    """Add up each trader's money over all days, exactly, and find the times.

    Parameters
    ----------
    users : pyarrow.Array of string
        The traders.
    daily : pyarrow.Table
        Result of `daily_query`.

    Returns
    -------
    pyarrow.Table
        A row per trader, in their order: `first_active_at` and `last_active_at`,
        `volume`, `gross_pnl`, `fees_usd` and `net_pnl` as decimals, USD; NULL for one
        without a row in `daily`, and where a day's figure is.
    """
    trader = to_ints(pc.index_in(daily["user_address"], value_set=users))
    is_absent = np.bincount(trader, minlength=len(users)) == 0
    first = np.full(len(users), np.iinfo(np.int64).max)
    last = np.full(len(users), np.iinfo(np.int64).min)
    np.minimum.at(first, trader, to_ints(daily["first_fill_time"]))
    np.maximum.at(last, trader, to_ints(daily["last_fill_time"]))

    def total(*names: str) -> pa.Array:
        words = np.concatenate([to_words(daily[name]) for name in names])
        groups = np.concatenate([trader] * len(names))
        sums = to_decimals(sum_by(groups, len(users), words))
        # A sum of which a part is not known is not known.
        is_null = np.concatenate([daily[name].is_null().to_numpy() for name in names])
        unknown = np.bincount(groups[is_null], minlength=len(users)) > 0
        return pc.if_else(pa.array(unknown), pa.scalar(None, sums.type), sums)

    totals = pa.table(
        {
            "first_active_at": _instants(first),
            "last_active_at": _instants(last),
            "volume": total("maker_volume", "taker_volume"),
            **{name: total(name) for name in ("gross_pnl", "fees_usd", "net_pnl")},
        }
    )
    return totals.take(pa.array(np.arange(len(users)), mask=is_absent))


def _instants(milliseconds: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
    return pa.array(milliseconds * 1000).cast(pa.timestamp("us", "UTC"))
