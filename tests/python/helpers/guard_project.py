"""A project whose raw fills are dropped after 90 days, with 120 days of history."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from rollup_project import DAY, ROLLUPS, START, RollupProject, fills

KEPT_DAYS = 90
LOADED_DAYS = 120

History = dict[str, list[tuple[Any, ...]]]


def today() -> int:
    """Return today's number, as `fills` counts days."""
    return (int(time.time() * 1000) - START) // DAY


def days(numbers: Iterable[int], hour: int = 3) -> list[dict[str, Any]]:
    """A few fills on each of these days."""
    return [row for day in numbers for row in fills(day, [hour], per_hour=2)]


def is_community(project: RollupProject) -> bool:
    [(found,)] = project.query(
        "select coalesce(current_setting('timescaledb.license', true), '')"
        " = 'timescale'"
    )
    return bool(found)


def has_timescale(project: RollupProject) -> bool:
    return bool(project.query("select 1 from pg_extension where extname='timescaledb'"))


def history(project: RollupProject, before: int | None = None) -> History:
    """All rows of the rollups, or those of the days before one, as text."""
    limit = "true" if before is None else f"day < {START + before * DAY}"
    return {
        name: project.query(
            f"select t::text from analytics.{name} as t where {limit} order by 1"
        )
        for name in ROLLUPS
    }


def rows_before(rows: list[tuple[Any, ...]], day: int) -> list[tuple[Any, ...]]:
    """Rows of a history whose first column, the bucket, is before a day."""
    limit = START + day * DAY
    return [row for row in rows if int(row[0][1:].split(",")[0]) < limit]


def raw_days(project: RollupProject) -> int:
    """Days of which there are raw fills."""
    [(number,)] = project.query(
        f"select count(distinct time / {DAY}) from hyperliquid.fills"
    )
    return int(number)


def declare_retention(project: RollupProject, drop_after: str | None) -> None:
    with project.edit_source("fills") as table:
        settings = table["config"]["meta"]["timescale"]
        settings.pop("retention", None)
        if drop_after is not None:
            settings["retention"] = {"drop_after": drop_after}


def build_history(project: RollupProject) -> History:
    """Load and aggregate 120 days; nothing is dropped yet."""
    project.create_sources()
    project.load(days(range(today() - LOADED_DAYS, today() + 1)))
    project.run()
    return history(project)


def apply_retention(project: RollupProject) -> None:
    """Drop what is older than 90 days, the way the project does on this edition."""
    declare_retention(project, f"{KEPT_DAYS} days")
    project.run()
    if is_community(project):
        run_jobs(project, "proc_name = 'apply_retention'")
    assert KEPT_DAYS <= raw_days(project) <= KEPT_DAYS + 2


def drop_by_hand(project: RollupProject) -> None:
    """Drop the same rows by hand, as an operator would."""
    boundary = START + (today() - KEPT_DAYS) * DAY
    if has_timescale(project):
        project.execute(
            f"select drop_chunks('hyperliquid.fills', older_than => {boundary}::bigint)"
        )
    else:
        project.execute(f"delete from hyperliquid.fills where time < {boundary}")
    assert raw_days(project) == KEPT_DAYS + 1


def run_jobs(project: RollupProject, condition: str) -> None:
    """Run the server's jobs that a condition on timescaledb_information.jobs names."""
    found = project.query(
        f"select job_id from timescaledb_information.jobs where {condition}"
    )
    assert found
    for (job_id,) in found:
        project.execute(f"call run_job({job_id})")
