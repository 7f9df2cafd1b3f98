"""Open psycopg connections with the profile's credentials."""

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

#: File in which `make up` stores the embedded server's address, relative to the
#: project.
SERVER_FILE = Path(".vigil", "server.json")


def redirect(credentials: Any) -> Any:
    """Point the profile's default credentials to the embedded server.

    The embedded server uses another port if its default port is in use. dbt renders the
    profile before plugins are loaded, so the port is corrected when a connection is
    opened. Credentials of another server are not changed, nor any credentials if the
    environment sets ``PGHOST`` or ``PGPORT``.

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
    """Return how to start the embedded server, if the profile uses it and it is down.

    Parameters
    ----------
    credentials
        `dbt.adapters.postgres.PostgresCredentials`, as the profile has them.

    Returns
    -------
    str
        A sentence that begins with a line break, or an empty string.
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
    """Return the folder of the running dbt project."""
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
