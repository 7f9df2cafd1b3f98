"""``python -m runners``: build a model with Spark instead of in dbt's process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import click
import psycopg
import yaml

from devdb.conninfo import PROJECT_DIR, connect
from loaders.command import EXIT_INTERRUPTED, s3_for
from loaders.errors import ObjectError, SetupError
from loaders.fills import FILLS
from loaders.objects import list_objects
from runners.destination import Destination
from runners.loaded_objects import LoadedObjects, loaded_fills
from runners.session import spark_session
from runners.spark_positions import spark_positions

POSITIONS = "analytics.trader_positions"


@click.group()
def main() -> None:
    """Build a model with Spark, from the objects that were loaded.

    The connection follows libpq's PG* variables, S3 follows boto3's environment, on the
    executors too.
    """


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--master",
    default="local[*]",
    show_default=True,
    envvar="SPARK_MASTER",
    show_envvar=True,
    help="Spark's master; 'configured' takes the one that spark-submit names.",
)
@click.option("--driver-memory", default="2g", show_default=True, help="Java's heap.")
@click.option(
    "--partitions",
    type=click.IntRange(min=1),
    help="Parts to divide the traders into; by default by cores and size.",
)
@click.option(
    "--full-refresh", is_flag=True, help="Replace the positions that are there."
)
@click.option(
    "--request-payer", is_flag=True, help="Pay for requests to a requester-pays bucket."
)
def positions(
    paths: Sequence[str],
    master: str,
    driver_memory: str,
    partitions: int | None,
    full_refresh: bool,
    request_payer: bool,
) -> None:
    """Fold the fills in PATH... into analytics.trader_positions.

    PATH is what load_to_db was given: all objects that fills were loaded from. The
    table is then as after `dbt run --full-refresh --select trader_positions`, and the
    next `dbt build` takes in what is loaded later.
    """
    begun = time.monotonic()
    try:
        found = list_objects(
            paths, FILLS.suffixes, s3=s3_for(paths, request_payer, workers=1)
        )
        with connect(autocommit=True) as connection:
            destination = Destination(connection, POSITIONS)
            source = loaded_fills(connection, found, request_payer)
            _check_destination(destination, full_refresh)
            with (
                destination.locked(),
                spark_session(
                    None if master == "configured" else master, driver_memory
                ) as spark,
            ):
                written = _build(spark, destination, source, partitions)
    except (SetupError, ObjectError, psycopg.Error) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    except KeyboardInterrupt:
        click.echo("interrupted: nothing was written", err=True)
        sys.exit(EXIT_INTERRUPTED)
    click.echo(
        f"{POSITIONS}: {written:,} positions of {source.rows:,} fills from "
        f"{len(found):,} objects, {len(source.loads):,} loads taken in, "
        f"{time.monotonic() - begun:.1f} s"
    )


def _check_destination(destination: Destination, full_refresh: bool) -> None:
    if not destination.exists:
        _make_table("trader_positions")
    if not destination.is_empty and not full_refresh:
        raise SetupError(
            f"{destination.model} has rows: `dbt build` goes on from there, "
            "--full-refresh replaces them"
        )


def _make_table(model: str) -> None:
    """Let dbt make an empty table: columns, types, keys and indexes are in its YAML."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--quiet"),
            *("run", "--empty", "--select", model),
        ],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"dbt cannot make {model}: {done.stdout}{done.stderr}")


def _build(
    spark: Any, destination: Destination, source: LoadedObjects, partitions: int | None
) -> int:
    with spark_positions(spark, source.objects, quote_tokens(), partitions) as result:
        if result.fills != source.rows:
            raise SetupError(
                f"the objects hold {result.fills:,} distinct fills, the loads brought "
                f"{source.rows:,}: nothing was written. An object was replaced after "
                "it was loaded, or two traders share a trade id: dbt folds what the "
                "table has"
            )
        return destination.replace(result.batches(), source.loads)


def quote_tokens() -> list[str]:
    """Return the variable of that name from ``dbt_project.yml``."""
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    return list(project["vars"]["quote_tokens"])


if __name__ == "__main__":
    main()
