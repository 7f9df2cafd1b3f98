"""How much is measured, and where."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.database import Database, temporary_database
from benchmarks.tapes import make_tape


@dataclass(frozen=True)
class Sizes:
    """How much is measured; see the command's options."""

    fills: int
    build_fills: int
    rollup_fills: int
    traders: int
    ticks: int
    windows: int
    rounds: int


@dataclass(frozen=True)
class Bench:
    """Where a part is measured.

    Attributes
    ----------
    server
        Arguments for `psycopg.connect`.
    sizes
        How much.
    scratch
        For dbt's artifacts, and for files that the server can read.
    tapes
        Folder of tapes, which are reused by the next part and server.
    """

    server: Mapping[str, Any]
    sizes: Sizes
    scratch: Path
    tapes: Path

    def database(self, name: str) -> AbstractContextManager[Database]:
        """Make an empty database, for the length of a ``with``."""
        return temporary_database(self.server, name, self.scratch)

    def tape(self, fills: int, days: int = 60) -> Path:
        """Return the folder of a tape of fills, made at the first call."""
        folder = self.tapes / f"{fills}-{days}"
        if not folder.exists():
            make_tape(folder, fills, days)
        return folder

    def median_seconds(self, action: Callable[[], object]) -> float:
        """Time an action; one before them compiles and warms up."""
        action()
        seconds = []
        for _ in range(self.sizes.rounds):
            start = time.perf_counter()
            action()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)
