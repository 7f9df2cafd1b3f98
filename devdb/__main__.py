"""``python -m devdb``: the server in use, from the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import click

from devdb.cluster import HOST
from devdb.database import (
    describe,
    has_unused_timescaledb,
    has_vector,
    prepare_database,
    wait_until_ready,
)
from devdb.debian import make_apache_tree
from devdb.embedded import EmbeddedServer
from devdb.errors import ServerError
from devdb.programs import wheel_bin_dir
from devdb.throwaway import throwaway_cluster
from devdb.trees import find_tree
from pgio import connection as project

VARIABLES = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGDATABASE": "dbname",
}
PASS_ON = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}


@click.group()
def cli() -> None:
    """Start, stop and reach the PostgreSQL server of this project.

    With PGHOST or PGSERVICE set, that server is used and none is started.
    """


@cli.command()
def up() -> None:
    """Start the embedded server, or check the one that PGHOST names."""
    if project.is_external():
        click.echo(f"{_named_by()} is set: using that server, nothing is started.")
    else:
        EmbeddedServer(tell=click.echo).start()
    with wait_until_ready(project.conninfo()) as conn:
        click.echo(f"{describe(conn)}: ready.")
        if not has_vector(conn):
            raise ServerError(
                "this server lacks the extension vector: install pgvector on it"
            )
        if has_unused_timescaledb(conn):
            click.echo(
                "It has TimescaleDB, which this database does not use: for hypertables "
                "and continuous aggregates, `create extension timescaledb` in it."
            )


@cli.command()
def down() -> None:
    """Stop the embedded server; its data stays."""
    if project.is_external():
        click.echo(f"{_named_by()} is set: that server is not ours to stop.")
    else:
        EmbeddedServer(tell=click.echo).stop()


@cli.command()
def url() -> None:
    """Print the libpq URL of the server in use."""
    _require_server()
    click.echo(server_url())


@cli.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the server in use; arguments are psql's."""
    _require_server()
    # The wheel's psql has no TLS, which another server may require.
    program = shutil.which("psql") if project.is_external() else None
    if program is None:
        try:
            program = str(wheel_bin_dir() / "psql")
        except ServerError:
            program = shutil.which("psql")
    if program is None:
        raise ServerError("there is no psql: run `make setup`")
    os.environ.update(_libpq_variables())
    os.execv(program, ["psql", *arguments])


@cli.command(context_settings=PASS_ON)
@click.option("--server", help="A tree's name, apache say; else the embedded server.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def throwaway(server: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND with a temporary empty server, or with the one of PGHOST."""
    if project.is_external():
        sys.exit(subprocess.call(command))
    with throwaway_cluster(None if server is None else find_tree(server)) as cluster:
        prepare_database(
            cluster.conninfo(), project.DEFAULT_USER, project.DEFAULT_DATABASE
        )
        variables = _as_variables(cluster.conninfo(project.DEFAULT_DATABASE))
        code = subprocess.call(command, env={**os.environ, **variables})
    sys.exit(code)


@cli.command()
def timescale() -> None:
    """Make the server tree with Debian's TimescaleDB for the tests; needs root."""
    make_apache_tree(tell=click.echo)


@cli.command()
def remove() -> None:
    """Stop the embedded server and delete its data."""
    EmbeddedServer(tell=click.echo).remove()


def _named_by() -> str:
    return "PGHOST" if os.environ.get("PGHOST") else "PGSERVICE"


def _require_server() -> None:
    if not project.is_external() and EmbeddedServer().running_port() is None:
        raise ServerError("no server runs: start it with `make up`")


def _libpq_variables() -> dict[str, str]:
    return _as_variables(project.conninfo())


def _as_variables(info: Mapping[str, str | int]) -> dict[str, str]:
    return {name: str(info[key]) for name, key in VARIABLES.items() if key in info}


def server_url() -> str:
    """Return the URL without a password: libpq finds it by itself."""
    options = {"sslmode": os.environ.get("PGSSLMODE")}
    if os.environ.get("PGSERVICE"):
        options["service"] = os.environ["PGSERVICE"]
        return f"postgresql:///?{_query(options)}"
    settings = {**os.environ, **_libpq_variables()}
    host, port = settings.get("PGHOST", HOST), settings.get("PGPORT", "5432")
    if host.startswith("/"):
        options["host"] = host
        host = ""
    elif ":" in host:
        host = f"[{host}]"
    user, dbname = quote(settings["PGUSER"], ""), quote(settings["PGDATABASE"], "")
    query = _query(options)
    return f"postgresql://{user}@{host}:{port}/{dbname}{'?' if query else ''}{query}"


def _query(options: dict[str, str | None]) -> str:
    return urlencode({k: v for k, v in options.items() if v})


def main() -> None:
    """Run a command; an expected failure is one line on standard error."""
    try:
        cli(prog_name="python -m devdb")
    except (ServerError, ValueError, OSError) as error:
        print(f"devdb: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
