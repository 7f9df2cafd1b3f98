"""One row per trader: what the whole history says, and the class it leads to.

Reads sums per day and closed positions, some traders at a time; the figures come from
`python_jobs.lib.profiles`, the classes from the seed `trader_class_rules`. A run
profiles the traders that new loads brought fills of; all of them when a rule is new.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from psycopg.rows import dict_row

from dbt_pyjobs import Changes
from python_jobs.lib.classification import Rulebook
from python_jobs.lib.profile_flows import sum_totals
from python_jobs.lib.profile_queries import (
    classes_query,
    read_panels,
    rules_query,
)
from python_jobs.lib.profile_tables import fingerprint, profile_rows
from python_jobs.lib.profile_touched import MOST_TRADERS, read_touched, those
from python_jobs.lib.profiles import ProfileOptions


def model(dbt: Any, session: Any) -> Changes | None:
    """Profile the traders of whom anything is new."""
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
    rulebook = Rulebook.from_rows(rules, classes)

    state = fingerprint(rules, classes, options)
    unapplied = session.unapplied_loads(upstream=(daily, coin_daily, positions))
    loads = unapplied["load_id"].to_pylist()
    is_same_rules = dbt.is_incremental and state == session.fingerprint
    if is_same_rules and not loads:
        return None

    traders = "true"
    scope: str | None = "true"
    if is_same_rules:
        touched = read_touched(session.read, fills, unapplied)
        if len(touched) <= MOST_TRADERS:
            traders, scope = those(touched["user_address"]), None

    def batches() -> Iterator[pa.RecordBatch]:
        panels = read_panels(
            session.read_batches,
            trader_daily=daily,
            trader_coin_daily=coin_daily,
            trader_positions=positions,
            batch_rows=int(dbt.config.meta_get("batch_rows")),
            traders=traders,
        )
        for panel, rows in panels:
            totals = sum_totals(panel.users, rows)
            yield from profile_rows(panel, totals, options, rulebook).to_batches()

    return Changes(
        rows=batches(),
        scope=scope,
        loads=loads,
        fingerprint=state,
        made_of={"rules": rules, "classes": classes, "settings": asdict(options)},
    )
