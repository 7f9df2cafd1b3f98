"""``python -m benchmarks``: the scoreboard (``make bench``)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from psycopg import sql
from rich.console import Console

from benchmarks import (
    build,
    commands,
    embeddings,
    fold,
    load,
    scoreboard,
    search,
    ticks,
)
from devdb.conninfo import connect

PROJECT_DIR = Path(__file__).resolve().parents[1]
RESULTS = PROJECT_DIR / "benchmarks" / "results.json"


@click.command()
@click.option(
    "--fills",
    default=1_000_000,
    envvar="BENCH_FILLS",
    show_default=True,
    show_envvar=True,
    help="Fills that are loaded and folded.",
)
@click.option(
    "--build-fills",
    default=5_000_000,
    envvar="BENCH_BUILD_FILLS",
    show_default=True,
    show_envvar=True,
    help="Fills of the builds whose time and memory are measured.",
)
@click.option(
    "--ticks",
    "tick_count",
    default=1_000_000,
    envvar="BENCH_TICKS",
    show_default=True,
    show_envvar=True,
    help="Ticks that are loaded.",
)
@click.option(
    "--windows",
    default=search.WINDOWS,
    envvar="BENCH_WINDOWS",
    show_default=True,
    show_envvar=True,
    help="Embedded windows that similar ones are looked for in.",
)
@click.option(
    "--rounds",
    default=3,
    envvar="BENCH_ROUNDS",
    show_default=True,
    show_envvar=True,
    help="Repetitions, of which the median counts (builds run once).",
)
def main(
    fills: int, build_fills: int, tick_count: int, windows: int, rounds: int
) -> None:
    """Measure on the server in use, in databases that are dropped again."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    figures: list[scoreboard.Figure] = []
    with connect() as conn:
        machine = scoreboard.machine(conn)
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        scratch = Path(folder)
        # The server, another user, reads the CSV file of the COPY from here.
        scratch.chmod(0o755)
        tape = _tape(scratch / "load", fills)
        with _database("vigil_bench_load") as env:
            console.print(f"Loading {fills:,} fills, {rounds} times …")
            figures += load.measure(env, tape, scratch, rounds=rounds)
        with _database("vigil_bench_fold") as env:
            console.print(f"Folding {fills:,} fills, {rounds} times …")
            commands.load(env, scratch, tape)
            figures += fold.measure(env, rounds=rounds)
        tape = _tape(scratch / "build", build_fills)
        with _database("vigil_bench_build") as env:
            console.print(f"Building from {build_fills:,} fills …")
            figures += build.measure(env, tape, scratch)
        with _database("vigil_bench_ticks") as env:
            console.print(f"Loading {tick_count:,} ticks, {rounds} times …")
            figures += ticks.measure(env, scratch, ticks=tick_count, rounds=rounds)
        console.print(f"Embedding a day of windows, {rounds} times …")
        figures += embeddings.measure(rounds=rounds)
        with _database("vigil_bench_search") as env:
            console.print(f"Searching {windows:,} windows …")
            figures += search.measure(env, scratch, windows=windows)
    scoreboard.write(RESULTS, machine, figures)
    scoreboard.show(console, figures)
    console.print(f"Written to {RESULTS.relative_to(PROJECT_DIR)}")


def _tape(folder: Path, fills: int) -> Path:
    """Simulate fills, as many a day whatever their number; return the Parquet files."""
    subprocess.run(
        [
            *(sys.executable, "-m", "loaders.simulate", str(folder)),
            *("--fills", str(fills), "--days", "60", "--format", "parquet"),
        ],
        cwd=PROJECT_DIR,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "parquet"


@contextmanager
def _database(name: str) -> Iterator[dict[str, str]]:
    """Make an empty database; yield the libpq variables that lead to it."""
    create = sql.SQL("create database {}").format(sql.Identifier(name))
    drop = sql.SQL("drop database if exists {} with (force)").format(
        sql.Identifier(name)
    )
    with connect(autocommit=True) as conn:
        conn.execute(drop)
        conn.execute(create)
        info = conn.info
        env = {
            **os.environ,
            "PGHOST": info.host,
            "PGPORT": str(info.port),
            "PGUSER": info.user,
            "PGDATABASE": name,
        }
        try:
            yield env
        finally:
            conn.execute(drop)


if __name__ == "__main__":
    main()
