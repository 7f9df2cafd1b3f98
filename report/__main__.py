"""``python -m report``: write the page of the server in use."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import psycopg

from report.ask import ReportError, snapshot
from report.compose import compose
from report.page import render


@click.command()
@click.option(
    "--trader",
    metavar="0x…",
    help="The trader of the tear sheet; by default the first of the leaderboard.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("target/report.html"),
    show_default=True,
    help="The file to write.",
)
def cli(trader: str | None, out: Path) -> None:
    """Write one HTML page: signals, traders, bitcoin.

    Open it in a browser, or send it: it needs no server and no network.
    """
    with snapshot() as conn:
        page = compose(conn, trader, datetime.now(UTC))
    html = render(page)
    write_whole(out, html)
    click.echo(
        f"Open {out.resolve()} in a browser ({len(html.encode()) / 1e6:.1f} MB)."
    )


def write_whole(path: Path, text: str) -> None:
    """Write a temporary file and rename it when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main() -> None:
    """Run the command; an expected failure is one line on standard error."""
    try:
        cli(prog_name="python -m report")
    except (
        ReportError,
        psycopg.OperationalError,
        psycopg.errors.InsufficientPrivilege,
        ValueError,
        OSError,
    ) as error:
        print(f"report: {str(error).strip()}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
