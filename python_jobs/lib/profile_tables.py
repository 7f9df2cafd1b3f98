"""Rows of `trader_profiles`, made from panels of traders, and the days of cohorts."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_jobs.lib.classification import Rulebook, SeedRows
from python_jobs.lib.positions import RULES
from python_jobs.lib.profile_metrics import METRICS, WHOLE_NUMBERS
from python_jobs.lib.profile_panel import TraderPanel
from python_jobs.lib.profile_points import changes
from python_jobs.lib.profiles import ProfileOptions, figures
from python_jobs.lib.returns import Floats

EPOCH = date(1970, 1, 1)

EXACT_TOTALS = ("volume", "gross_pnl", "fees_usd", "net_pnl")
"""Sums of money in exact decimals, of `sum_totals`."""

SOURCES = (
    "classification.py",
    "cohort_changes.py",
    "cohort_rows.py",
    "coins.py",
    "decimal_sums.py",
    "ordered_rows.py",
    "profile_flows.py",
    "profile_metrics.py",
    "profile_panel.py",
    "profile_points.py",
    "profile_queries.py",
    "profile_tables.py",
    "profile_touched.py",
    "profiles.py",
    "returns.py",
)
"""Files whose content decides what a profile says."""


def profile_rows(
    panel: TraderPanel, totals: pa.Table, options: ProfileOptions, rulebook: Rulebook
) -> pa.Table:
    """Profile every trader of a panel as of the last day of its data.

    Parameters
    ----------
    panel : TraderPanel
        The traders and their rows.
    totals : pyarrow.Table
        Of `sum_totals`, for the same traders in the same order.
    options : ProfileOptions
        The project's choices.
    rulebook : Rulebook
        The classification rules.

    Returns
    -------
    pyarrow.Table
        A row per trader, the columns of `trader_profiles`.
    """
    end_of_time = np.array([np.iinfo(np.int64).max])
    metrics = figures(panel, changes(panel, end_of_time), options)
    columns = {"user_address": panel.users}
    for name in ("first_active_at", "last_active_at", *EXACT_TOTALS):
        columns[name] = totals[name]
    for name in METRICS:
        if name not in EXACT_TOTALS:
            columns[name] = metric_column(name, metrics[name])
    for name, labels in rulebook.classify(metrics).items():
        columns[name] = pa.array(labels)
    return pa.table(columns)


def metric_column(name: str, values: Floats) -> pa.Array:
    """Turn a metric into its stored column: counts as integers, NaN as NULL."""
    if name in WHOLE_NUMBERS:
        return pa.array(np.rint(values).astype(np.int64))
    return pa.array(values, mask=np.isnan(values))


def as_of_days(
    first_day: int | None, last_day: int | None, from_day: int | None, step: int
) -> list[int]:
    """List the as-of days between `from_day` and the end of the data.

    Parameters
    ----------
    first_day, last_day : int or None
        First and last day of the data, days since the epoch; None if there is none.
    from_day : int or None
        Earlier days are left as they are; None for every day.
    step : int
        Every how many days. Counted from the epoch, so that a day does not stop being
        one when earlier or later data arrive.

    Returns
    -------
    list of int
        Ascending.
    """
    if step < 1:
        raise ValueError(f"cohort_step_days must be at least 1, not {step}")
    if first_day is None or last_day is None:
        return []
    start = first_day if from_day is None else max(first_day, from_day)
    return list(range(start + -start % step, last_day + 1, step))


def first_stale_day(stored_until: date | None, loaded_from: pa.Array) -> int | None:
    """Find the first as-of day that new loads can have changed, or that is not there.

    Parameters
    ----------
    stored_until : datetime.date or None
        Last as-of day stored; None if nothing stored can be kept.
    loaded_from : pyarrow.Array of timestamp
        Earliest fill of each new load; NULL for a load without any.

    Returns
    -------
    int or None
        Days since the epoch; None if every day has to be computed.
    """
    if stored_until is None:
        return None
    next_day = (stored_until - EPOCH).days + 1
    earliest = pc.min(loaded_from).as_py()
    if earliest is None:
        return next_day
    loaded_day: date = earliest.astimezone(UTC).date()
    return min(next_day, (loaded_day - EPOCH).days)


def scope_from(from_day: int | None) -> str:
    """Write the SQL predicate for the as-of days from `from_day` on."""
    if from_day is None:
        return "true"
    return f"as_of_date >= date '{EPOCH + timedelta(days=from_day)}'"


def fingerprint(rules: SeedRows, classes: SeedRows, settings: object) -> str:
    """Hash what profiles depend on besides data.

    The rules, the settings, the rules of positions, and the source of this library:
    when any of them changes, everything is computed anew.

    Parameters
    ----------
    rules, classes : sequence of mappings
        The seeds' rows, in any order.
    settings : object
        Anything with a `repr()` that tells its values.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for seed in (rules, classes):
        rows = sorted(json.dumps(row, sort_keys=True) for row in seed)
        digest.update(json.dumps(rows).encode())
    digest.update(repr((settings, RULES)).encode())
    here = Path(__file__).parent
    for name in SOURCES:
        digest.update((here / name).read_bytes())
    return digest.hexdigest()
