"""The model `trader_position_hours` without dbt, and made-up loads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import yaml
from psycopg.rows import dict_row
from reference_fold import ADL, DUST, LIQUIDATION, SETTLEMENT, TRANSFER, Fill

from pgio.connection import PROJECT_DIR, connect
from pgio.copy_in import copy_batches
from pgio.copy_out import read_table
from python_jobs.lib.fold.positions import PositionChanges, PositionJob
from runners.fill_rules import rendered

FILLS = "hyperliquid.fills"
NO_RATES = (
    "(select null as position_id, 0 as funding_usd, true as is_funding_known"
    " limit 0) as without_rates"
)
STAGED_FILLS = "staging.stg_hyperliquid__fills"
TARGET = "analytics.trader_position_hours"
DIRS = {
    ADL: "Auto-Deleveraging",
    SETTLEMENT: "Settlement",
    TRANSFER: "Net Child Vaults",
    DUST: "Spot Dust Conversion",
}


class Model:
    """The model without dbt: its table and the loads it has applied."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        text = (PROJECT_DIR / "python_jobs" / "_positions__models.yml").read_text()
        (model,) = yaml.safe_load(text)["models"]
        self.columns = [(c["name"], c["data_type"]) for c in model["columns"]]
        definition = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        create_staged_fills(conn)
        conn.execute("create schema if not exists analytics")
        conn.execute(f"drop table if exists {TARGET}")  # type: ignore[arg-type]
        conn.execute(f"create table {TARGET} ({definition})")  # type: ignore[arg-type]
        self.applied: set[int] = set()
        self.written = 0
        self.deleted = 0

    def run(
        self,
        *,
        is_incremental: bool,
        slice_rows: int = 500_000,
        forgets_history: bool = False,
    ) -> None:
        """Run the model once and apply its changes."""
        with connect(autocommit=True) as reader:

            def loads() -> pa.Table:
                known = sorted(self.applied) if is_incremental else []
                return read_table(
                    reader,
                    "select load_id, time_from, time_to, rows_loaded "
                    "from ingestion.load_log "
                    f"where load_id <> all('{{{','.join(map(str, known))}}}'::bigint[])"
                    " order by load_id",
                )

            job = PositionJob(reader, STAGED_FILLS, loads, slice_rows, forgets_history)
            changes = (job.update if is_incremental else job.rebuild)(TARGET)
            if changes is not None:
                self.apply(changes, is_incremental)

    def apply(self, changes: PositionChanges, is_incremental: bool) -> None:
        """Apply changes to the table as the materialization does."""
        with self.conn.transaction():
            self.conn.execute(
                "create temporary table new_rows "
                "(like analytics.trader_position_hours) on commit drop"
            )
            names = [name for name, _ in self.columns]
            self.written = copy_batches(self.conn, "new_rows", changes.rows, names)
            self.deleted = 0
            if not is_incremental:
                self.conn.execute(f"truncate {TARGET}")  # type: ignore[arg-type]
            elif changes.deletes is not None:
                gone = changes.deletes.to_pylist()
                self.deleted = len(gone)
                self.conn.cursor().executemany(
                    f"delete from {TARGET} "  # type: ignore[arg-type]
                    "where position_id = %(position_id)s and hour_at = %(hour_at)s",
                    gone,
                )
            self.conn.execute(
                f"delete from {TARGET} as old using new_rows as new "  # type: ignore[arg-type]
                "where old.position_id = new.position_id and old.hour_at = new.hour_at"
            )
            self.conn.execute(f"insert into {TARGET} select * from new_rows")  # type: ignore[arg-type]
        self.applied |= set(changes.loads)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all rows, in order of their keys."""
        names = ", ".join(name for name, _ in self.columns)
        return self.conn.execute(
            f"select {names} from {TARGET} order by position_id, hour_at"  # type: ignore[arg-type]
        ).fetchall()

    def positions(self) -> list[dict[str, Any]]:
        """Return the rows of `trader_positions`, as its own SQL computes them."""
        path = PROJECT_DIR / "models" / "marts" / "traders" / "trader_positions.sql"
        query = rendered(
            path.read_text(),
            config=lambda **_: "",
            ref={
                "trader_position_hours": TARGET,
                "int_positions__funding": NO_RATES,
            }.get,
            first_stale_day=lambda unit: "'-infinity'",
        )
        with self.conn.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(f"{query} order by position_id").fetchall()  # type: ignore[arg-type]


def create_staged_fills(conn: psycopg.Connection[Any]) -> None:
    """Create the view of the staging model, from the model's file."""
    (path,) = PROJECT_DIR.glob("models/staging/*/stg_hyperliquid__fills.sql")
    query = rendered(path.read_text(), source=lambda *names: ".".join(names))
    conn.execute("create schema if not exists staging")
    conn.execute(f"create or replace view {STAGED_FILLS} as {query}")  # type: ignore[arg-type]


def load(
    conn: psycopg.Connection[Any], fills: Sequence[Fill], *, log: bool = True
) -> int:
    """Insert fills as the loader does, with their line in the load log."""
    with conn.transaction():
        load_id = None
        if log:
            times = [fill.time / 1000 for fill in fills]
            row = conn.execute(
                """
                insert into ingestion.load_log (
                    relation, object, rows_read, rows_loaded, rows_duplicate,
                    rows_quarantined, time_from, time_to, started_at, finished_at
                )
                values (
                    'hyperliquid.fills', 'test', %(n)s, %(n)s, 0, 0,
                    to_timestamp(%(first)s), to_timestamp(%(last)s), now(), now()
                )
                returning load_id
                """,
                {
                    "n": len(fills),
                    "first": min(times, default=None),
                    "last": max(times, default=None),
                },
            ).fetchone()
            assert row is not None
            load_id = row[0]
        conn.cursor().executemany(
            """
            insert into hyperliquid.fills (
                time, user_address, coin, px, sz, side, dir, start_position, closed_pnl,
                fee, fee_token, tid, liquidation, block_number, event_index, load_id
            )
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    fill.time, fill.user, fill.coin, fill.px, fill.sz, fill.side,
                    DIRS.get(fill.kind, "Open Long"), fill.start, fill.pnl, fill.fee,
                    "USDH" if fill.is_base_fee else "USDC", fill.tid,
                    json.dumps({"liquidatedUser": fill.user.upper()})
                    if fill.kind == LIQUIDATION
                    else None,
                    None if fill.block < 0 else fill.block,
                    None if fill.event < 0 else fill.event,
                    load_id,
                )
                for fill in fills
            ],
        )  # fmt: skip
    return int(load_id or 0)


@pytest.fixture(name="model")
def fresh_model(loading_db: psycopg.Connection[Any]) -> Model:
    """The model, before its first run, over empty raw tables."""
    return Model(loading_db)


def clear(model: Model) -> None:
    """Empty the tables and forget the applied loads."""
    model.conn.execute(f"truncate {FILLS}, ingestion.load_log, {TARGET}")  # type: ignore[arg-type]
    model.applied = set()
