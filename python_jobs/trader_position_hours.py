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
    is_same_rules = dbt.is_incremental and session.fingerprint == RULES
    job = PositionJob(
        session.connection,
        str(dbt.ref("stg_hyperliquid__fills")),
        functools.partial(session.unapplied_loads, with_applied=not is_same_rules),
        slice_rows=int(dbt.config.meta_get("slice_rows")),
    )
    changes = job.update(str(dbt.this)) if is_same_rules else job.rebuild()
    if changes is None:
        return None
    return Changes(
        rows=changes.rows,
        deletes=changes.deletes,
        scope=None if is_same_rules else "true",
        loads=changes.loads,
        fingerprint=RULES,
    )
