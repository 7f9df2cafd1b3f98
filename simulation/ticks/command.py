"""Simulator of ticks, command line: `python -m simulation ticks OUT_DIR`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from simulation.fills.command import prepare
from simulation.ticks.patterns import SHAPES
from simulation.ticks.simulation import Settings, simulate
from simulation.ticks.venues import BY_NAME

_FOLDERS = ("ticks", "truth")


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--ticks", type=click.IntRange(min=1_000), default=1_000_000)
@click.option("--days", type=click.IntRange(min=1), default=21)
@click.option("--seed", type=click.IntRange(min=0), default=7)
@click.option(
    "--venues",
    default=",".join(BY_NAME),
    help="Names with commas between them; without it, all: " + ", ".join(BY_NAME) + ".",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First day, UTC; without it, yesterday is the last: ticks are kept 90 days.",
)
@click.option(
    "--websocket-minutes",
    type=click.IntRange(min=1, max=1440),
    default=30,
    help="Length of the recording of Binance's spot websocket, with its order book.",
)
@click.option(
    "--patterns",
    type=click.IntRange(min=0, max=len(SHAPES)),
    default=len(SHAPES),
    help="Kinds of five-minute patterns to plant.",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=6,
    help="Times each pattern occurs.",
)
@click.option(
    "--bad-lines",
    type=click.IntRange(min=0, max=1000),
    default=0,
    help="Lines in each file that mean nothing.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in OUT_DIR.")
def main(
    out_dir: Path,
    ticks: int,
    days: int,
    seed: int,
    venues: str,
    start: datetime | None,
    websocket_minutes: int,
    patterns: int,
    repeats: int,
    bad_lines: int,
    overwrite: bool,
) -> None:
    """Write recordings of simulated bitcoin trades, and their truth, into OUT_DIR.

    OUT_DIR/ticks has a folder for each kind of recording. The same options, --start
    among them, give the same bytes.
    """
    names = tuple(dict.fromkeys(name.strip() for name in venues.split(",")))
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is none of {', '.join(BY_NAME)}", param_hint="--venues"
        )
    try:
        prepare(out_dir, overwrite, _FOLDERS)
    except FileExistsError as error:
        raise click.ClickException(str(error)) from error
    today = datetime.now(UTC).date()
    settings = Settings(
        ticks=ticks,
        days=days,
        seed=seed,
        start=start.date() if start else today - timedelta(days=days),
        venues=names,
        patterns=patterns,
        repeats=repeats,
        websocket_minutes=websocket_minutes,
        bad_lines=bad_lines,
    )
    started = time.perf_counter()
    summary = simulate(out_dir, settings, partial(_show_progress, ticks))
    seconds = time.perf_counter() - started
    click.echo(
        f"{ticks:,} ticks of {len(names)} venue{'s' if len(names) > 1 else ''} "
        f"on {days} days in {summary['files']} "
        f"files in {out_dir} ({seconds:.1f} s, {ticks / seconds:,.0f} ticks/s)"
    )


def _show_progress(total: int, written: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if written >= total else ""
        print(f"\r{written:,} of {total:,} ticks", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
