"""Load raw data into the database: ``python -m loaders.load_to_db fills PATH…``."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from loaders.bad_rows import BadRowLimit
from loaders.chunk import Table
from loaders.command import (
    Command,
    loading_arguments,
    loading_flags,
    run_load,
    s3_for,
)
from loaders.contexts import CONTEXTS
from loaders.fills import FILLS
from loaders.funding import FUNDING
from loaders.intake import Intake
from loaders.objects import Object, list_objects
from loaders.store import KeyedObjects
from loaders.ticks.command import payload, ticks


class _Address(click.ParamType[str]):
    name = "0x…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        address = str(value).strip().lower()
        if not re.fullmatch("0x[0-9a-f]{40}", address):
            self.fail(f"{value!r} is no address: 0x and 40 digits", param, ctx)
        return address


class _Echo(logging.Handler):
    """Writes log records to stderr, where the command reports failures."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        click.echo(f"{record.levelname}: {record.getMessage()}", err=True)


@click.group()
def main() -> None:
    """Load raw data from files or S3, each row exactly once.

    The connection follows libpq's PG* variables, S3 follows boto3's environment
    (AWS_PROFILE, AWS_ENDPOINT_URL, …).
    """
    logger = logging.getLogger("loaders")
    logger.handlers[:] = [_Echo()]


def _keyed(table: Table) -> Callable[[Command], Command]:
    """Add the options shared by the commands of tables with a unique key.

    These are ``fills``, ``contexts`` and ``funding``.
    """
    options = (
        loading_arguments,
        click.option(
            "--format",
            "file_format",
            type=click.Choice(sorted(table.readers)),
            help="Take only this format, whatever a file is called; by default its "
            "content says what it is.",
        ),
        click.option(
            "--replace",
            is_flag=True,
            help="Read objects again that were loaded before, one after the other, and "
            "replace stored rows that differ. What was stored goes to "
            "ingestion.quarantine.",
        ),
        loading_flags,
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _load(
    table: Table,
    given: Mapping[str, str],
    *,
    paths: Sequence[str],
    workers: int,
    max_bad_rows: BadRowLimit,
    file_format: str | None,
    replace: bool,
    request_payer: bool,
    no_progress: bool,
    dry_run: bool,
) -> None:
    def find() -> list[Object]:
        s3 = s3_for(paths, request_payer, workers)
        return list_objects(paths, table.suffixes, file_format, s3, table.recognise)

    run_load(
        Intake(KeyedObjects(table, replace, given), max_bad_rows),
        find,
        # With --replace the object loaded last wins, so one worker loads them in order.
        workers=1 if replace else workers,
        no_progress=no_progress,
        dry_run=dry_run,
    )


@main.command()
@_keyed(FILLS)
@click.option(
    "--user",
    type=_Address(),
    help="Whose fills they are, for files that do not say it: answers of the API.",
)
def fills(user: str | None, **options: Any) -> None:
    """Load Hyperliquid fills into hyperliquid.fills.

    PATH is a file, a folder (searched to any depth), a glob, or s3://bucket/prefix.
    Objects loaded before are skipped; a changed one is loaded again and only its new
    rows stay. Each object is one transaction: it is loaded wholly or not at all. A row
    that is there already with other values is not stored, but counted, and kept in
    ingestion.quarantine.
    """
    _load(FILLS, {} if user is None else {"user": user}, **options)


@main.command()
@_keyed(CONTEXTS)
def contexts(**options: Any) -> None:
    """Load Hyperliquid's asset contexts into hyperliquid.asset_ctxs.

    PATH is a file, a folder (searched to any depth), a glob, or s3://bucket/prefix: the
    CSV files of asset_ctxs, plain or packed with lz4, gzip, zip or zstd. Files and rows
    are treated as those of fills.
    """
    _load(CONTEXTS, {}, **options)


@main.command()
@_keyed(FUNDING)
def funding(**options: Any) -> None:
    """Load Hyperliquid's funding rates into hyperliquid.funding_rates.

    PATH is a file, a folder (searched to any depth), a glob, or s3://bucket/prefix:
    answers of the API (fundingHistory), or the archive misc_events_by_block, from whose
    payments one rate per coin and hour is loaded. Files and rows are treated as those
    of fills.
    """
    _load(FUNDING, {}, **options)


main.add_command(ticks)
main.add_command(payload)


if __name__ == "__main__":
    main()
