"""One row per position episode of a trader in a coin, from flat to flat.

The work is `python_jobs.lib.positions`: a first build streams all fills through the
fold, later ones take in the loads that are new.
"""

from __future__ import annotations

from typing import Any

from dbt_pyjobs import Changes
from python_jobs.lib.positions import PositionJob


def model(dbt: Any, session: Any) -> Changes | None:
    """Fold the fills of the loads that are new; all fills on a first build."""
    job = PositionJob(
        session.connection,
        str(dbt.source("hyperliquid", "fills")),
        session.unapplied_loads,
        slice_rows=int(dbt.config.meta_get("slice_rows")),
    )
    changes = job.update(str(dbt.this)) if dbt.is_incremental else job.rebuild()
    if changes is None:
        return None
    return Changes(rows=changes.rows, deletes=changes.deletes, loads=changes.loads)
