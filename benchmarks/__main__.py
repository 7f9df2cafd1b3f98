"""``python -m benchmarks``: the scoreboard (``make bench``)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks import (
    build,
    embeddings,
    fold,
    load,
    profiles,
    rollups,
    scoreboard,
    search,
    storage,
    ticks,
)
from benchmarks.bench import Bench, Sizes
from benchmarks.database import temporary_database
from benchmarks.scoreboard import Figure, Results
from benchmarks.servers import find_servers

RESULTS = Path(__file__).with_name("results.json")

PARTS: dict[str, Callable[[Bench], list[Figure]]] = {
    "load": load.measure,
    "fold": fold.measure,
    "rollups": rollups.measure,
    "profiles": profiles.measure,
    "storage": storage.measure,
    "build": build.measure,
    "ticks": ticks.measure,
    "embeddings": embeddings.measure,
    "search": search.measure,
}

#: Parts without a server: measured once, however many servers there are.
SERVERLESS = ("embeddings",)


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
@_size("windows", 200_000, "Windows that similar ones are looked for in.")
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
    if out is None and set(parts) == set(PARTS):
        out = RESULTS
    results = Results(machine=scoreboard.machine(), figures=[])
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as tapes:
        for number, server in enumerate(find_servers(servers)):
            with server.run() as (conninfo, scratch):
                # The versions of extensions are known only in a database that has them.
                with (
                    temporary_database(conninfo, "described", scratch) as database,
                    database.connect() as conn,
                ):
                    described = scoreboard.server(conn)
                results["machine"]["servers"][server.name] = described
                bench = Bench(conninfo, Sizes(**sizes), scratch, Path(tapes))
                for part in parts:
                    if part in SERVERLESS and number > 0:
                        continue
                    click.echo(f"{server.name}: {part} …")
                    for each in PARTS[part](bench):
                        each["server"] = None if part in SERVERLESS else server.name
                        each["runs"] = each["runs"] or sizes["rounds"]
                        results["figures"].append(each)
                    if out is not None:
                        scoreboard.write(out, results)
    click.echo(scoreboard.report(results))
    if out is not None:
        click.echo(f"Written to {out}")


if __name__ == "__main__":
    main()
