"""What a build costs: in full, with one more day, with nothing new; and its memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.commands import load, run
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
    artifacts = ["--target-path", str(scratch), "--log-path", str(scratch)]
    dbt = ["dbt.cli.main", "--no-use-colors"]
    load(env, scratch, *days)
    full, full_mb = run(env, [*dbt, "build", *artifacts])
    run(env, ["loaders.load_to_db", "fills", str(last)])
    day, day_mb = run(env, [*dbt, "build", *artifacts])
    same, _ = run(env, [*dbt, "build", *artifacts])
    share = f"full build of {len(days)} days"
    return [
        figure("build_full", full, "s"),
        figure("build_full_peak_memory", full_mb, "MB"),
        figure("build_one_more_day", day, "s", share, full),
        figure("build_one_more_day_peak_memory", day_mb, "MB", share, full_mb),
        figure("build_nothing_new", same, "s", share, full),
    ]
