"""Roles, databases and extensions on a server that runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from devdb.errors import ServerError
from pgio.connection import connect

ANSWER_SECONDS = 300
TIMESCALEDB = "timescaledb"


def wait_until_ready(conninfo: Mapping[str, Any]) -> psycopg.Connection[Any]:
    """Connect, in autocommit mode, waiting while the server recovers.

    Raises
    ------
    ServerError
        When it does not answer.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    arguments = {"connect_timeout": 10, **conninfo, "autocommit": True}
    while True:
        try:
            return connect(**arguments)
        except psycopg.OperationalError as error:
            if "starting up" not in str(error) or time.monotonic() > deadline:
                message = str(error).strip().splitlines()[-1]
                raise ServerError(f"PostgreSQL does not answer: {message}") from None
            time.sleep(0.5)


def prepare_database(conninfo: Mapping[str, Any], user: str, dbname: str) -> None:
    """Make role, database and extension ``vector`` where they are missing.

    Parameters
    ----------
    conninfo
        To the maintenance database, as a superuser.
    user
        The role, a superuser when it is made here.
    dbname
        The database; `user` owns it when it is made here.

    Raises
    ------
    ServerError
        When the server does not answer.
    """
    with wait_until_ready(conninfo) as conn:
        if not _has(conn, "pg_roles", "rolname", user):
            role = sql.Identifier(user)
            conn.execute(sql.SQL("create role {} superuser login").format(role))
        if not _has(conn, "pg_database", "datname", dbname):
            create = sql.SQL("create database {} owner {}")
            conn.execute(create.format(sql.Identifier(dbname), sql.Identifier(user)))
    with wait_until_ready({**conninfo, "dbname": dbname}) as conn:
        enable_extensions(conn)


def enable_extensions(conn: psycopg.Connection[Any]) -> None:
    """Make the extensions in a database: ``vector``, and TimescaleDB if it is loaded.

    Parameters
    ----------
    conn
        In autocommit mode, as a role that may make them.
    """
    conn.execute("set client_min_messages = warning")
    # TimescaleDB requires that this is the first statement of its session.
    if _has_timescaledb(conn) and _has(
        conn, "pg_available_extensions", "name", TIMESCALEDB
    ):
        conn.execute("create extension if not exists timescaledb")
    conn.execute("create extension if not exists vector")


def edition(conn: psycopg.Connection[Any]) -> str:
    """Return the edition of this database: ``community``, ``apache`` or ``postgres``.

    The macro ``timescale_edition`` asks the same question.
    """
    if not _has(conn, "pg_extension", "extname", TIMESCALEDB):
        return "postgres"
    row = conn.execute("select current_setting('timescaledb.license', true)").fetchone()
    return "community" if row == ("timescale",) else "apache"


def describe(conn: psycopg.Connection[Any]) -> str:
    """Return a line about the server: versions, edition, place and database."""
    info = conn.info
    version = (info.parameter_status("server_version") or "?").split()[0]
    place = f"at {info.host}:{info.port}, database {info.dbname}"
    row = conn.execute(
        "select extversion from pg_extension where extname = %s", [TIMESCALEDB]
    ).fetchone()
    if row is None:
        return f"PostgreSQL {version} {place}"
    name = edition(conn).capitalize()
    return f"PostgreSQL {version} with TimescaleDB {row[0]}, {name} edition, {place}"


def has_unused_timescaledb(conn: psycopg.Connection[Any]) -> bool:
    """Say whether the server has TimescaleDB and this database does not use it."""
    return _has_timescaledb(conn) and not _has(
        conn, "pg_extension", "extname", TIMESCALEDB
    )


def has_vector(conn: psycopg.Connection[Any]) -> bool:
    """Say whether pgvector is installed on the server."""
    return _has(conn, "pg_available_extensions", "name", "vector")


def _has_timescaledb(conn: psycopg.Connection[Any]) -> bool:
    # Look for its settings: only superusers may see the list of libraries.
    query = "select current_setting('timescaledb.max_background_workers', true)"
    return conn.execute(query).fetchone() != (None,)


def _has(conn: psycopg.Connection[Any], catalog: str, column: str, name: str) -> bool:
    query = sql.SQL("select from {} where {} = %s").format(
        sql.Identifier(catalog), sql.Identifier(column)
    )
    return conn.execute(query, [name]).fetchone() is not None
