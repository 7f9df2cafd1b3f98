"""Traders without new fills: only figures from the equity curve are updated.

The value of open positions changes every day. All other figures of such a trader are
taken from `trader_profiles`, so the history is not read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pyarrow as pa

from python_jobs.lib.profiles.classification import ATTRIBUTES, Rulebook
from python_jobs.lib.profiles.figures import turnover
from python_jobs.lib.profiles.metrics import METRICS
from python_jobs.lib.profiles.panel import CURVE_MEASURES, to_floats
from python_jobs.lib.profiles.queries import ReadBatches
from python_jobs.lib.profiles.tables import (
    EPOCH,
    PROFILE_COLUMNS,
    label_columns,
    metric_column,
)


def read_resting(
    read_batches: ReadBatches,
    *,
    trader_profiles: object,
    risk: object,
    traders: str,
    days: Sequence[int],
    rulebook: Rulebook,
) -> Iterator[pa.Table]:
    """Compute profiles of traders as of days after their last fill.

    Parameters
    ----------
    read_batches : callable
        Runs a query on its own connection and yields Arrow batches.
    trader_profiles, risk : object
        Relations whose `str()` is their name in SQL.
    traders : str
        SQL condition on `user_address` that selects them.
    days : sequence of int
        Days since the epoch.
    rulebook : Rulebook
        The classification rules.

    Yields
    ------
    pyarrow.Table
        `as_of_date` and `PROFILE_COLUMNS`, a row per trader and day.
    """
    dates = ", ".join(f"date '{EPOCH + timedelta(days=day)}'" for day in days)
    of_curve = ", ".join(f"curve.{name}" for name in CURVE_MEASURES)
    of_fills = ", ".join(
        f"profiles.{name}"
        for name in PROFILE_COLUMNS
        if name not in (*CURVE_MEASURES, *ATTRIBUTES)
    )
    query = (
        f"select as_of.day as as_of_date, {of_fills}, {of_curve} "
        f"from (select * from {trader_profiles} where {traders}) as profiles "
        f"cross join unnest(array[{dates}]::date[]) as as_of (day) "
        f"left join lateral (select * from {risk} as risk "
        "where risk.user_address = profiles.user_address and risk.day <= as_of.day "
        "order by risk.day desc limit 1) as curve on true"
    )
    for batch in read_batches(query):
        read = pa.Table.from_batches([batch])
        metrics = {name: to_floats(read[name]) for name in METRICS}
        metrics["turnover"] = turnover(metrics)
        columns = dict(zip(read.column_names, read.columns, strict=True))
        columns["turnover"] = metric_column("turnover", metrics["turnover"])
        columns |= label_columns(metrics, rulebook)
        yield pa.table(
            {name: columns[name] for name in ("as_of_date", *PROFILE_COLUMNS)}
        )
