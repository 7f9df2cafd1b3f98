"""A clone with only ``devdb`` and ``pgio``, for tests of devdb's commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from devdb.processes import read_lock_file
from pgio.connection import PROJECT_DIR

SECONDS = 120


@dataclass(frozen=True)
class Clone:
    """A folder with the package ``devdb``, which is its own project then."""

    path: Path

    def devdb(self, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m devdb`` there, with no PG* variables but `variables`."""
        return subprocess.run(
            [sys.executable, "-m", "devdb", *args],
            cwd=self.path,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start ``python -m devdb`` there, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "devdb", *args],
            cwd=self.path,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment of a user who has set nothing but `variables`."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return {**plain, **variables}

    def up(self) -> str:
        """Run ``up``, which must succeed, and return what it says."""
        done = self.devdb("up")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def url(self) -> str:
        """Return the server's URL."""
        done = self.devdb("url")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def query(self, text: str) -> Any:
        """Run one statement on the server and return its first value, if any."""
        with psycopg.connect(self.url()) as conn:
            cursor = conn.execute(text)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    @property
    def cluster(self) -> Path:
        """The cluster's folder, wherever it lies."""
        return (self.path / ".vigil" / "cluster").resolve()

    @property
    def postmaster(self) -> int:
        """The process id in the server's lock file."""
        lock = read_lock_file(self.cluster / "data")
        assert lock is not None
        return lock.pid


@contextmanager
def new_clone(mode: int = 0o755) -> Iterator[Clone]:
    """Make a clone inside a new folder of that mode; everything goes in the end."""
    # Not pytest's own folders, which no other user can enter.
    folder = Path(tempfile.mkdtemp(prefix="vigil-clone-", dir="/tmp"))
    folder.chmod(mode)
    clone = Clone(folder / "project")
    # pgio, because its module `connection` says where the project is.
    for package in ("devdb", "pgio"):
        shutil.copytree(
            PROJECT_DIR / package,
            clone.path / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    try:
        yield clone
    finally:
        clone.devdb("remove")
        shutil.rmtree(folder)
