"""``python -m runners``: build a model with Spark instead of in dbt's process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import psycopg

from loaders.command import EXIT_INTERRUPTED, s3_for
from loaders.errors import ObjectError, SetupError
from loaders.fills import FILLS
from loaders.objects import list_objects
from pgio.connection import connect
from runners.build import build_embeddings, build_positions, open_destination
from runners.loaded_objects import loaded_fills
from runners.session import spark_session

POSITIONS = "analytics.trader_position_hours"
EMBEDDINGS = "signals.btc_embeddings"

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def main() -> None:
    """Build a whole model with Spark.

    The table is then the same as after a full refresh by dbt, and the next `dbt build`
    applies later loads. The connection follows libpq's PG* variables, S3 follows
    boto3's environment, on the executors too.
    """


def spark_options(command: Command) -> Command:
    """Add --master, --driver-memory and --full-refresh to a command."""
    for option in (
        click.option(
            "--full-refresh", is_flag=True, help="Replace the rows that are there."
        ),
        click.option(
            "--driver-memory", default="2g", show_default=True, help="Java's heap."
        ),
        click.option(
            "--master",
            default="local[*]",
            show_default=True,
            envvar="SPARK_MASTER",
            show_envvar=True,
            help="Spark's master; 'configured' takes the one spark-submit names.",
        ),
    ):
        command = option(command)
    return command


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@spark_options
@click.option(
    "--request-payer", is_flag=True, help="Pay for requests to a requester-pays bucket."
)
def positions(
    paths: Sequence[str],
    master: str,
    driver_memory: str,
    full_refresh: bool,
    request_payer: bool,
) -> None:
    """Fold the fills in PATH... into analytics.trader_position_hours.

    PATH is as for load_to_db: give all objects that fills were loaded from.
    """
    begun = time.monotonic()
    with _one_line_errors(), connect(autocommit=True) as connection:
        s3 = s3_for(paths, request_payer, workers=1)
        found = list_objects(paths, FILLS.suffixes, s3=s3)
        source = loaded_fills(connection, found, request_payer)
        destination = open_destination(connection, POSITIONS, full_refresh)
        with destination.locked(), spark_session(_master(master), driver_memory) as it:
            written = build_positions(it, destination, source)
    click.echo(
        f"{POSITIONS}: {written:,} rows of {source.rows:,} fills from "
        f"{len(found):,} objects, {len(source.loads):,} loads taken in, "
        f"{time.monotonic() - begun:.1f} s"
    )


@main.command()
@spark_options
def embeddings(master: str, driver_memory: str, full_refresh: bool) -> None:
    """Embed all windows of the candles into signals.btc_embeddings.

    Candles and feature scales must be built first. Each executor reads the candles of
    the days that it embeds from the database.
    """
    begun = time.monotonic()
    with _one_line_errors(), connect(autocommit=True) as connection:
        destination = open_destination(connection, EMBEDDINGS, full_refresh)
        with destination.locked(), spark_session(_master(master), driver_memory) as it:
            written = build_embeddings(it, destination)
    click.echo(f"{EMBEDDINGS}: {written:,} windows, {time.monotonic() - begun:.1f} s")


def _master(name: str) -> str | None:
    return None if name == "configured" else name


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (SetupError, ObjectError, psycopg.Error) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    except KeyboardInterrupt:
        click.echo("interrupted: nothing was written", err=True)
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
