"""A throw-away dbt project whose Python models run on the real server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import parses
import psycopg
import pytest
from dbt_in_process import invoke
from workspace import DBT

from pgio.connection import PROJECT_DIR

BOOKKEEPING = """
    create schema ingestion;
    create schema ops;
    create table ingestion.load_log (
        load_id bigint generated always as identity primary key,
        relation text not null,
        rows_loaded bigint not null,
        time_from timestamptz,
        time_to timestamptz
    );
    create table ingestion.applied_loads (
        consumer text not null,
        load_id bigint not null,
        applied_at timestamptz not null default now(),
        primary key (consumer, load_id)
    );
    create table ops.model_state (
        model text primary key,
        fingerprint text,
        updated_at timestamptz not null default now()
    );
    create table ops.model_builds (
        model text,
        built_at timestamptz default now(),
        reason text not null,
        fingerprint text,
        made_of jsonb,
        primary key (model, built_at)
    );
    grant all on schema ingestion, ops to pg_database_owner;
    grant all on all tables in schema ingestion, ops to pg_database_owner;
"""


FORGET = """
    truncate
        ingestion.load_log, ingestion.applied_loads, ops.model_state, ops.model_builds
    restart identity;
"""


class PyJobsProject:
    """A dbt project with an empty schema and the repository's materializations.

    All have the same schema, so that they share dbt's parse of the macros (`parses`).
    """

    schema = "jobs"

    def __init__(self, folder: Path, connection: psycopg.Connection[Any]) -> None:
        self.folder = folder
        self.connection = connection
        connection.execute(f"drop schema if exists {self.schema} cascade")
        connection.execute(f"create schema {self.schema}")
        connection.execute(FORGET)
        (folder / "models").mkdir()
        (folder / "macros").symlink_to(PROJECT_DIR / "macros")
        info = connection.info
        self._server = {name: getattr(info, name) for name in parses.PLACE}
        self.profile(info.host, info.port)
        (folder / "dbt_project.yml").write_text(
            "name: throwaway\nversion: 0.1.0\nprofile: throwaway\n"
            "model-paths: [models]\nmacro-paths: [macros]\n"
            "flags: {send_anonymous_usage_stats: false}\n"
        )
        parses.take_over(folder / "target", self._server, type(self))

    def profile(self, host: str, port: int, **extra: Any) -> None:
        """Write profiles.yml."""
        info = self.connection.info
        settings = {
            "type": "postgres",
            "host": host,
            "port": port,
            "user": info.user,
            "password": info.password,
            "dbname": info.dbname,
            "schema": self.schema,
            "threads": 2,
            **extra,
        }
        lines = "\n".join(f"      {key}: {value!r}" for key, value in settings.items())
        (self.folder / "profiles.yml").write_text(
            f"throwaway:\n  target: dev\n  outputs:\n    dev:\n{lines}\n"
        )

    def model(self, name: str, body: str, columns: str, config: str = "") -> None:
        """Write a Python model and its YAML.

        ``body`` is the body of ``model(dbt, session)`` and must end in a return,
        ``columns`` reads like ``id bigint!, note text`` with ``!`` for not null, and
        ``config`` holds further YAML lines of the config.
        """
        (self.folder / "models" / f"{name}.py").write_text(
            "import decimal\nimport datetime as dt\nimport pyarrow as pa\n"
            "from dbt_pyjobs import Changes\n\n\n"
            "def model(dbt, session):\n" + indent(dedent(body).strip(), "    ") + "\n"
        )
        lines = ["models:", f"  - name: {name}"]
        if config:
            lines += ["    config:", indent(dedent(config).strip(), "      ")]
        lines.append("    columns:")
        for column in columns.split("; "):
            column_name, _, data_type = column.strip().partition(" ")
            lines.append(f"      - name: {column_name}")
            if data_type:
                lines.append(f"        data_type: {data_type.rstrip('!')}")
            if data_type.endswith("!"):
                lines.append("        constraints: [{type: not_null}]")
        (self.folder / "models" / f"{name}.yml").write_text("\n".join(lines) + "\n")

    def run(self, *args: str, command: str = "run") -> dict[str, tuple[str, str]]:
        """Run dbt in this process; return status and message by model."""
        result, _ = invoke([command, *self.places(), *args])
        parses.keep(self.folder / "target", self._server, type(self))
        if result.exception:
            raise result.exception
        return {r.node.name: (str(r.status), r.message or "") for r in result.result}

    def built(self, *args: str) -> dict[str, str]:
        """Run dbt, which must succeed; return the message by model."""
        results = self.run(*args)
        assert {status for status, _ in results.values()} == {"success"}, results
        return {name: message for name, (_, message) in results.items()}

    def error(self, *args: str) -> str:
        """Run dbt, which must fail in one model; return its message."""
        [message] = [m for status, m in self.run(*args).values() if status == "error"]
        return message

    def start(self, *args: str, **env: str | None) -> subprocess.Popen[str]:
        """Start ``dbt run`` in a process of its own; a None in ``env`` unsets."""
        variables = {**os.environ, **{k: v for k, v in env.items() if v is not None}}
        for key in (k for k, v in env.items() if v is None):
            variables.pop(key, None)
        return subprocess.Popen(
            [str(DBT), "run", *self.places(), *args],
            cwd=self.folder,
            env=variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def places(self) -> list[str]:
        """Return the options that tell dbt where the project is."""
        folder = str(self.folder)
        return [
            *("--project-dir", folder, "--profiles-dir", folder),
            *("--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"),
        ]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return a query's rows; ``{s}`` in it is the project's schema."""
        return self.connection.execute(query.replace("{s}", self.schema)).fetchall()

    def tables(self) -> set[str]:
        """Return the names of all relations in the project's schema."""
        rows = self.connection.execute(
            "select relname from pg_class where relnamespace = %s::regnamespace "
            "and relkind in ('r', 'v', 'm')",
            [self.schema],
        )
        return {row[0] for row in rows}


@pytest.fixture(scope="session")
def pyjobs_database(
    make_database: Callable[[], dict[str, Any]],
) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database of these tests' own, with the bookkeeping tables."""
    with psycopg.connect(**make_database(), autocommit=True) as connection:
        connection.execute(BOOKKEEPING)
        yield connection


@pytest.fixture
def project(tmp_path: Path, pyjobs_database: psycopg.Connection[Any]) -> PyJobsProject:
    """An empty project in an empty schema."""
    return PyJobsProject(tmp_path, pyjobs_database)
