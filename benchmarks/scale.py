"""``python -m benchmarks.scale``: from Parquet to signals at one size, step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any, TypedDict

import click
import pyarrow.parquet as pq

from benchmarks import scoreboard
from benchmarks.database import Cost, Database, temporary_database
from benchmarks.scoreboard import markdown
from benchmarks.server_memory import ServerMemory
from benchmarks.servers import find_servers
from benchmarks.sizes import TableSize, database_bytes, table_sizes
from benchmarks.tapes import days_of, hold_back, make_tape, others_of

FILLS_A_DAY = 1_000_000 / 6
#: Days before the last one whose late fills come last.
LATE_DAYS = 4
WORKERS = 2

FAILED_LINES = 40

FULL_BUILD = "build in full"
DAY_BUILD = "build a day more"
#: Models that take less are added up in one row.
LEAST_SECONDS = 0.1


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
    failed
        Last output of a build that failed; its time and memory are unknown then.
    """

    name: str
    seconds: float
    peak_mb: float
    server_mb: float | None
    database_mb: float
    nodes: dict[str, float]
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
    help="What `python -m simulation fills` wrote, instead of --fills and --days.",
)
@click.option("--server", default="", help="A server's name; default: the one in use.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The JSON file."
)
def main(
    fills: int, days: int | None, tape: Path | None, server: str, out: Path | None
) -> None:
    """Load and build N fills; add a day, then late fills, then nothing.

    The figures are in benchmarks/scale-N-SERVER.json, from the first step on.
    """
    [chosen] = find_servers(server)
    with chosen.run() as (conninfo, scratch):
        if tape is None:
            days = days or max(2, round(fills / FILLS_A_DAY))
            click.echo(f"Making a tape of {fills:,} fills on {days} days …")
            tape = scratch / "tape"
            make_tape(tape, fills, days)
        files = days_of(tape)
        fills = sum(pq.read_metadata(path).num_rows for path in files)
        out = out or Path(__file__).with_name(f"scale-{fills}-{chosen.name}.json")
        result = Result(
            machine=scoreboard.machine(),
            server=chosen.name,
            fills=fills,
            days=len(files),
            late_fills=0,
            steps=[],
            tables=[],
        )
        with temporary_database(conninfo, "scale", scratch) as database:
            with database.connect() as conn:
                result["machine"]["servers"][chosen.name] = scoreboard.server(conn)
            run_steps(database, tape, result, lambda: _save(out, result))
    click.echo(scale_tables(result))
    click.echo(f"Written to {out}")
    if any(step["failed"] for step in result["steps"]):
        raise click.ClickException("not every build succeeded: see above")


def run_steps(
    database: Database, tape: Path, result: Result, save: Callable[[], None]
) -> None:
    """Run all steps on an empty database.

    Parameters
    ----------
    database
        The database.
    tape
        Folder in whose ``parquet`` the files of at least two days are.
    result
        Gets the steps and, in the end, the tables.
    save
        Called after each step.

    Raises
    ------
    RuntimeError
        When nothing can be loaded, with what the loader printed.
    """
    *old, last = days_of(tape)
    held = old[-min(LATE_DAYS, len(old))]
    in_time = database.scratch / held.name
    late = database.scratch / f"late-{held.name}"
    result["late_fills"] = hold_back(held, in_time, late)
    first = [in_time if path == held else path for path in old]

    def load(what: str, files: Iterable[Path]) -> Callable[[], Cost]:
        return lambda: database.load(what, *files, workers=WORKERS)

    database.create_sources()
    steps: list[tuple[str, Callable[[], Cost] | None]] = [
        ("load", load("fills", first)),
        *((f"load {what}", load(what, files)) for what, files in others_of(tape, old)),
        (FULL_BUILD, None),
        ("load a day", load("fills", [last])),
        *(
            (f"load a day of {what}", load(what, files))
            for what, files in others_of(tape, [last])
        ),
        (DAY_BUILD, None),
        ("load late fills", load("fills", [late])),
        ("build late fills", None),
        ("build nothing new", None),
    ]
    for name, command in steps:
        result["steps"].append(_step(database, name, command))
        save()
    with database.connect() as conn:
        result["tables"] = table_sizes(conn)
    save()


def _step(database: Database, name: str, load: Callable[[], Cost] | None) -> Step:
    """Load, or else build."""
    cost, failed = Cost(0.0, 0.0), None
    with database.connect() as conn, ServerMemory(conn) as memory:
        try:
            cost = database.dbt("build") if load is None else load()
        except RuntimeError as error:
            # Keep hours of measurements also if a data test fails.
            if load is not None:
                raise
            failed = "\n".join(str(error).splitlines()[-FAILED_LINES:])
    with database.connect() as conn:
        size = database_bytes(conn)
    return Step(
        name=name,
        seconds=cost.seconds,
        peak_mb=cost.megabytes,
        server_mb=memory.peak_mb,
        database_mb=size / 2**20,
        nodes={} if load is not None else _nodes(database.node_seconds()),
        failed=failed,
    )


def _nodes(by_id: Mapping[str, float]) -> dict[str, float]:
    """Return seconds by model and kind, the largest first."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for unique_id, taken in by_id.items():
        kind, _, name = unique_id.split(".")[:3]
        seconds[name if kind in ("model", "snapshot") else f"{kind}s"] += taken
    return dict(sorted(seconds.items(), key=itemgetter(1), reverse=True))


def _save(out: Path, result: Result) -> None:
    scoreboard.write(out, result)
    step = result["steps"][-1]
    if not result["tables"]:
        click.echo(
            f"{step['name']}: {step['seconds']:,.1f} s, {step['peak_mb']:,.0f} MB, "
            f"database {step['database_mb']:,.0f} MB"
        )
        if step["failed"] is not None:
            click.echo(step["failed"])


def scale_tables(result: Mapping[str, Any]) -> str:
    """Return the tables of a `Result` as Markdown: steps, models, tables."""
    size = f"{result['fills'] / 1_000_000:.3g} M fills, {result['server']}"
    steps = [[step["name"], _step_cell(step)] for step in result["steps"]]
    tables = [markdown(["step", size], steps)]
    for step in result["steps"]:
        if step["name"] in (FULL_BUILD, DAY_BUILD):
            nodes = step["nodes"]
            large = {f"`{n}`": s for n, s in nodes.items() if s >= LEAST_SECONDS}
            large["all else"] = sum(nodes.values()) - sum(large.values())
            seconds = [[name, f"{taken:,.1f}"] for name, taken in large.items()]
            tables.append(markdown([f"{step['name']}: seconds of", size], seconds))
    sizes = [
        [f"`{each['name']}`", f"{each['rows']:,} rows, {each['megabytes']:,.0f} MB"]
        for each in result["tables"]
    ]
    return "\n\n".join([*tables, markdown(["table", size], sizes)])


def _step_cell(step: Mapping[str, Any]) -> str:
    memory = f"{step['peak_mb']:,.0f} MB"
    if step["server_mb"] is not None:
        memory += f" + server {step['server_mb']:,.0f} MB"
    failed = " (failed)" if step["failed"] else ""
    return f"{step['seconds']:,.1f} s, {memory}{failed}"


if __name__ == "__main__":
    main()
