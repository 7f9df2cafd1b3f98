"""Rows of `trader_profiles`, made from panels of traders, and the days of cohorts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from python_jobs.lib.fold.positions import RULES
from python_jobs.lib.profiles.classification import ATTRIBUTES, Rulebook, SeedRows
from python_jobs.lib.profiles.figures import ProfileOptions, figures
from python_jobs.lib.profiles.flows import exact_figures
from python_jobs.lib.profiles.metrics import METRICS, WHOLE_NUMBERS
from python_jobs.lib.profiles.panel import TraderPanel
from python_jobs.lib.profiles.points import Points
from python_jobs.lib.profiles.queries import Read
from python_jobs.lib.profiles.returns import Floats

EPOCH = date(1970, 1, 1)

PROFILE_COLUMNS = (
    "user_address",
    "first_active_at",
    "last_active_at",
    *METRICS,
    *ATTRIBUTES,
)
"""The columns of `trader_profiles`."""


def profile_rows(
    panel: TraderPanel,
    points: Points,
    options: ProfileOptions,
    rulebook: Rulebook,
    names: Sequence[str] = PROFILE_COLUMNS,
) -> pa.Table:
    """Compute profiles of traders as of days.

    Parameters
    ----------
    panel : TraderPanel
        The traders and their rows.
    points : Points
        Which traders, as of which days.
    options : ProfileOptions
        The project's choices.
    rulebook : Rulebook
        The classification rules.
    names : sequence of str
        The columns to return, from `PROFILE_COLUMNS`.

    Returns
    -------
    pyarrow.Table
        A row per point.
    """
    exact = exact_figures(panel, points)
    metrics = figures(panel, points, exact, options)
    columns = {"user_address": panel.users.take(pa.array(points.trader))}
    columns |= {name: metric_column(name, values) for name, values in metrics.items()}
    columns |= dict(zip(exact.column_names, exact.columns, strict=True))
    columns |= label_columns(metrics, rulebook)
    return pa.table({name: columns[name] for name in names})


def label_columns(
    metrics: Mapping[str, Floats], rulebook: Rulebook
) -> dict[str, pa.Array]:
    """Apply the rules to metrics; the columns of `ATTRIBUTES`."""
    return {name: pa.array(each) for name, each in rulebook.classify(metrics).items()}


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
        Earlier days are left unchanged; None for every day.
    step : int
        Days between two as-of days. They are counted from the epoch, so earlier or
        later data do not change which days are as-of days.

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


def first_stale_day(
    read: Read, trader_cohorts: object, first_changed: int | None
) -> int | None:
    """Find the first day whose cohorts are missing or changed by new loads.

    Parameters
    ----------
    read : callable
        Runs a query and returns its rows as an Arrow table.
    trader_cohorts : object
        The model's own table; `str()` is its name in SQL.
    first_changed : int or None
        The first day that loads changed, days since the epoch.

    Returns
    -------
    int or None
        Days since the epoch; None if every day has to be computed.
    """
    query = f"select max(as_of_date) - date 'epoch' as day from {trader_cohorts}"
    stored: int | None = read(query)["day"][0].as_py()
    if stored is None:
        return None
    return stored + 1 if first_changed is None else min(stored + 1, first_changed)


def scope_from(from_day: int | None) -> str:
    """Return the SQL condition for the as-of days from `from_day` on."""
    if from_day is None:
        return "true"
    return f"as_of_date >= date '{EPOCH + timedelta(days=from_day)}'"


def fingerprint(rules: SeedRows, classes: SeedRows, settings: object) -> str:
    """Hash what profiles depend on apart from the data.

    These are the seeds' rules, the settings, `RULES` of positions, and the source of
    this package. If any of them changes, all profiles are recomputed.

    Parameters
    ----------
    rules, classes : sequence of mappings
        The seeds' rows, in any order.
    settings : object
        Any object whose `repr()` contains its values.

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
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
