"""Shared by the loader's commands: options, the run, its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
import psycopg

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.errors import SetupError
from loaders.intake import Intake
from loaders.objects import S3_SCHEME, Object
from loaders.report import ProgressReport, Stopwatch, summary
from loaders.run import Run
from pgio.connection import connect as connect_to_server

if TYPE_CHECKING:
    from loaders.s3 import S3

#: More workers than this only wait for the server's cores.
MAX_DEFAULT_WORKERS = 4

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

Command = TypeVar("Command", bound=Callable[..., Any])


class _BadRows(click.ParamType[BadRowLimit]):
    name = "N|N%"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> BadRowLimit:
        try:
            return BadRowLimit.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


_ARGUMENTS = (
    click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=lambda: min(MAX_DEFAULT_WORKERS, os.cpu_count() or 1),
        show_default=f"number of cores, at most {MAX_DEFAULT_WORKERS}",
        help="Objects to load at once.",
    ),
    click.option(
        "--max-bad-rows",
        type=_BadRows(),
        default="0.1%",
        show_default=True,
        help="Rows of an object, a number or a share of its rows, that may go to "
        "ingestion.quarantine; with more than that the object fails.",
    ),
)
_FLAGS = (
    click.option(
        "--request-payer",
        is_flag=True,
        help="Pay for requests to a requester-pays bucket.",
    ),
    click.option("--no-progress", is_flag=True, help="Draw no progress bar."),
    click.option(
        "--dry-run", is_flag=True, help="List what would be loaded, and stop."
    ),
)


def loading_arguments(command: Command) -> Command:
    """Add PATH..., --workers and --max-bad-rows to a command."""
    return _decorated(command, _ARGUMENTS)


def loading_flags(command: Command) -> Command:
    """Add --request-payer, --no-progress and --dry-run to a command."""
    return _decorated(command, _FLAGS)


def _decorated(
    command: Command, options: Sequence[Callable[[Command], Command]]
) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def connect() -> psycopg.Connection[Any]:
    """Connect to the server in use, in autocommit mode."""
    return connect_to_server(autocommit=True)


def s3_for(paths: Sequence[str], request_payer: bool, workers: int) -> S3 | None:
    """Return an S3 client if a path needs one, else None."""
    if not any(path.startswith(S3_SCHEME) for path in paths):
        return None
    # boto3 takes long to import: only where it is used.
    from loaders.s3 import S3

    return S3(request_payer, connections=workers)


def run_load(
    intake: Intake[Any],
    find: Callable[[], Sequence[Object]],
    *,
    workers: int,
    no_progress: bool,
    dry_run: bool,
) -> None:
    """Load the objects not loaded yet, print a summary, and exit.

    Parameters
    ----------
    intake
        How an object is loaded.
    find
        Lists the objects.
    workers
        Objects to load at once.
    no_progress
        Draw no bar.
    dry_run
        Only list what would be loaded.
    """
    watch = Stopwatch()
    dataset = intake.dataset
    try:
        objects = find()
        with connect() as conn:
            ledger.check_tables(conn, dataset.relation, *dataset.side_tables)
            offsets = ledger.object_offsets(conn, [each.uri for each in objects])
    except (SetupError, psycopg.Error, ValueError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    pending = [
        each
        for each in objects
        if each.uri not in offsets or not dataset.is_loaded(each, offsets[each.uri])
    ]
    if dry_run:
        for each in pending:
            click.echo(f"{each.uri}  {each.size:,} bytes  {each.format}")
        return
    size = sum(each.size for each in pending)
    with ProgressReport(len(pending), size, is_shown=not no_progress) as report:
        run = Run(intake, connect, report)
        run.totals.skipped = len(objects) - len(pending)
        try:
            run.load(pending, workers)
            code = EXIT_FAILED if run.totals.failed else 0
        except KeyboardInterrupt:
            click.echo(f"interrupted: {intake.interrupted}", err=True)
            code = EXIT_INTERRUPTED
    click.echo(summary(run.totals, watch.seconds))
    sys.exit(code)
