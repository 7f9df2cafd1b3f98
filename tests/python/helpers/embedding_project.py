"""A private copy of the embedding and search models, on a database of its own.

Candles are inserted by SQL in the form of the rollup, with a load of their ticks that
is recorded as applied by the rollup.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import parses
import psycopg
import pyarrow as pa
import yaml
from dbt_in_process import invoke

from pgio.connection import PROJECT_DIR
from pgio.copy_in import copy_batches

COPIED = (
    *("macros", "models/_groups.yml", "models/sources", "tests/generic"),
    *("python_jobs/_embeddings__models.yml", "python_jobs/btc_embeddings.py"),
    *("python_jobs/btc_feature_scales.py", "python_jobs/btc_search_scorecard.py"),
    *("models/marts/signals/btc_similar_windows.sql",),
    *("models/marts/signals/btc_similar_windows_summary.sql",),
    *("models/marts/signals/_similar_windows__models.yml",),
    *("tests/singular/btc_embeddings_end_in_their_window_5m.sql",),
    *("tests/singular/btc_similar_windows_lie_apart.sql",),
)
EMBEDDINGS = ("btc_feature_scales", "btc_embeddings")
SEARCH = (*EMBEDDINGS, "btc_similar_windows", "btc_similar_windows_summary")
VENUE = "binance_spot"

CANDLES = """
    create schema market_data;
    create table market_data.candles (
        bucket timestamptz, exchange text, open numeric, high numeric, low numeric,
        close numeric, volume numeric, notional numeric, trade_count bigint,
        buy_volume numeric, sell_volume numeric, large_volume numeric,
        squared_volume numeric, primary key (exchange, bucket)
    )
"""


class EmbeddingProject:
    """A dbt project with the models from one-second candles to similar windows.

    Attributes
    ----------
    folder
        The project, free to edit.
    variables
        Given to dbt with each command.
    """

    def __init__(self, folder: Path, conninfo: dict[str, Any]) -> None:
        self.folder = folder
        self.conninfo = conninfo
        self.variables: dict[str, Any] = {}
        for name in COPIED:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (PROJECT_DIR / name).is_dir() else shutil.copy
            copy(PROJECT_DIR / name, folder / name)
        (folder / "models/market").mkdir()
        (folder / "models/market/btc_ohlcv_1s.sql").write_text(
            "{{ config(materialized='view', schema='market_data') }}\n"
            "select * from market_data.candles\n"
        )
        project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
        for key in ("seed-paths", "snapshot-paths", "docs-paths", "seeds", "snapshots"):
            project.pop(key, None)
        (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
        names = ("host", "port", "user", "password", "dbname")
        output = {name: conninfo.get(name, "") for name in names}
        output |= {"type": "postgres", "port": int(conninfo["port"])}
        output |= {"schema": "analytics", "threads": 2}
        profile = {"vigil": {"target": "dev", "outputs": {"dev": output}}}
        (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
        with self.connect() as conn:
            conn.execute(CANDLES)
        self.dbt("run-operation", "create_sources")
        self.dbt("run", "--select", "btc_ohlcv_1s")

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(**self.conninfo, autocommit=True)

    def invoke(self, *args: str) -> Any:
        """Run dbt; return its result object, whatever it says."""
        places = ("--project-dir", "--profiles-dir", "--log-path")
        named = [part for place in places for part in (place, str(self.folder))]
        given = json.dumps(self.variables)
        # One for each value of the variables: with others dbt parses everything again.
        target = self.folder / f"target_{crc32(given.encode())}"
        if not target.exists():
            parses.take_over(target, self.conninfo, (type(self), given))
        options = ["--target-path", str(target), "--vars", given, "--no-write-json"]
        done, _ = invoke([*args, *named, *options])
        parses.keep(target, self.conninfo, (type(self), given))
        return done

    def dbt(self, *args: str) -> dict[str, str]:
        """Run dbt, which must succeed; return the message by node name."""
        done = self.invoke(*args)
        assert done.success, done.exception or [r.message for r in done.result]
        if args[0] == "run-operation":
            return {}
        return {r.node.name: r.message for r in done.result if r.node.name}

    def build(self, *args: str, select: Sequence[str] = EMBEDDINGS) -> dict[str, str]:
        """Build models, without their tests; return the message by model."""
        messages = self.dbt("run", "--select", *select, *args)
        return {name: text for name, text in messages.items() if name in select}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.connect() as conn:
            return conn.execute(query).fetchall()

    def value(self, query: str) -> Any:
        [(value,)] = self.rows(query)
        return value

    def load(self, candles: pa.Table, exchange: str = VENUE) -> int:
        """Replace the candles of the same seconds; return the load."""
        names = [name for name in candles.schema.names if name != "second"]
        texts = [candles[name].cast(pa.string()) for name in names]
        first, last = candles["second"][0].as_py(), candles["second"][-1].as_py()
        table = pa.table([candles["second"], *texts], names=["second", *names])
        columns = ", ".join(names)
        with psycopg.connect(**self.conninfo) as conn:
            kinds = ", ".join(f"{name} numeric" for name in names)
            conn.execute(f"create temp table fresh (second bigint, {kinds})")
            copy_batches(conn, "fresh", table.to_batches(), table.schema.names)
            conn.execute(
                "delete from market_data.candles using fresh "
                "where exchange = %s and bucket = to_timestamp(second)",
                [exchange],
            )
            conn.execute(
                f"insert into market_data.candles (bucket, exchange, {columns}) "
                f"select to_timestamp(second), %s, {columns} from fresh",
                [exchange],
            )
            [load_id] = conn.execute(
                """
                insert into ingestion.load_log (
                    relation, object, rows_read, rows_loaded, rows_duplicate,
                    rows_quarantined, time_from, time_to, started_at, finished_at
                )
                values (
                    'market_data.btc_ticks', 'test', 1, 1, 0, 0,
                    to_timestamp(%s), to_timestamp(%s + 0.9), now(), now()
                )
                returning load_id
                """,
                [first, last],
            ).fetchone() or (0,)
            conn.execute(
                "insert into ingestion.applied_loads (consumer, load_id) "
                "values ('market_data.btc_ohlcv_1s', %s)",
                [load_id],
            )
            conn.execute("drop table fresh")
        return int(load_id)

    def embeddings(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Return the rows by key, without the time they were created."""
        rows = self.rows(
            "select bucket, exchange, feature_version, window_start, "
            "feature_vector::text, label_snapshot from signals.btc_embeddings"
        )
        return {row[:3]: row[3:] for row in rows}

    def row_versions(self, name: str) -> list[tuple[Any, ...]]:
        """Return `ctid` and writing transaction of every row."""
        return self.rows(
            f"select ctid::text, xmin::text from signals.{name} order by 1"
        )
