"""Which traders belonged to the groups that signals follow, as of each day.

Figures and rules are those of `trader_profiles`, computed from the data up to the end
of that day. A load changes all days from the last day with fills before it. Traders
with fills since that day are computed from their whole history, the others from their
profiles and equity curves.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from dbt_pyjobs import Changes
from python_jobs.lib.profiles.classification import Rulebook
from python_jobs.lib.profiles.cohort_rows import cohort_rows, resting_cohort_rows
from python_jobs.lib.profiles.figures import ProfileOptions
from python_jobs.lib.profiles.queries import read_panels, read_rules, span_query
from python_jobs.lib.profiles.resting import read_resting
from python_jobs.lib.profiles.tables import (
    as_of_days,
    fingerprint,
    first_stale_day,
    scope_from,
)
from python_jobs.lib.profiles.touched import (
    MOST_TRADERS,
    active_query,
    first_changed_day,
    new_loads,
    users_condition,
)


def model(dbt: Any, session: Any) -> Changes | None:
    """Compute the cohorts of the days that new loads can have changed."""
    daily = dbt.ref("trader_daily")
    trader_coin_daily = dbt.ref("trader_coin_daily")
    positions = dbt.ref("trader_positions")
    risk = dbt.ref("trader_risk_daily")
    profiles = dbt.ref("trader_profiles")
    rules, classes = read_rules(
        session.connection, dbt.ref("trader_class_rules"), dbt.ref("trader_classes")
    )
    options = ProfileOptions(
        sharpe_min_days=int(dbt.config.meta_get("sharpe_min_days")),
        confidence_positions=float(dbt.config.meta_get("confidence_positions")),
        confidence_days=float(dbt.config.meta_get("confidence_days")),
    )
    step = int(dbt.config.meta_get("cohort_step_days"))
    rulebook = Rulebook.from_rows(rules, classes)

    # trader_profiles applies a load only after all models it reads have applied it.
    made_of = session.definitions([profiles])
    state = fingerprint(rules, classes, (options, step, made_of))
    _, loads = new_loads(session, [profiles], [profiles])
    is_same_rules = dbt.is_incremental and state == session.fingerprint
    if is_same_rules and not len(loads):
        return None

    span = session.read(span_query(daily)).to_pylist()[0]
    from_day = None
    if is_same_rules:
        changed = first_changed_day(session.read, daily, loads)
        from_day = first_stale_day(session.read, dbt.this, changed)
    days = as_of_days(span["first_day"], span["last_day"], from_day, step)
    traders = "true"
    # SQL condition on traders; None: nobody.
    without_fills: str | None = None
    if from_day is not None:
        active = session.read(active_query(daily, from_day))
        if len(active) <= MOST_TRADERS:
            traders = users_condition(active["user_address"])
            without_fills = f"not {traders}"

    def batches() -> Iterator[pa.RecordBatch]:
        panels = read_panels(
            session.read_batches,
            trader_daily=daily,
            trader_coin_daily=trader_coin_daily,
            trader_positions=positions,
            risk=risk,
            batch_rows=int(dbt.config.meta_get("batch_rows")),
            traders=traders,
        )
        for panel in panels:
            yield from cohort_rows(panel, options, rulebook, days)
        if without_fills is None:
            return
        for rows in read_resting(
            session.read_batches,
            trader_profiles=profiles,
            risk=risk,
            traders=without_fills,
            days=days,
            rulebook=rulebook,
        ):
            yield from resting_cohort_rows(rows)

    return Changes(
        rows=batches(),
        scope=scope_from(from_day),
        loads=loads["load_id"].to_pylist(),
        fingerprint=state,
        made_of={
            "rules": rules,
            "classes": classes,
            "settings": asdict(options) | {"cohort_step_days": step},
            "models": made_of,
        },
    )
