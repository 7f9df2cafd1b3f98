"""``python -m benchmarks.spark FOLDER``: the fold on Spark against one process.

All read the same Parquet files and fold them with the same code; nothing is written,
and no database is needed. Only the transport of rows differs.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from benchmarks.scoreboard import Figure, figure
from loaders.fills import FILLS
from loaders.objects import list_objects
from runners.fill_rules import staged_query
from runners.position_partition import fold_partition
from runners.remote_objects import RemoteObject
from runners.session import spark_session
from runners.spark_positions import spark_positions

EXECUTORS = (1, 2)


def measure(tape: Path, *, rounds: int) -> list[Figure]:
    """Fold a folder of Parquet files in one process, and on Spark with 1 and 2 cores.

    Parameters
    ----------
    tape
        Files whose names are in the order of their times, as the simulator's are.
    rounds
        Repetitions; figures are medians. A round before them compiles and connects.

    Returns
    -------
    list of Figure
        Fills a second; the peer of Spark on one core is the single process, that of
        two cores is one core.
    """
    found = list_objects([str(tape)], FILLS.suffixes)
    objects = [RemoteObject.of(each, number) for number, each in enumerate(found)]

    def single() -> int:
        return sum(
            folded.fills for folded in fold_partition(_read(objects), staged_query())
        )

    alone = _rate(single, rounds)
    figures = [figure("fold_from_parquet", alone, "fills/s")]
    peer, peer_rate = "one process, no Spark", alone
    for cores in EXECUTORS:
        begun = time.perf_counter()
        with spark_session(f"local[{cores}]") as spark:
            started = time.perf_counter() - begun

            def distributed(spark: object = spark) -> int:
                with spark_positions(spark, objects) as result:
                    for _ in result.batches():
                        pass
                    return result.fills

            rate = _rate(distributed, rounds)
        name = f"fold_spark_local_{cores}"
        figures.append(figure(name, rate, "fills/s", peer, peer_rate))
        figures.append(figure(f"{name}_start", started, "s"))
        peer, peer_rate = f"local[{cores}]", rate
    return figures


def _read(objects: Sequence[RemoteObject]) -> Iterator[pa.RecordBatch]:
    for each in objects:
        yield from each.fills()


def _rate(run: Callable[[], int], rounds: int) -> float:
    run()
    rates = []
    for _ in range(rounds):
        begun = time.perf_counter()
        fills = run()
        rates.append(fills / (time.perf_counter() - begun))
    return statistics.median(rates)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--rounds", default=3, show_default=True, help="Repetitions.")
def main(folder: Path, rounds: int) -> None:
    """Print how the fold of the Parquet files in FOLDER scales on Spark."""
    table = Table(box=None)
    for heading in ("figure", "value", "", "against", "ratio"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for each in measure(folder, rounds=rounds):
        ratio = "" if each["ratio"] is None else f"{each['ratio']:.2f}"
        table.add_row(
            each["name"],
            f"{each['value']:,.1f}",
            each["unit"],
            each["peer"] or "",
            ratio,
        )
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
