"""Load raw data into the database: ``python -m loaders.load_to_db fills PATH…``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import click

from loaders.bad_rows import BadRowLimit
from loaders.command import loading_arguments, loading_flags, run_load, s3_for
from loaders.fills import FILLS
from loaders.ledger import Offset
from loaders.objects import Object, list_objects
from loaders.ticks.command import payload, ticks
from loaders.whole_objects import WholeObjects


@click.group()
def main() -> None:
    """Load raw data from files or S3, each row exactly once.

    The connection follows libpq's PG* variables, S3 follows boto3's environment
    (AWS_PROFILE, AWS_ENDPOINT_URL, …).
    """
    logging.basicConfig(format="%(levelname)s: %(message)s", stream=sys.stderr)


@main.command()
@loading_arguments
@click.option(
    "--format",
    "file_format",
    type=click.Choice(sorted(FILLS.readers)),
    help="Take only this format, whatever a file is called; by default .parquet is "
    "Parquet and .lz4 the exchange's archive.",
)
@loading_flags
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

    def find() -> list[Object]:
        s3 = s3_for(paths, request_payer, workers)
        return list_objects(paths, FILLS.suffixes, file_format, s3)

    def is_loaded(source: Object, offset: Offset) -> bool:
        return offset.is_of(source)

    run_load(
        WholeObjects(FILLS, max_bad_rows),
        [FILLS.relation],
        find,
        is_loaded,
        workers=workers,
        no_progress=no_progress,
        dry_run=dry_run,
    )


main.add_command(ticks)
main.add_command(payload)


if __name__ == "__main__":
    main()
