"""``python -m benchmarks``: the scoreboard (``make bench``)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import commands, scoreboard, search
from benchmarks.parts import PARTS, SERVERLESS, Bench, Sizes
from benchmarks.scoreboard import Figure, Results
from benchmarks.servers import find_servers

RESULTS = commands.PROJECT_DIR / "benchmarks" / "results.json"


def _size(name: str, default: int, help_text: str) -> Callable[..., Any]:
    return click.option(
        f"--{name}",
        default=default,
        envvar=f"BENCH_{name.upper().replace('-', '_')}",
        show_default=True,
        show_envvar=True,
        help=help_text,
    )


@click.command()
@_size("fills", 1_000_000, "Fills that are loaded, folded and stored.")
@_size("build-fills", 5_000_000, "Fills of the builds that are measured.")
@_size("rollup-fills", 2_000_000, "Fills that are rolled up, over 100 days.")
@_size("traders", 500_000, "Traders that are profiled.")
@_size("ticks", 1_000_000, "Ticks that are loaded.")
@_size("windows", search.WINDOWS, "Windows that similar ones are looked for in.")
@_size("rounds", 3, "Repetitions, of which the median counts; some run once.")
@click.option(
    "--server",
    "servers",
    default="",
    envvar="BENCH_SERVERS",
    show_envvar=True,
    help="Servers by name, or all that are found; default: the one in use.",
)
@click.option(
    "--part",
    "parts",
    type=click.Choice(list(PARTS)),
    multiple=True,
    default=list(PARTS),
    help="Measure only this part; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The JSON file; default: benchmarks/results.json when all parts are measured.",
)
def main(servers: str, parts: tuple[str, ...], out: Path | None, **sizes: int) -> None:
    """Measure in temporary databases."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    if out is None and set(parts) == set(PARTS):
        out = RESULTS
    results = Results(machine=scoreboard.machine(), figures=[])
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        tapes = Path(folder)
        for number, server in enumerate(find_servers(servers)):
            with server.run() as (conninfo, scratch):
                # The versions of extensions are known only in a database that has them.
                with (
                    commands.database(conninfo, "vigil_bench") as env,
                    commands.connect(env) as conn,
                ):
                    described = scoreboard.server(conn)
                results["machine"]["servers"][server.name] = described
                bench = Bench(conninfo, Sizes(**sizes), scratch, tapes)
                for part in parts:
                    if part in SERVERLESS and number > 0:
                        continue
                    console.print(f"{server.name}: {part} …")
                    figures = PARTS[part](bench)
                    name = None if part in SERVERLESS else server.name
                    results["figures"] += _signed(figures, name, sizes["rounds"])
                    if out is not None:
                        scoreboard.write(out, results)
    scoreboard.show(console, results)
    if out is not None:
        console.print(f"Written to {out}")


def _signed(figures: list[Figure], server: str | None, rounds: int) -> list[Figure]:
    """Add server and number of runs to each figure."""
    return [
        Figure(**{**each, "server": server, "runs": each["runs"] or rounds})
        for each in figures
    ]


if __name__ == "__main__":
    main()
