"""``python -m alerts``: send new alerts of the database."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import click
import psycopg

from alerts.channels import AlertsError, SendError, find_channels
from alerts.deliveries import deliver as deliver_to
from alerts.deliveries import only_delivery, preview
from pgio.connection import connect

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


@click.group()
def cli() -> None:
    """Alerts of analytics.alerts.

    The connection follows libpq's PG* variables; without, it is the embedded server.
    """


@cli.command()
@click.option(
    "--url",
    "urls",
    multiple=True,
    envvar="VIGIL_ALERT_URLS",
    show_envvar=True,
    help="A channel, as a URL of Apprise: slack://…, discord://…, tgram://…, json://…",
)
@click.option(
    "--config",
    "configs",
    multiple=True,
    envvar="VIGIL_ALERT_CONFIG",
    show_envvar=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of channels, as Apprise reads it.",
)
@click.option(
    "--max-age",
    default="1 day",
    show_default=True,
    help="Alerts older than this, seen from the newest hour of the data, are not sent.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show what would be sent; record nothing."
)
def deliver(
    urls: tuple[str, ...], configs: tuple[Path, ...], max_age: str, dry_run: bool
) -> None:
    """Send each channel the alerts it has not got yet."""
    channels = find_channels(urls, configs)
    if not channels:
        raise AlertsError(
            "no channel: give --url or --config, or set VIGIL_ALERT_URLS or"
            " VIGIL_ALERT_CONFIG; docs/alerts.md has examples"
        )
    failures = []
    with connect(autocommit=True) as conn:
        _check_max_age(conn, max_age)
        with nullcontext() if dry_run else only_delivery(conn):
            for channel in channels:
                try:
                    (preview if dry_run else deliver_to)(conn, channel, max_age)
                except SendError as error:
                    failures.append(str(error))
    if failures:
        raise AlertsError("\nalerts: ".join(failures))


def _check_max_age(conn: psycopg.Connection[tuple[bool]], max_age: str) -> None:
    try:
        row = conn.execute("select %s::interval >= '0'", [max_age]).fetchone()
    except psycopg.errors.DataError:
        row = None
    if row is None or not row[0]:
        raise AlertsError(
            f"--max-age {max_age!r} is no time as PostgreSQL reads it: '1 day'"
        )


def main() -> None:
    """Run the command; an expected failure is one line on standard error."""
    try:
        cli(prog_name="python -m alerts", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except psycopg.errors.UndefinedTable as error:
        _fail(f"{error.diag.message_primary}: run dbt build first")
    except (
        AlertsError,
        psycopg.OperationalError,
        psycopg.errors.InsufficientPrivilege,
        ValueError,
    ) as error:
        _fail(str(error).strip())
    except (KeyboardInterrupt, click.Abort):
        print(
            "interrupted: the next run goes on, and may repeat the last message",
            file=sys.stderr,
        )
        sys.exit(EXIT_INTERRUPTED)


def _fail(message: str) -> None:
    print(f"alerts: {message}", file=sys.stderr)
    sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
