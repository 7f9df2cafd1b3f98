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
    rollups,
    scoreboard,
    search,
    ticks,
)
from devdb.conninfo import connect
from devdb.database import enable_extensions

PROJECT_DIR = Path(__file__).resolve().parents[1]
RESULTS = PROJECT_DIR / "benchmarks" / "results.json"
PARTS = ("load", "fold", "rollups", "build", "ticks", "embeddings", "search")


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
    "--rollup-fills",
    default=2_000_000,
    envvar="BENCH_ROLLUP_FILLS",
    show_default=True,
    show_envvar=True,
    help="Fills that are rolled up and queried, over 100 days.",
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
    "--part",
    "parts",
    type=click.Choice(PARTS),
    multiple=True,
    default=PARTS,
    help="Measure only this part; may be repeated.",
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
    fills: int,
    build_fills: int,
    rollup_fills: int,
    tick_count: int,
    windows: int,
    parts: tuple[str, ...],
    rounds: int,
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
        if {"load", "fold"} & set(parts):
            tape = _tape(scratch / "load", fills)
        if "load" in parts:
            with _database("vigil_bench_load") as env:
                console.print(f"Loading {fills:,} fills, {rounds} times …")
                figures += load.measure(env, tape, scratch, rounds=rounds)
        if "fold" in parts:
            with _database("vigil_bench_fold") as env:
                console.print(f"Folding {fills:,} fills, {rounds} times …")
                commands.load(env, scratch, tape)
                figures += fold.measure(env, rounds=rounds)
        if "rollups" in parts:
            tape = _tape(scratch / "rollups", rollup_fills, days=100)
            with _database("vigil_bench_rollups") as env:
                console.print(f"Rolling up {rollup_fills:,} fills …")
                figures += rollups.measure(env, tape, scratch, rounds=rounds)
        if "build" in parts:
            tape = _tape(scratch / "build", build_fills)
            with _database("vigil_bench_build") as env:
                console.print(f"Building from {build_fills:,} fills …")
                figures += build.measure(env, tape, scratch)
        if "ticks" in parts:
            with _database("vigil_bench_ticks") as env:
                console.print(f"Loading {tick_count:,} ticks, {rounds} times …")
                figures += ticks.measure(env, scratch, ticks=tick_count, rounds=rounds)
        if "embeddings" in parts:
            console.print(f"Embedding a day of windows, {rounds} times …")
            figures += embeddings.measure(rounds=rounds)
        if "search" in parts:
            with _database("vigil_bench_search") as env:
                console.print(f"Searching {windows:,} windows …")
                figures += search.measure(env, scratch, windows=windows)
    if set(parts) == set(PARTS):
        scoreboard.write(RESULTS, machine, figures)
        console.print(f"Written to {RESULTS.relative_to(PROJECT_DIR)}")
    scoreboard.show(console, figures)


def _tape(folder: Path, fills: int, days: int = 60) -> Path:
    """Simulate fills, as many a day whatever their number; return the Parquet files."""
    subprocess.run(
        [
            *(sys.executable, "-m", "loaders.simulate", str(folder)),
            *("--fills", str(fills), "--days", str(days), "--format", "parquet"),
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
            with commands.connect(env) as database:
                enable_extensions(database)
            yield env
        finally:
            conn.execute(drop)


if __name__ == "__main__":
    main()
