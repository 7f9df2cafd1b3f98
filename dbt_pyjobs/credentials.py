"""The profile's credentials as a psycopg connection, to the server that is up."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import psycopg
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.flags import get_flags

from pgio.connection import DEFAULT_HOST, DEFAULT_PORT

#: Where `make up` notes the embedded server's address, relative to the project.
SERVER_FILE = Path(".vigil", "server.json")


def redirect(credentials: Any) -> Any:
    """Point credentials that came from the profile's defaults at the embedded server.

    The embedded server takes another port when its own is taken. dbt renders the
    profile before any plugin is loaded, so the port is put right when a connection is
    opened. Credentials that name another server, or an environment that sets
    ``PGHOST`` or ``PGPORT``, are left alone.

    Parameters
    ----------
    credentials
        `dbt.adapters.postgres.PostgresCredentials`; not modified.

    Returns
    -------
    PostgresCredentials
        The same object, or a copy with the host and port of ``.vigil/server.json``.
    """
    if not _are_defaults(credentials):
        return credentials
    try:
        server = json.loads((project_dir() / SERVER_FILE).read_text(encoding="utf-8"))
        host, port = str(server.get("host", DEFAULT_HOST)), int(server["port"])
    except (OSError, ValueError, KeyError, AttributeError):
        return credentials
    return credentials.replace(host=host, port=port)


def hint(credentials: Any) -> str:
    """Return how to start the embedded server, if it is meant and does not run.

    Parameters
    ----------
    credentials
        `dbt.adapters.postgres.PostgresCredentials`, as the profile has them.

    Returns
    -------
    str
        A sentence with a line break before it, or nothing.
    """
    if not _are_defaults(credentials):
        return ""
    embedded = redirect(credentials)
    try:
        with socket.create_connection((embedded.host, embedded.port), timeout=1):
            return ""
    except OSError:
        return (
            "\nThe project's own server does not run: `make up` starts it; set"
            " PGHOST to use another one."
        )


def _are_defaults(credentials: Any) -> bool:
    if os.environ.get("PGHOST") or os.environ.get("PGPORT"):
        return False
    address = (credentials.host, int(credentials.port))
    return address == (DEFAULT_HOST, DEFAULT_PORT)


def project_dir() -> Path:
    """Return the folder of the dbt project that is being run."""
    return Path(getattr(get_flags(), "PROJECT_DIR", None) or Path.cwd()).resolve()  # type: ignore[no-untyped-call]


def connect(credentials: Any, application_name: str) -> psycopg.Connection[Any]:
    """Open a connection as dbt does, in psycopg 3 and autocommit.

    Parameters
    ----------
    credentials
        `dbt.adapters.postgres.PostgresCredentials`, as the profile has them.
    application_name
        What ``pg_stat_activity`` shows.

    Raises
    ------
    FailedToConnectError
        The server does not answer, after as many retries as the profile asks for.
    """
    profile, credentials = credentials, redirect(credentials)
    options: dict[str, Any] = {
        key: value
        for key in ("sslmode", "sslcert", "sslkey", "sslrootcert", "keepalives_idle")
        if (value := getattr(credentials, key))
    }
    if credentials.search_path:
        path = credentials.search_path.replace(" ", "\\ ")
        options["options"] = f"-c search_path={path}"
    attempt = 0
    while True:
        try:
            connection = psycopg.connect(
                host=credentials.host,
                port=credentials.port,
                user=credentials.user,
                password=credentials.password or None,
                dbname=credentials.database,
                connect_timeout=credentials.connect_timeout,
                application_name=application_name,
                autocommit=True,
                **options,
            )
            break
        except psycopg.OperationalError as error:
            attempt += 1
            if attempt > credentials.retries:
                raise FailedToConnectError(f"{error}{hint(profile)}") from error
            time.sleep(attempt * attempt)
    if credentials.role:
        # As in `set role NAME`, which dbt-postgres says: the profile may quote it.
        connection.execute(
            "select set_config('role', rolname, false) from pg_roles"
            " where oid = %s::regrole",
            [credentials.role],
        )
    return connection
