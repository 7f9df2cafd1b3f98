"""Command line of the simulator: `python -m simulation fills OUT_DIR`."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from simulation.fills.archive import ArchiveTape
from simulation.fills.simulation import Settings, Simulation, default_traders
from simulation.fills.tape import ParquetTape, Printer
from simulation.fills.truth import Truth

_FOLDERS = ("parquet", "archive", "truth")


@click.command()
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
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in OUT_DIR.")
def main(
    out_dir: Path,
    fills: int,
    days: int,
    seed: int,
    file_format: str,
    hourly: bool,
    start: datetime,
    traders: int | None,
    overwrite: bool,
) -> None:
    """Write a synthetic tape of Hyperliquid fills, and its truth, into OUT_DIR.

    The same options give the same bytes.
    """
    try:
        prepare(out_dir, overwrite)
    except FileExistsError as error:
        raise click.ClickException(str(error)) from error
    settings = Settings(
        fills=fills,
        days=days,
        seed=seed,
        start=start.date(),
        traders=traders or default_traders(fills),
    )
    started = time.perf_counter()
    summary = simulate(out_dir, settings, file_format, is_hourly=hourly)
    rows = summary["features"]["rows"]
    seconds = time.perf_counter() - started
    click.echo(
        f"{rows:,} fills of {summary['traders_on_tape']:,} traders on {days} days "
        f"in {out_dir} ({seconds:.1f} s, {rows / seconds:,.0f} fills/s)"
    )


def prepare(out_dir: Path, overwrite: bool, folders: Iterable[str] = _FOLDERS) -> None:
    """Make sure that no files of an earlier run are mixed with the new ones.

    Parameters
    ----------
    out_dir : Path
    overwrite : bool
        Remove the folders of an earlier run.
    folders : iterable of str
        Their names.

    Raises
    ------
    FileExistsError
        There is an earlier run and it may not be removed.
    """
    for name in folders:
        folder = out_dir / name
        if not folder.exists():
            continue
        if not overwrite:
            raise FileExistsError(f"{folder} exists already; --overwrite replaces it")
        shutil.rmtree(folder)


def simulate(
    out_dir: Path, settings: Settings, file_format: str, is_hourly: bool = False
) -> dict[str, Any]:
    """Simulate and write all files.

    Parameters
    ----------
    out_dir : Path
        Gets the folders `parquet`, `archive` and `truth`.
    settings : Settings
    file_format : {"parquet", "archive", "both"}
    is_hourly : bool
        Parquet by the hour rather than by the day.

    Returns
    -------
    dict
        The content of `truth/summary.json`.
    """
    simulation = Simulation(settings)
    printer = Printer(simulation.instruments, simulation.population, settings.seed)
    truth = Truth(out_dir / "truth", simulation.instruments, simulation.population)
    tapes: list[ParquetTape | ArchiveTape] = []
    if file_format != "archive":
        tapes.append(ParquetTape(out_dir / "parquet", is_hourly))
    if file_format != "parquet":
        tapes.append(ArchiveTape(out_dir / "archive"))
    written = 0
    for chunk in simulation.run():
        table = printer.table(chunk.rows)
        for tape in tapes:
            tape.write(chunk.rows, table)
        truth.add_rows(chunk.rows)
        truth.add_episodes(chunk.episodes)
        written += len(chunk.rows)
        _show_progress(written, settings.fills)
    for tape in tapes:
        tape.close()
    truth.add_episodes(simulation.open_episodes())
    return truth.finish(
        simulation.world,
        {
            "fills": settings.fills,
            "days": settings.days,
            "seed": settings.seed,
            "start": settings.start.isoformat(),
            "traders": settings.traders,
        },
    )


def _show_progress(written: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if written >= total - 1 else ""
        print(f"\r{written:,} of {total:,} fills", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
