"""``python -m benchmarks.scale``: from Parquet to signals at one size, step by step."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any, TypedDict

import click
import pyarrow.parquet as pq
from rich.console import Console

from benchmarks import scoreboard
from benchmarks.commands import (
    PROJECT_DIR,
    RUN_RESULTS,
    connect,
    create_sources,
    database,
    dbt_command,
    node_seconds,
    run,
)
from benchmarks.disk import check_space
from benchmarks.late_fills import hold_back
from benchmarks.server_memory import ServerMemory
from benchmarks.servers import find_servers
from benchmarks.sizes import TableSize, database_bytes, table_sizes
from benchmarks.tables import scale_tables
from benchmarks.tapes import make_tape, others_of

FILLS_A_DAY = 1_000_000 / 6
#: Days before the last one whose late fills come last.
LATE_DAYS = 4
WORKERS = 2

FAILED_LINES = 40


class Step(TypedDict):
    """One command of the run.

    Keys
    ----
    name, seconds
        What it does, and its wall time.
    peak_mb
        Resident memory of the command's process, of its largest one if it has several.
    server_mb
        The most that the server's processes had of their own at once; None where the
        server is elsewhere.
    database_mb
        Size of the database after it.
    nodes
        Of a build: seconds by model, and of all ``tests``, ``seeds`` and so on. Two
        run at a time, so they add up to more than the wall time.
    slowest_tests
        Of a build: seconds by name of the ten that took most.
    failed
        Last output of a build that failed; its memory is unknown then.
    """

    name: str
    seconds: float
    peak_mb: float
    server_mb: float | None
    database_mb: float
    nodes: dict[str, float]
    slowest_tests: dict[str, float]
    failed: str | None


class Result(TypedDict):
    """A whole run, as it is written after every step."""

    machine: dict[str, Any]
    server: str
    fills: int
    days: int
    late_fills: int
    steps: list[Step]
    tables: list[TableSize]


@click.command()
@click.option("--fills", type=click.IntRange(min=100_000), default=1_000_000)
@click.option("--days", type=click.IntRange(min=2), help="Default: by --fills.")
@click.option(
    "--tape",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What `python -m benchmarks.tapes` wrote, instead of --fills and --days.",
)
@click.option("--server", default="", help="A server's name; default: the one in use.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The JSON file."
)
@click.option("--keep", is_flag=True, help="Leave the database, vigil_bench_scale.")
def main(
    fills: int,
    days: int | None,
    tape: Path | None,
    server: str,
    out: Path | None,
    keep: bool,
) -> None:
    """Load and build N fills; add a day, then late fills, then nothing.

    The figures are in benchmarks/scale-N-SERVER.json, from the first step on.
    """
    console = Console()
    if tape is None:
        days = days or max(2, round(fills / FILLS_A_DAY))
    else:
        files = list((tape / "parquet").glob("*.parquet"))
        fills = sum(pq.read_metadata(path).num_rows for path in files)
        days = len(files)
    [chosen] = find_servers(server)
    with chosen.run() as (conninfo, scratch):
        check_space(conninfo, scratch, fills, has_tape=tape is not None)
        if tape is None:
            console.print(f"Making a tape of {fills:,} fills on {days} days …")
            make_tape(scratch / "tape", fills=fills, days=days)
            tape = scratch / "tape"
        out = out or PROJECT_DIR / "benchmarks" / f"scale-{fills}-{chosen.name}.json"
        with database(conninfo, "vigil_bench_scale", keep=keep) as env:
            with connect(env) as conn:
                machine = scoreboard.machine()
                machine["servers"][chosen.name] = scoreboard.server(conn)
            result = Result(
                machine=machine,
                server=chosen.name,
                fills=fills,
                days=days,
                late_fills=0,
                steps=[],
                tables=[],
            )
            run_steps(env, tape, scratch, result, lambda: _save(out, result, console))
    console.print(scale_tables([result]), markup=False, highlight=False, soft_wrap=True)
    console.print(f"Written to {out}")
    if any(step["failed"] for step in result["steps"]):
        raise click.ClickException("not every build succeeded: see above")


def run_steps(
    env: Mapping[str, str],
    tape: Path,
    scratch: Path,
    result: Result,
    save: Callable[[], None],
) -> None:
    """Run all steps on an empty database.

    Parameters
    ----------
    env
        libpq variables of the database.
    tape
        Folder in whose ``parquet`` the files of at least two days are.
    scratch
        Folder for dbt's artifacts and two more files.
    result
        Gets the steps and, in the end, the tables.
    save
        Called after each step.

    Raises
    ------
    RuntimeError
        When nothing can be loaded, with what the loader printed.
    """
    *old, last = sorted((tape / "parquet").glob("*.parquet"))
    held = old[-min(LATE_DAYS, len(old))]
    in_time, late = scratch / held.name, scratch / f"late-{held.name}"
    result["late_fills"] = hold_back(held, in_time, late)
    first = [in_time if path == held else path for path in old]
    create_sources(env, scratch)
    build = dbt_command(scratch, "build")
    for name, command in (
        ("load", _load("fills", first)),
        *((f"load {w}", _load(w, files)) for w, files in others_of(tape, old)),
        ("build in full", build),
        ("load a day", _load("fills", [last])),
        *(
            (f"load a day of {w}", _load(w, files))
            for w, files in others_of(tape, [last])
        ),
        ("build a day more", build),
        ("load late fills", _load("fills", [late])),
        ("build late fills", build),
        ("build nothing new", build),
    ):
        result["steps"].append(_step(env, scratch, name, command))
        save()
    with connect(env) as conn:
        result["tables"] = table_sizes(conn)
    save()


def _load(what: str, files: Iterable[Path]) -> list[str]:
    """Return the loader's command."""
    options = ["--no-progress", "--workers", str(WORKERS)]
    return ["loaders.load_to_db", what, *options, *map(str, files)]


def _step(env: Mapping[str, str], scratch: Path, name: str, command: list[str]) -> Step:
    is_build = "build" in command
    (scratch / RUN_RESULTS).unlink(missing_ok=True)
    peak_mb, failed = 0.0, None
    start = time.perf_counter()
    with connect(env) as conn, ServerMemory(conn) as memory:
        try:
            _, peak_mb = run(env, command)
        except RuntimeError as error:
            # Keep hours of measurements also if a data test fails.
            if not is_build:
                raise
            failed = "\n".join(str(error).splitlines()[-FAILED_LINES:])
    seconds = time.perf_counter() - start
    with connect(env) as conn:
        size = database_bytes(conn)
    nodes, slowest_tests = _nodes(scratch)
    return Step(
        name=name,
        seconds=seconds,
        peak_mb=peak_mb,
        server_mb=memory.peak_mb,
        database_mb=size / 2**20,
        nodes=nodes,
        slowest_tests=slowest_tests,
        failed=failed,
    )


def _nodes(scratch: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds of dbt's last command, as `Step` has them."""
    seconds: defaultdict[str, float] = defaultdict(float)
    tests: dict[str, float] = {}
    for unique_id, taken in node_seconds(scratch).items():
        kind, _, name = unique_id.split(".")[:3]
        is_model = kind in ("model", "snapshot")
        seconds[name if is_model else f"{kind}s"] += taken
        if kind == "test":
            tests[name] = taken
    by_time = sorted(seconds.items(), key=itemgetter(1), reverse=True)
    slowest = sorted(tests.items(), key=itemgetter(1), reverse=True)
    return dict(by_time), dict(slowest[:10])


def _save(out: Path, result: Result, console: Console) -> None:
    out.write_text(f"{json.dumps(result, indent=2)}\n", encoding="utf-8")
    step = result["steps"][-1]
    if not result["tables"]:
        console.print(
            f"{step['name']}: {step['seconds']:,.1f} s, {step['peak_mb']:,.0f} MB, "
            f"database {step['database_mb']:,.0f} MB",
            highlight=False,
        )
        if step["failed"] is not None:
            console.print(step["failed"], markup=False, highlight=False)


if __name__ == "__main__":
    main()
