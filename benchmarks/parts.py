"""The parts of the scoreboard: what each measures, on which database and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    build,
    commands,
    embeddings,
    fold,
    load,
    profiles,
    rollups,
    search,
    storage,
    ticks,
)
from benchmarks.scoreboard import Figure
from benchmarks.tapes import make_tape

STORAGE_DAYS = 5


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

    @contextmanager
    def database(self, name: str) -> Iterator[tuple[dict[str, str], Path]]:
        """Make an empty database; yield its libpq variables and a folder of its own."""
        scratch = self.scratch / name
        scratch.mkdir()
        with commands.database(self.server, f"vigil_bench_{name}") as env:
            yield env, scratch

    def tape(self, fills: int, days: int = 60) -> Path:
        """Return a folder of daily Parquet files, made at the first call."""
        folder = self.tapes / f"{fills}-{days}"
        if not folder.exists():
            make_tape(folder, fills=fills, days=days)
        return folder / "parquet"


def _load(bench: Bench) -> list[Figure]:
    tape = bench.tape(bench.sizes.fills)
    with bench.database("load") as (env, scratch):
        return load.measure(env, tape, scratch, rounds=bench.sizes.rounds)


def _fold(bench: Bench) -> list[Figure]:
    tape = bench.tape(bench.sizes.fills)
    with bench.database("fold") as (env, scratch):
        commands.load(env, scratch, tape)
        commands.dbt(env, scratch, "run", "--select", "stg_hyperliquid__fills")
        return fold.measure(env, rounds=bench.sizes.rounds)


def _rollups(bench: Bench) -> list[Figure]:
    tape = bench.tape(bench.sizes.rollup_fills, days=100)
    with bench.database("rollups") as (env, scratch):
        return rollups.measure(env, tape, scratch, rounds=bench.sizes.rounds)


def _profiles(bench: Bench) -> list[Figure]:
    sizes = bench.sizes
    with bench.database("profiles") as (env, scratch):
        return profiles.measure(
            env, scratch, traders=sizes.traders, rounds=sizes.rounds
        )


def _build(bench: Bench) -> list[Figure]:
    tape = bench.tape(bench.sizes.build_fills).parent
    with bench.database("build") as (env, scratch):
        return build.measure(env, tape, scratch)


def _storage(bench: Bench) -> list[Figure]:
    # Few days: a columnstore helps where a trader has many fills a day.
    tape = bench.tape(bench.sizes.fills, days=STORAGE_DAYS)
    with bench.database("storage") as (env, scratch):
        return storage.measure(env, tape, scratch, rounds=bench.sizes.rounds)


def _ticks(bench: Bench) -> list[Figure]:
    sizes = bench.sizes
    with bench.database("ticks") as (env, scratch):
        return ticks.measure(env, scratch, ticks=sizes.ticks, rounds=sizes.rounds)


def _embeddings(bench: Bench) -> list[Figure]:
    return embeddings.measure(rounds=bench.sizes.rounds)


def _search(bench: Bench) -> list[Figure]:
    with bench.database("search") as (env, scratch):
        return search.measure(env, scratch, windows=bench.sizes.windows)


PARTS: dict[str, Callable[[Bench], list[Figure]]] = {
    "load": _load,
    "fold": _fold,
    "rollups": _rollups,
    "profiles": _profiles,
    "storage": _storage,
    "build": _build,
    "ticks": _ticks,
    "embeddings": _embeddings,
    "search": _search,
}

#: Parts without a server: measured once, however many servers there are.
SERVERLESS = ("embeddings",)
