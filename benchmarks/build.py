"""What a build costs: in full, with one more day, with nothing new; and its memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.commands import create_sources, dbt, run
from benchmarks.scoreboard import Figure, figure


def measure(env: Mapping[str, str], tape: Path, scratch: Path) -> list[Figure]:
    """Load all days but the last, build; load that one, build; build again.

    Parameters
    ----------
    env
        libpq variables of an empty database.
    tape
        Folder of daily Parquet files.
    scratch
        Folder for dbt's artifacts.

    Returns
    -------
    list of Figure
        Seconds and MB of the largest process, dbt's own.

    Raises
    ------
    RuntimeError
        When a command fails, with what it printed.
    """
    *days, last = sorted(tape.rglob("*.parquet"))
    create_sources(env, scratch)
    loader = ["loaders.load_to_db", "fills"]
    load, load_mb = run(env, [*loader, *map(str, days)])
    full, full_mb = dbt(env, scratch, "build")
    run(env, [*loader, str(last)])
    day, day_mb = dbt(env, scratch, "build")
    same, _ = dbt(env, scratch, "build")
    loading = f"loading the same {len(days)} days"
    all_days = f"full build of {len(days)} days"
    return [
        figure("build_full", full, "s", loading, load, runs=1),
        figure("build_full_peak_memory", full_mb, "MB", loading, load_mb, runs=1),
        figure("build_one_more_day", day, "s", all_days, full, runs=1),
        figure(
            "build_one_more_day_peak_memory", day_mb, "MB", all_days, full_mb, runs=1
        ),
        figure("build_nothing_new", same, "s", all_days, full, runs=1),
    ]
