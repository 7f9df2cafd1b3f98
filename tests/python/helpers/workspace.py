"""A database, and the commands that users type, aimed at it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from whole_project import run_dbt

from pgio.connection import PROJECT_DIR

DBT = Path(sys.executable).with_name("dbt")


@dataclass(frozen=True)
class Workspace:
    """A database, and the commands aimed at it."""

    env: dict[str, str]
    conninfo: dict[str, Any]
    target: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=PROJECT_DIR,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def dbt(self, *args: str) -> dict[str, Any]:
        """Run dbt, which must succeed; return its results by name of node."""
        done = run_dbt(self.env, *args, target=self.target)
        assert done.success, f"{args}\n{done.said}"
        return done.results

    def load(self, *paths: Path, command: str = "fills") -> None:
        loader = (sys.executable, "-m", "loaders.load_to_db", command)
        self.run(*loader, *map(str, paths))

    def rows(self, relation: str, order: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.conninfo) as conn:
            return conn.execute(f"select * from {relation} order by {order}").fetchall()

    def execute(self, statement: str) -> None:
        with psycopg.connect(**self.conninfo) as conn:
            conn.execute(statement)

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.conninfo) as conn:
            return conn.execute(query).fetchall()
