"""The commands ``ticks`` and ``payload`` of ``python -m loaders.load_to_db``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import IO

import click
import psycopg

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.command import connect, loading_arguments, loading_flags, run_load, s3_for
from loaders.errors import SetupError
from loaders.intake import Intake
from loaders.objects import Object, list_objects
from loaders.ticks import windows
from loaders.ticks.chunk import DecoderOptions
from loaders.ticks.instants import utc_text, window_of
from loaders.ticks.load import AUTO, Recordings
from loaders.ticks.objects import GENERIC, known_formats

#: Suffixes loaded from folders and prefixes; a file named in full may have any suffix.
SUFFIXES = (
    *(".csv", ".gz", ".json", ".jsonl", ".log", ".lz4", ".ndjson", ".txt"),
    *(".zip", ".zst"),
)

_EXCHANGE = re.compile(r"[a-z][a-z0-9_]*")


class _Columns(click.ParamType[Mapping[str, str]]):
    name = "TICK=FILE,..."

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Mapping[str, str]:
        if isinstance(value, Mapping):
            return value
        columns = {}
        for part in str(value).split(","):
            name, separator, found = (piece.strip() for piece in part.partition("="))
            if not (name and separator and found):
                self.fail(
                    f"{part!r} is no pair of a tick's column and the file's header or "
                    "position, as in ts=time,source_seq=id",
                    param,
                    ctx,
                )
            columns[name] = found
        return columns


class _Exchange(click.ParamType[str]):
    name = "NAME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not _EXCHANGE.fullmatch(str(value)):
            self.fail(
                f"{value!r} is no name of a venue such as binance_spot: small letters, "
                "digits and underscores",
                param,
                ctx,
            )
        return str(value)


class _Instant(click.ParamType[datetime]):
    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2024-08-09T00:00Z", param, ctx)
        return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


@click.command()
@loading_arguments
@click.option(
    "--format",
    "file_format",
    metavar="NAME",
    help="Format of the recordings; by default recognised by their content.",
)
@click.option(
    "--exchange",
    type=_Exchange(),
    help="Venue to load them as; by default what the format or the content names.",
)
@click.option(
    "--symbol",
    help="Instrument to load, in the venue's spelling, if a recording names none or "
    "several.",
)
@click.option(
    "--columns",
    "--column",
    type=_Columns(),
    multiple=True,
    help="For CSV files of no known format, which it implies: which of their columns "
    "are a tick's, by header or by position from 0: "
    "ts=time,source_seq=id,price=px,volume=qty.",
)
@loading_flags
def ticks(
    paths: Sequence[str],
    workers: int,
    max_bad_rows: BadRowLimit,
    file_format: str | None,
    exchange: str | None,
    symbol: str | None,
    columns: Sequence[Mapping[str, str]],
    request_payer: bool,
    no_progress: bool,
    dry_run: bool,
) -> None:
    """Load recorded BTC trades into market_data.btc_ticks.

    PATH is a file, a folder (searched to any depth), a glob, or s3://bucket/prefix:
    websocket dumps and CSV replays, plain or packed with gzip, zip, lz4 or zstd. Each
    trade is loaded once, even if several recordings contain it, in any order. A
    recording is loaded in batches of one transaction each; an interrupted load resumes
    after the last batch.
    """
    if file_format is not None and file_format not in known_formats():
        known = ", ".join(sorted(known_formats()))
        raise click.BadParameter(
            f"{file_format!r} is none of {known}", param_hint="--format"
        )
    mapped = {name: place for part in columns for name, place in part.items()}
    if mapped:
        # Only the generic format has configurable columns.
        if file_format not in (None, GENERIC):
            raise click.BadParameter(
                f"columns are named for --format {GENERIC}, not {file_format}",
                param_hint="--columns",
            )
        file_format = GENERIC
    options = DecoderOptions(exchange, symbol, mapped)

    def find() -> list[Object]:
        name = file_format or AUTO
        s3 = s3_for(paths, request_payer, workers)
        return list_objects(paths, dict.fromkeys(SUFFIXES, name), name, s3)

    run_load(
        Intake(Recordings(options), max_bad_rows),
        find,
        workers=workers,
        no_progress=no_progress,
        dry_run=dry_run,
    )


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--window",
    type=_Instant(),
    required=True,
    help="Any time within the window; UTC unless it names a zone.",
)
@click.option("--exchange", type=_Exchange(), required=True, help="The venue.")
@click.option("--name", required=True, help="Name to attach it under, such as news.")
@click.option("--replace", is_flag=True, help="Replace another payload of this name.")
def payload(
    file: IO[bytes], window: datetime, exchange: str, name: str, replace: bool
) -> None:
    """Attach a JSON FILE (or standard input, as -) to a five-minute window.

    The window is created if it is not there. The document is found as
    market_data.window_5m.raw_payload -> NAME.
    """
    start = window_of(window)
    try:
        with connect() as conn:
            ledger.check_tables(conn, windows.RELATION)
            is_new = windows.attach_payload(
                conn, exchange, start, name, file.read(), replace=replace
            )
    except (SetupError, psycopg.Error) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    place = f"{name} of {exchange}, {utc_text(start)}"
    click.echo(f"attached {place}" if is_new else f"already attached: {place}")
