"""What a build costs: in full, with one more day, with nothing new; and its memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.scoreboard import Figure, figure

PROJECT_DIR = Path(__file__).resolve().parents[1]


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


def load(env: Mapping[str, str], scratch: Path, *tapes: Path) -> None:
    """Create the raw tables and load files or folders of fills."""
    artifacts = ["--target-path", str(scratch), "--log-path", str(scratch)]
    run(env, ["dbt.cli.main", "run-operation", "create_sources", *artifacts])
    run(env, ["loaders.load_to_db", "fills", *map(str, tapes)])


def run(env: Mapping[str, str], command: list[str]) -> tuple[float, float]:
    """Run a module.

    Returns
    -------
    tuple of float
        Its seconds, and its peak resident memory in MB.

    Raises
    ------
    RuntimeError
        When it fails, with what it printed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=PROJECT_DIR,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024
