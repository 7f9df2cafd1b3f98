"""`python -m simulation fills|ticks OUT_DIR`: write sample data and its truth."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from simulation.files import prepare
from simulation.fills import run as fills_run
from simulation.ticks import run as ticks_run
from simulation.ticks.patterns import SHAPES
from simulation.ticks.venues import BY_NAME


@click.group()
def main() -> None:
    """Simulate trades; the same options give the same bytes."""


@main.command("fills")
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--fills", type=click.IntRange(min=1_000), default=1_000_000)
@click.option("--days", type=click.IntRange(min=1), default=60)
@click.option("--seed", type=click.IntRange(min=0), default=7)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "archive", "both"]),
    default="parquet",
    help="Parquet with the exchange's names, its archive of LZ4 JSON lines, or both.",
)
@click.option("--hourly", is_flag=True, help="One Parquet file an hour, not a day.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2025-07-01",
    help="First day, UTC.",
)
@click.option("--traders", type=click.IntRange(min=60), help="Default: by --fills.")
@click.option(
    "--complete",
    "is_complete",
    is_flag=True,
    help="Positions in perpetuals begin on the tape, and it misses no fill.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in OUT_DIR.")
def fills_command(
    out_dir: Path,
    fills: int,
    days: int,
    seed: int,
    file_format: str,
    hourly: bool,
    start: datetime,
    traders: int | None,
    is_complete: bool,
    overwrite: bool,
) -> None:
    """Write simulated data of Hyperliquid, and its truth, into OUT_DIR.

    Fills, asset contexts and funding rates are in the exchange's formats.
    """
    _prepare(out_dir, overwrite, fills_run.FOLDERS)
    settings = fills_run.Settings(
        fills=fills,
        days=days,
        seed=seed,
        start=start.date(),
        traders=traders or fills_run.default_traders(fills),
        is_complete=is_complete,
    )
    started = time.perf_counter()
    try:
        summary = fills_run.simulate(
            out_dir, settings, file_format, hourly, _progress(fills, "fills")
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    rows = summary["features"]["rows"]
    seconds = time.perf_counter() - started
    click.echo(
        f"{rows:,} fills of {summary['traders_on_tape']:,} traders on {days} days "
        f"in {out_dir} ({seconds:.1f} s, {rows / seconds:,.0f} fills/s)"
    )


@main.command("ticks")
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
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in OUT_DIR.")
def ticks_command(
    out_dir: Path,
    ticks: int,
    days: int,
    seed: int,
    venues: str,
    start: datetime | None,
    websocket_minutes: int,
    patterns: int,
    repeats: int,
    overwrite: bool,
) -> None:
    """Write recordings of simulated bitcoin trades, and their truth, into OUT_DIR.

    OUT_DIR/ticks has a folder for each kind of recording.
    """
    names = tuple(dict.fromkeys(name.strip() for name in venues.split(",")))
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is none of {', '.join(BY_NAME)}", param_hint="--venues"
        )
    _prepare(out_dir, overwrite, ("ticks", "truth"))
    today = datetime.now(UTC).date()
    settings = ticks_run.Settings(
        ticks=ticks,
        days=days,
        seed=seed,
        start=start.date() if start else today - timedelta(days=days),
        venues=names,
        patterns=patterns,
        repeats=repeats,
        websocket_minutes=websocket_minutes,
    )
    started = time.perf_counter()
    summary = ticks_run.simulate(out_dir, settings, _progress(ticks, "ticks"))
    seconds = time.perf_counter() - started
    click.echo(
        f"{ticks:,} ticks of {len(names)} venue{'s' if len(names) > 1 else ''} "
        f"on {days} days in {summary['files']} "
        f"files in {out_dir} ({seconds:.1f} s, {ticks / seconds:,.0f} ticks/s)"
    )


def _prepare(out_dir: Path, overwrite: bool, folders: tuple[str, ...]) -> None:
    try:
        prepare(out_dir, overwrite, folders)
    except FileExistsError as error:
        raise click.ClickException(str(error)) from error


def _progress(total: int, what: str) -> Callable[[int], None]:
    def show(written: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if written >= total - 1 else ""
            print(f"\r{written:,} of {total:,} {what}", end=end, file=sys.stderr)

    return show


if __name__ == "__main__":
    main(prog_name="python -m simulation")
