"""``python -m benchmarks.tapes``: long tapes of fills, quickly.

Simulating takes a quarter of an hour for a hundred million fills. Here a shorter tape
is simulated and repeated, as many fills a day however many days.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pyarrow.parquet as pq

from benchmarks.repetition import Repetition, counter_spans
from simulation.files import prepare
from simulation.fills.run import FOLDERS, Settings, default_traders, simulate

BATCH_ROWS = 131_072
#: Two years and more end before today: the loader refuses fills of the future.
START = datetime(2024, 1, 1)


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--fills", type=click.IntRange(min=1_000), required=True)
@click.option("--days", type=click.IntRange(min=1), required=True)
@click.option(
    "--base-fills",
    type=click.IntRange(min=1_000),
    default=10_000_000,
    show_default=True,
    help="Fills that are simulated; the rest repeats them.",
)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default=f"{START:%Y-%m-%d}",
    show_default=True,
    help="First day, UTC.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier tape in OUT_DIR.")
def main(
    out_dir: Path,
    fills: int,
    days: int,
    base_fills: int,
    seed: int,
    start: datetime,
    overwrite: bool,
) -> None:
    """Write daily Parquet files of fills into OUT_DIR/parquet.

    The same options give the same rows.
    """
    try:
        prepare(out_dir, overwrite, FOLDERS)
    except FileExistsError as error:
        raise click.ClickException(str(error)) from error
    started = time.perf_counter()
    try:
        rows = make_tape(
            out_dir,
            fills=fills,
            days=days,
            base_fills=base_fills,
            seed=seed,
            start=start,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    seconds = time.perf_counter() - started
    click.echo(
        f"{rows:,} fills on {days} days in {out_dir} "
        f"({seconds:.1f} s, {rows / seconds:,.0f} fills/s)"
    )


def make_tape(
    out_dir: Path,
    *,
    fills: int,
    days: int,
    base_fills: int = 10_000_000,
    seed: int = 7,
    start: datetime = START,
) -> int:
    """Simulate a tape, and repeat it until there are days enough.

    Parameters
    ----------
    out_dir
        Gets the folder ``parquet``, and of the days that are simulated what else the
        simulator writes.
    fills, days
        Of the whole tape.
    base_fills
        Fills to simulate, on as many days as keep the number a day; at least a day.
    seed
        Of the simulation.
    start
        First day, UTC.

    Returns
    -------
    int
        Rows written: `fills`, give or take what days differ by when the last
        repetition is cut short.

    Raises
    ------
    ValueError
        The last day is not over yet.
    """
    end = (start + timedelta(days=days)).replace(tzinfo=UTC)
    if end > datetime.now(UTC):
        raise ValueError(
            f"{days} days from {start:%Y-%m-%d} on end on {end:%Y-%m-%d}, in the"
            " future, and the loader refuses such fills: start earlier, or make it"
            " fewer days"
        )
    base_days = min(days, max(1, round(days * base_fills / fills)))
    settings = Settings(
        fills=round(fills * base_days / days),
        days=base_days,
        seed=seed,
        start=start.date(),
        traders=default_traders(round(fills * base_days / days)),
    )
    simulate(out_dir, settings, "parquet")
    folder = out_dir / "parquet"
    base = [
        folder / f"{start + timedelta(days=day):%Y%m%d}.parquet"
        for day in range(base_days)
    ]
    spans = counter_spans(base)
    rows: int = sum(pq.read_metadata(path).num_rows for path in base)
    for number in range(1, -(-days // base_days)):
        repetition = Repetition(number, base_days, spans)
        first_day = number * base_days
        for day, source in enumerate(base[: days - first_day], first_day):
            name = f"{start + timedelta(days=day):%Y%m%d}.parquet"
            rows += _write(source, folder / name, repetition)
    return rows


def others_of(tape: Path, days: Iterable[Path]) -> list[tuple[str, list[Path]]]:
    """List the files of contexts and funding of these days.

    Parameters
    ----------
    tape
        Folder of the tape. Repeated days have none.
    days
        Files of fills, named by their days.

    Returns
    -------
    list of (str, list of Path)
        The loader's command and its files, if there are any.
    """
    found = []
    for what, folder in (("contexts", "asset_ctxs"), ("funding", "funding")):
        names = [day.stem for day in days]
        files = [path for name in names for path in (tape / folder).glob(f"{name}.*")]
        if files:
            found.append((what, files))
    return found


def _write(source: Path, target: Path, repetition: Repetition) -> int:
    """Write a day of a repetition; return its rows."""
    with pq.ParquetFile(source, pre_buffer=False) as file:
        group = file.metadata.row_group(0)
        columns = [group.column(index) for index in range(group.num_columns)]
        encoded = [c.path_in_schema for c in columns if c.has_dictionary_page]
        with pq.ParquetWriter(
            target, file.schema_arrow, compression="zstd", use_dictionary=encoded
        ) as writer:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                writer.write_batch(repetition.rows(batch))
        return int(file.metadata.num_rows)


if __name__ == "__main__":
    main()
