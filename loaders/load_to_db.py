"""Load raw data into the database: ``python -m loaders.load_to_db fills PATH…``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click
import psycopg

from devdb.conninfo import connect
from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.chunk import Dataset
from loaders.errors import SetupError
from loaders.fills import FILLS
from loaders.objects import Object, list_objects
from loaders.report import ProgressReport, Stopwatch, summary
from loaders.run import Run
from loaders.s3 import S3

#: More workers than this only queue up at the server's cores.
MAX_DEFAULT_WORKERS = 4

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


class _BadRows(click.ParamType[BadRowLimit]):
    name = "N|N%"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> BadRowLimit:
        try:
            return BadRowLimit.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def main() -> None:
    """Load raw data from files or S3, each row exactly once.

    The connection follows libpq's PG* variables, S3 follows boto3's environment
    (AWS_PROFILE, AWS_ENDPOINT_URL, …).
    """
    logging.basicConfig(format="%(levelname)s: %(message)s", stream=sys.stderr)


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=lambda: min(MAX_DEFAULT_WORKERS, os.cpu_count() or 1),
    show_default=f"number of cores, at most {MAX_DEFAULT_WORKERS}",
    help="Objects to load at once.",
)
@click.option(
    "--max-bad-rows",
    type=_BadRows(),
    default="0.1%",
    show_default=True,
    help="Rows of an object, a number or a share of its rows, that may go to "
    "ingestion.quarantine; with more than that the object fails.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(sorted(FILLS.readers)),
    help="Take only this format, whatever a file is called; by default .parquet is "
    "Parquet and .lz4 the exchange's archive.",
)
@click.option(
    "--request-payer", is_flag=True, help="Pay for requests to a requester-pays bucket."
)
@click.option("--no-progress", is_flag=True, help="Draw no progress bar.")
@click.option("--dry-run", is_flag=True, help="List what would be loaded, and stop.")
def fills(
    paths: Sequence[str],
    workers: int,
    max_bad_rows: BadRowLimit,
    file_format: str | None,
    request_payer: bool,
    no_progress: bool,
    dry_run: bool,
) -> None:
    """Load Hyperliquid fills into hyperliquid.fills.

    PATH is a file, a folder (searched to any depth), a glob, or s3://bucket/prefix.
    Objects loaded before are skipped; a changed one is loaded again and only its new
    rows stay. Each object is one transaction: it is loaded wholly or not at all.
    """
    watch = Stopwatch()
    try:
        s3 = (
            S3(request_payer, connections=workers)
            if any(path.startswith("s3://") for path in paths)
            else None
        )
        objects = list_objects(paths, FILLS.suffixes, file_format, s3)
        pending = _pending(FILLS, objects)
    except (SetupError, psycopg.Error, ValueError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    if dry_run:
        for each in pending:
            click.echo(f"{each.uri}  {each.size:,} bytes  {each.format}")
        return
    size = sum(each.size for each in pending)
    with ProgressReport(len(pending), size, is_shown=not no_progress) as report:
        run = Run(FILLS, _connect, max_bad_rows, report)
        run.totals.skipped = len(objects) - len(pending)
        try:
            run.load(pending, workers)
            code = EXIT_FAILED if run.totals.failed else 0
        except KeyboardInterrupt:
            click.echo("interrupted: the objects in hand were rolled back", err=True)
            code = EXIT_INTERRUPTED
    click.echo(summary(run.totals, watch.seconds))
    sys.exit(code)


def _connect() -> psycopg.Connection[tuple[object, ...]]:
    return connect(autocommit=True)


def _pending(dataset: Dataset, objects: Sequence[Object]) -> list[Object]:
    """Leave out what is loaded already, by one query for all of them."""
    with _connect() as conn:
        ledger.check_tables(conn, dataset.relation)
        versions = ledger.loaded_versions(conn, [each.uri for each in objects])
    return [
        each for each in objects if versions.get(each.uri) != (each.size, each.etag)
    ]


if __name__ == "__main__":
    main()
