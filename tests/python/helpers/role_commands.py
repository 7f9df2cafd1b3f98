"""The project's commands, run as one of its roles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from servers import environment
from whole_project import Done, run_dbt

from pgio.connection import PROJECT_DIR

ROLES = ("vigil_loader", "vigil_transformer", "vigil_reader")


@dataclass(frozen=True)
class RoleDatabase:
    """A database, and commands on it as any of its users.

    Attributes
    ----------
    info
        Arguments for `psycopg.connect`, as the superuser.
    scratch
        A folder for files and dbt's artifacts.
    """

    info: dict[str, Any]
    scratch: Path

    def run(self, user: str, *arguments: str | Path, **env: str) -> str:
        """Run ``python -m …``, which must succeed; return what it prints."""
        done = self.attempt(user, *arguments, **env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def attempt(
        self, user: str, *arguments: str | Path, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m …`` as a user of the server."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=PROJECT_DIR,
            env={**os.environ, **environment(self.info), "PGUSER": user, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def dbt(self, user: str, *arguments: str, **env: str) -> str:
        """Run dbt, which must succeed; return what it prints."""
        done = self._dbt(user, arguments, env)
        assert done.success, done.said
        return done.said

    def dbt_error(self, user: str, *arguments: str, **env: str) -> str:
        """Run dbt, which must fail; return what it prints, on one line."""
        done = self._dbt(user, arguments, env)
        assert not done.success, done.said
        return " ".join(done.said.split())

    def _dbt(self, user: str, arguments: Iterable[str], env: Mapping[str, str]) -> Done:
        env = {**environment(self.info), "PGUSER": user, **env}
        return run_dbt(env, *arguments, target=self.scratch)

    def load(self, kind: str, *paths: str | Path, user: str = "vigil_loader") -> str:
        """Run the loader, which must succeed."""
        return self.run(user, "loaders.load_to_db", kind, *paths)

    def connect(self, user: str) -> psycopg.Connection[Any]:
        return psycopg.connect(**{**self.info, "user": user}, autocommit=True)


@contextmanager
def dropped_with_roles(info: dict[str, Any]) -> Iterator[None]:
    """Drop a database and the roles in the end: roles are the whole server's."""
    try:
        yield
    finally:
        with psycopg.connect(**{**info, "dbname": "postgres"}, autocommit=True) as conn:
            drop = sql.SQL("drop database {} with (force)")
            conn.execute(drop.format(sql.Identifier(info["dbname"])))
            for role in ROLES:
                drop = sql.SQL("drop role if exists {}")
                conn.execute(drop.format(sql.Identifier(role)))
