"""Connect to the server in use: that of libpq's variables, else the embedded server.

All parts of the project connect through this module, so loaders, Python models and
tests always use the same server as dbt's profile.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psycopg

PROJECT_DIR = Path(__file__).resolve().parents[1]
STATE_DIR = PROJECT_DIR / ".vigil"
SERVER_FILE = STATE_DIR / "server.json"

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 54329
DEFAULT_USER = "vigil"
DEFAULT_DATABASE = "vigil"


def is_external() -> bool:
    """Return whether the environment names a server; then none has to be started."""
    return bool(os.environ.get("PGHOST") or os.environ.get("PGSERVICE"))


def conninfo() -> dict[str, str | int]:
    """Return keyword arguments for `psycopg.connect`.

    With ``PGHOST`` or ``PGSERVICE`` set, libpq reads the environment itself; only a
    user and a database that are named nowhere get the defaults of ``profiles.yml``.
    Otherwise they come from ``.vigil/server.json``, which ``make up`` writes, each
    overridden by its ``PG*`` variable.

    Returns
    -------
    dict of str to str or int
        Without the password, which libpq takes from ``PGPASSWORD`` or ``.pgpass``.

    Raises
    ------
    ValueError
        When ``PGPORT`` is not a number or ``server.json`` cannot be read.
    """
    info: dict[str, str | int] = {}
    if "PGAPPNAME" not in os.environ:
        info["application_name"] = "vigil"
    if os.environ.get("PGSERVICE"):
        return info
    if os.environ.get("PGHOST"):
        if not os.environ.get("PGUSER"):
            info["user"] = DEFAULT_USER
        if not os.environ.get("PGDATABASE"):
            info["dbname"] = DEFAULT_DATABASE
        return info

    server = embedded_server() or {}
    port = os.environ.get("PGPORT") or server.get("port", DEFAULT_PORT)
    try:
        info["port"] = int(port)
    except ValueError:
        raise ValueError(f"PGPORT is not a port number: {port!r}") from None
    info["host"] = str(server.get("host", DEFAULT_HOST))
    info["user"] = os.environ.get("PGUSER") or str(server.get("user", DEFAULT_USER))
    info["dbname"] = os.environ.get("PGDATABASE") or str(
        server.get("dbname", DEFAULT_DATABASE)
    )
    return info


def embedded_server() -> dict[str, str | int] | None:
    """Return what ``make up`` wrote about the embedded server; None before it ran."""
    try:
        text = SERVER_FILE.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        server: dict[str, str | int] = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError(f"{SERVER_FILE} is damaged: run `make up` again") from None
    return server


def connect(**kwargs: Any) -> psycopg.Connection[Any]:
    """Connect to the server in use.

    Parameters
    ----------
    **kwargs
        Passed to `psycopg.connect`; they override `conninfo`.

    Raises
    ------
    psycopg.OperationalError
        When the server does not answer.
    """
    return psycopg.connect(**{**conninfo(), **kwargs})
