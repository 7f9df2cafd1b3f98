"""One row per trader: figures of the whole history, and the trader's classes.

Reads daily sums, closed positions and the equity curve (trader_risk_daily), a batch of
traders at a time. `python_jobs.lib.profiles` computes the figures; the seed
`trader_class_rules` has the rules of the classes.

A run recomputes traders with new fills. For traders without new fills who held
something since, only the figures of the equity curve are updated. All traders are
recomputed if a rule, a setting, the code of `python_jobs.lib.profiles` or the
definition of an upstream model changed, or if more than `MOST_TRADERS` traders have new
fills.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from dbt_pyjobs import Changes
from python_jobs.lib.profiles.classification import Rulebook
from python_jobs.lib.profiles.figures import ProfileOptions
from python_jobs.lib.profiles.points import changes
from python_jobs.lib.profiles.queries import read_panels, read_rules
from python_jobs.lib.profiles.resting import read_resting
from python_jobs.lib.profiles.tables import fingerprint, profile_rows
from python_jobs.lib.profiles.touched import (
    MOST_TRADERS,
    first_changed_day,
    held_since,
    new_loads,
    touched_query,
    users_condition,
)

END_OF_TIME = 2_000_000
"""A day later than all data, days since the epoch: in the year 7445."""


def model(dbt: Any, session: Any) -> Changes | None:
    """Compute the profiles that new loads can have changed."""
    fills = dbt.source("hyperliquid", "fills")
    daily = dbt.ref("trader_daily")
    trader_coin_daily = dbt.ref("trader_coin_daily")
    positions = dbt.ref("trader_positions")
    risk = dbt.ref("trader_risk_daily")
    rules, classes = read_rules(
        session.connection, dbt.ref("trader_class_rules"), dbt.ref("trader_classes")
    )
    options = ProfileOptions(
        sharpe_min_days=int(dbt.config.meta_get("sharpe_min_days")),
        confidence_positions=float(dbt.config.meta_get("confidence_positions")),
        confidence_days=float(dbt.config.meta_get("confidence_days")),
    )
    rulebook = Rulebook.from_rows(rules, classes)

    upstream = (daily, trader_coin_daily, positions, risk)
    made_of = session.definitions(upstream)
    state = fingerprint(rules, classes, (options, made_of))
    # Loads of fills, and all loads: those of marks and rates change `risk` only.
    of_fills, loads = new_loads(session, upstream, [risk])
    is_same_rules = dbt.is_incremental and state == session.fingerprint
    if is_same_rules and not len(loads):
        return None

    # SQL condition on the traders to compute.
    traders = "true"
    # SQL condition on traders without new fills whose curve changed; None: nobody.
    resting: str | None = None
    # "true": the rows are the whole table; None: only insert or update their keys.
    scope: str | None = "true"
    if is_same_rules:
        touched = session.read(touched_query(fills, of_fills))
        if len(touched) <= MOST_TRADERS:
            traders, scope = users_condition(touched["user_address"]), None
            changed = first_changed_day(session.read, daily, loads)
            resting = f"{held_since(risk, changed)} and not {traders}"

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
            points = changes(panel, np.array([END_OF_TIME]))
            yield from profile_rows(panel, points, options, rulebook).to_batches()
        if resting is None:
            return
        for rows in read_resting(
            session.read_batches,
            trader_profiles=dbt.this,
            risk=risk,
            traders=resting,
            days=[END_OF_TIME],
            rulebook=rulebook,
        ):
            yield from rows.drop_columns("as_of_date").to_batches()

    return Changes(
        rows=batches(),
        scope=scope,
        loads=loads["load_id"].to_pylist(),
        fingerprint=state,
        made_of={
            "rules": rules,
            "classes": classes,
            "settings": asdict(options),
            "models": made_of,
        },
    )
