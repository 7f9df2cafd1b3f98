"""State of a trader's positions in a coin at the end of each hour with a fill.

`python_jobs.lib.fold.positions` does the work: a first build folds all fills, later
builds apply the new loads. If `RULES` changed, all positions are computed again.
"""

from __future__ import annotations

import functools
from typing import Any

from dbt_pyjobs import Changes
from python_jobs.lib.fold.positions import RULES, PositionJob


def model(dbt: Any, session: Any) -> Changes | None:
    """Fold the fills of the loads that are new; all fills on a first build."""
    this = str(dbt.this)
    is_same_rules = dbt.is_incremental and session.fingerprint == RULES
    # An empty list of YAML arrives as None.
    forgotten = dbt.config.meta_get("forget_history") or ()
    job = PositionJob(
        session.connection,
        str(dbt.ref("stg_hyperliquid__fills")),
        functools.partial(session.unapplied_loads, with_applied=not is_same_rules),
        slice_rows=int(dbt.config.meta_get("slice_rows")),
        forgets_history=session.consumer in forgotten,
    )
    if is_same_rules:
        changes = job.update(this)
    else:
        changes = job.rebuild(this if session.has_table(session.consumer) else None)
    if changes is None:
        return None
    return Changes(
        rows=changes.rows,
        deletes=changes.deletes,
        scope=None if is_same_rules else "true",
        loads=changes.loads,
        fingerprint=RULES,
        made_of=None if is_same_rules else {"rules": RULES},
    )
