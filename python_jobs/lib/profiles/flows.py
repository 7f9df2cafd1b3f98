"""Exact sums of decimals: flows per day, totals per trader."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgio.integers import integers
from python_jobs.lib.profiles.coins import are_spot
from python_jobs.lib.profiles.decimal_sums import (
    nearest_floats,
    sum_by,
    sum_spans,
    to_decimals,
    to_words,
)
from python_jobs.lib.profiles.panel import (
    CURVE_MEASURES,
    FLOW_MEASURES,
    MONEY,
    Flags,
    TraderPanel,
)
from python_jobs.lib.profiles.points import Points, rows_seen
from python_jobs.lib.profiles.returns import Ints

EXACT = ("volume", "gross_pnl", "fees_usd", "net_pnl", "mtm_net_pnl")
"""Metrics that are stored as exact decimals."""


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
    user, day = integers(users.indices), integers(coin_daily["day"])
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


def exact_figures(panel: TraderPanel, points: Points) -> pa.Table:
    """Add up each trader's money up to each day; find fill times and the curve's row.

    Parameters
    ----------
    panel : TraderPanel
        The traders and their rows.
    points : Points
        Which traders, as of which days.

    Returns
    -------
    pyarrow.Table
        A row per point: `first_active_at` and `last_active_at`, `EXACT`, `maker_volume`
        and `twap_volume` as decimals, USD, and `CURVE_MEASURES`. NULL for a trader
        without a row up to the day; a sum is NULL from the first day with an unknown
        figure on.
    """
    daily = panel.daily.table
    begin, end = rows_seen(panel.daily, points)
    is_absent = begin == end
    words = {name: to_words(daily[name]) for name in MONEY}
    words["volume"] = sum_by(
        np.tile(np.arange(len(daily)), 2),
        len(daily),
        np.concatenate([words["maker_volume"], words["taker_volume"]]),
    )

    def total(name: str) -> pa.Array:
        sums = to_decimals(sum_spans(words[name], begin, end))
        is_unknown = is_absent
        if name in daily.column_names:
            unknown = np.append(0, np.cumsum(daily[name].is_null().to_numpy()))
            is_unknown = is_absent | (unknown[end] > unknown[begin])
        return pc.if_else(pa.array(is_unknown), pa.scalar(None, sums.type), sums)

    from_day, to_day = rows_seen(panel.curve, points)
    last_days = panel.curve.table.select(CURVE_MEASURES).take(
        pa.array(to_day - 1, mask=from_day == to_day)
    )
    return pa.table(
        {
            "first_active_at": _instants(daily["first_fill_time"], begin, is_absent),
            "last_active_at": _instants(daily["last_fill_time"], end - 1, is_absent),
            "maker_volume": total("maker_volume"),
            "twap_volume": total("twap_volume"),
            **{name: total(name) for name in EXACT if name not in CURVE_MEASURES},
            **dict(zip(CURVE_MEASURES, last_days.columns, strict=True)),
        }
    )


def _instants(milliseconds: pa.ChunkedArray, rows: Ints, is_absent: Flags) -> pa.Array:
    taken = milliseconds.take(pa.array(rows, mask=is_absent))
    return pc.multiply(taken, 1000).cast(pa.timestamp("us", "UTC"))
