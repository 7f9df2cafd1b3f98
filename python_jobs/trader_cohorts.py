"""Who belonged to the groups that signals follow, as of each day.

The same figures and rules as `trader_profiles`, from the data up to the end of that day
only. A load changes the days of its traders from their first new fill on, so only those
are computed again; other traders stay what they were.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from psycopg.rows import dict_row

from dbt_pyjobs import Changes
from python_jobs.lib.classification import Rulebook
from python_jobs.lib.cohort_changes import carried_rows, first_days_of, plan_cohorts
from python_jobs.lib.cohort_rows import cohort_rows
from python_jobs.lib.profile_queries import (
    classes_query,
    read_panels,
    rules_query,
    span_query,
)
from python_jobs.lib.profile_tables import fingerprint
from python_jobs.lib.profiles import ProfileOptions


def model(dbt: Any, session: Any) -> Changes | None:
    """Compute the cohorts that new loads can have changed, carry the others on."""
    fills = dbt.source("hyperliquid", "fills")
    daily = dbt.ref("trader_daily")
    coin_daily = dbt.ref("trader_coin_daily")
    positions = dbt.ref("trader_positions")
    cursor = session.connection.cursor(row_factory=dict_row)
    rules = cursor.execute(rules_query(dbt.ref("trader_class_rules"))).fetchall()
    classes = cursor.execute(classes_query(dbt.ref("trader_classes"))).fetchall()
    options = ProfileOptions(
        sharpe_min_days=int(dbt.config.meta_get("sharpe_min_days")),
        confidence_positions=float(dbt.config.meta_get("confidence_positions")),
        confidence_days=float(dbt.config.meta_get("confidence_days")),
    )
    step = int(dbt.config.meta_get("cohort_step_days"))
    rulebook = Rulebook.from_rows(rules, classes)

    state = fingerprint(rules, classes, (options, step))
    unapplied = session.unapplied_loads(upstream=(daily, coin_daily, positions))
    loads = unapplied["load_id"].to_pylist()
    is_same_rules = dbt.is_incremental and state == session.fingerprint
    if is_same_rules and not loads:
        return None

    span = session.read(span_query(daily)).to_pylist()[0]
    plan = plan_cohorts(
        session.read,
        cohorts=dbt.this if is_same_rules else None,
        fills=fills,
        trader_daily=daily,
        loads=unapplied,
        span=(span["first_day"], span["last_day"]),
        step=step,
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for group in plan.groups:
            panels = read_panels(
                session.read_batches,
                trader_daily=daily,
                trader_coin_daily=coin_daily,
                trader_positions=positions,
                batch_rows=int(dbt.config.meta_get("batch_rows")),
                traders=group.traders,
            )
            for panel, _ in panels:
                first_days = first_days_of(panel.users, plan.stale)
                yield from cohort_rows(panel, options, rulebook, group.days, first_days)
        yield from carried_rows(session.read, dbt.this, plan)

    return Changes(
        rows=batches(),
        deletes=plan.deletes,
        scope=plan.scope,
        loads=loads,
        fingerprint=state,
        made_of={
            "rules": rules,
            "classes": classes,
            "settings": asdict(options) | {"cohort_step_days": step},
        },
    )
