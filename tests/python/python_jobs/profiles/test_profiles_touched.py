"""Profiles and cohorts, load by load in any order, are what a rebuild makes of them.

The models themselves run over a real server, on small tables in place of the rollups;
only dbt, which would take seconds for each load, is left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
import yaml
from psycopg.types.json import Jsonb
from pyjobs_project import BOOKKEEPING
from trader_panels import DAY, Rows, random_rows, seed

from dbt_pyjobs import Changes
from dbt_pyjobs.session import Session
from pgio.connection import PROJECT_DIR
from pgio.copy_in import copy_batches
from python_jobs.lib.profiles.panel import (
    CURVE_MEASURES,
    DAILY_MEASURES,
    MILLISECONDS_PER_DAY,
)
from python_jobs.lib.profiles.touched import touched_query

pytestmark = pytest.mark.any_server

DAYS = 60
LOADS = 7
UPSTREAM = (
    "trader_daily",
    "trader_coin_daily",
    "trader_positions",
    "trader_risk_daily",
)
META = {
    "sharpe_min_days": 14,
    "confidence_positions": 20,
    "confidence_days": 14,
    "batch_rows": 300,
}
TABLES = f"""
    create schema t;
    create table t.fills (time bigint, user_address text, load_id bigint);
    create table t.trader_daily (
        day bigint, user_address text, first_fill_time bigint, last_fill_time bigint,
        {", ".join(f"{name} numeric" for name in DAILY_MEASURES)},
        primary key (day, user_address)
    );
    create table t.trader_coin_daily (
        day bigint, user_address text, coin text, is_outcome boolean,
        net_flow_usd numeric
    );
    create table t.trader_positions (
        user_address text, coin text, side text, status text, is_liquidated boolean,
        opened_at timestamptz, closed_at timestamptz, gross_pnl numeric,
        fees_usd numeric,
        entry_notional_usd numeric, holding_seconds numeric, is_basis_known boolean,
        close_reason text, last_exit_at timestamptz
    );
    create table t.trader_risk_daily (
        user_address text, day date, mtm_net_pnl numeric,
        {
    ", ".join(
        f"{name} {'bigint' if name == 'mtm_days' else 'float8'}"
        for name in CURVE_MEASURES
        if "pnl" not in name
    )
}
    );
    create table t.trader_class_rules (
        attribute text, rule_order integer, label text, metric text, operator text,
        threshold float8
    );
    create table t.trader_classes (trader_class text, leaves_signals boolean);
"""


class Models:
    """Both models as runs of dbt have them: their tables, loads and fingerprints."""

    def __init__(self, conn: psycopg.Connection[Any], conninfo: dict[str, Any]) -> None:
        self.conn = conn
        self.conninfo = conninfo
        self.step = 1
        text = (PROJECT_DIR / "python_jobs" / "_profiles__models.yml").read_text()
        self.models = {
            each["name"]: (
                np.atleast_1d(each["config"]["unique_key"]).tolist(),
                {c["name"]: c["data_type"] for c in each["columns"]},
            )
            for each in yaml.safe_load(text)["models"]
        }
        for name, (key, columns) in self.models.items():
            ddl = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            conn.execute(
                f"create table t.{name} ({ddl}, primary key ({', '.join(key)}))"
            )

    def run(self, name: str, *, is_incremental: bool = True) -> Changes | None:
        """Run a model and put its changes in place, as the materialization does."""
        connect = partial(psycopg.connect, **self.conninfo, autocommit=True)
        session = Session(connect, f"t.{name}", not is_incremental)
        with session.connection:
            meta = {**META, "cohort_step_days": self.step}
            dbt = SimpleNamespace(
                ref="t.{}".format,
                source=lambda _, table: f"t.{table}",
                this=f"t.{name}",
                is_incremental=is_incremental,
                config=SimpleNamespace(meta_get=meta.__getitem__),
            )
            module = importlib.import_module(f"python_jobs.{name}")
            changes: Changes | None = module.model(dbt, session)
            if changes is not None:
                self._apply(name, changes, is_incremental)
        return changes

    def _apply(self, name: str, changes: Changes, is_incremental: bool) -> None:
        key, columns = self.models[name]
        with self.conn.transaction():
            run = self.conn.execute
            run(f"create temporary table fresh (like t.{name}) on commit drop")
            assert not isinstance(changes.rows, pa.Table)
            copy_batches(self.conn, "fresh", changes.rows, list(columns))
            if changes.deletes is not None:
                run(f"create temporary table gone (like t.{name}) on commit drop")
                run(
                    "alter table gone "
                    + ", ".join(f"alter {column} drop not null" for column in columns)
                )
                copy_batches(self.conn, "gone", changes.deletes.to_batches(), key)
                run(
                    f"delete from t.{name} where ({', '.join(key)}) in "
                    f"(select {', '.join(key)} from gone)"
                )
            scope = changes.scope if is_incremental else "true"
            run(f"delete from t.{name} where {scope or 'false'}")
            run(
                f"delete from t.{name} where ({', '.join(key)}) in "
                f"(select {', '.join(key)} from fresh)"
            )
            run(f"insert into t.{name} select * from fresh")
            consumer = f"t.{name}"
            if not is_incremental:
                run(
                    "delete from ingestion.applied_loads where consumer = %s",
                    [consumer],
                )
            run(
                "insert into ingestion.applied_loads (consumer, load_id) "
                "select %s, unnest(%s::bigint[])",
                [consumer, list(changes.loads)],
            )
            run(
                "insert into ops.model_state (model, fingerprint) values (%s, %s) "
                "on conflict (model) do update set fingerprint = excluded.fingerprint",
                [consumer, changes.fingerprint],
            )

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        key = ", ".join(self.models[name][0])
        return self.conn.execute(f"select * from t.{name} order by {key}").fetchall()

    def load(
        self, cells: set[tuple[str, int]], tape: tuple[Rows, ...], *, holds: bool = True
    ) -> None:
        """Bring the fills of some traders' days, as loader and upstream models do."""
        days = [day for _, day in cells]
        load_id = self._log("fills", UPSTREAM, min(days), max(days), len(cells))
        many = self.conn.cursor().executemany
        many(
            "insert into t.fills values (%s, %s, %s)",
            [(at_ms(day) + 10, user, load_id) for user, day in sorted(cells)],
        )
        daily, positions, flows = (
            [r for r in rows if cell_of(r) in cells] for rows in tape[:3]
        )
        insert = (
            "insert into t.{} select * from jsonb_populate_recordset(null::t.{}, %s)"
        )
        tables: dict[str, Rows] = {
            "trader_daily": [
                {**r, "day": at_ms(r["day"]), "net_pnl": round(r["net_pnl"], 6),
                 "first_fill_time": at_ms(r["day"]) + 10,
                 "last_fill_time": at_ms(r["day"]) + 10}
                for r in daily
            ],
            "trader_coin_daily": [
                {**r, "day": at_ms(r["day"]), "coin": coin, "is_outcome": False,
                 "net_flow_usd": flow}
                for r in flows
                for coin, flow in (
                    ("@1", round(r["spot_flow"], 6)),
                    ("BTC", round(r["spot_flow"] - r["flow"], 6)),
                )
            ],
            "trader_positions": [
                {**r, "side": "long" if r["is_long"] else "short", "status": "closed",
                 "opened_at": stamp_of(r["opened_ms"]),
                 "closed_at": stamp_of(r["closed_ms"]),
                 "entry_notional_usd": round(r["entry_notional"], 6),
                 "gross_pnl": r["net_pnl"], "fees_usd": 0,
                 "is_basis_known": r["is_rated"],
                 "close_reason": "trade" if r["is_timed"] else "settlement"}
                for r in positions
            ],
        }  # fmt: skip
        for name, rows in tables.items():
            self.conn.execute(insert.format(name, name), [Jsonb(rows)])
        self._draw_curves(holds)

    def load_contexts(self, first_day: int, last_day: int) -> None:
        """Bring marks of some days: what is held then is worth something else."""
        self._log("asset_ctxs", ("trader_risk_daily",), first_day, last_day, 1)
        self._draw_curves(holds=True)

    def _log(
        self, table: str, consumers: tuple[str, ...], first: int, last: int, rows: int
    ) -> int:
        row = self.conn.execute(
            "insert into ingestion.load_log "
            "(relation, rows_loaded, time_from, time_to) values "
            "(%s, %s, to_timestamp(%s / 1000.0), to_timestamp(%s / 1000.0)) "
            "returning load_id",
            [f"hyperliquid.{table}", rows, at_ms(first), at_ms(last) + 10],
        ).fetchone()
        assert row is not None
        self.conn.cursor().executemany(
            "insert into ingestion.applied_loads (consumer, load_id) values (%s, %s)",
            [(f"t.{name}", row[0]) for name in consumers],
        )
        return int(row[0])

    def _draw_curves(self, holds: bool) -> None:
        """Write the curves anew, as the loads so far make them.

        A day's figures follow from the fills up to that day, from the marks of that day
        and the next, and from whether it is the newest day: its last hours are paid
        when a later fill is known.
        """
        run = self.conn.execute
        fills = run(
            f"select user_address, time / {MILLISECONDS_PER_DAY}, count(*)"
            " from t.fills group by 1, 2"
        ).fetchall()
        marks = run(
            "select extract(epoch from time_from)::bigint / 86400, load_id"
            " from ingestion.load_log where relation = 'hyperliquid.asset_ctxs'"
        ).fetchall()
        newest = max(day for _, day, _ in fills)
        rows = []
        for user in sorted({user for user, *_ in fills}):
            days = {day: count for name, day, count in fills if name == user}
            for day in range(min(days), newest + 1) if holds else sorted(days):
                seen = sum(count for at, count in days.items() if at <= day)
                known = sum(load_id for at, load_id in marks if at <= day + 1)
                draw = np.random.default_rng(
                    [int(user, 16), day, seen, known, int(holds and day == newest)]
                )
                if day in days or draw.random() < 0.7:
                    figures = draw.uniform(0, 4, len(CURVE_MEASURES) - 2).tolist()
                    # Of q-values, about half are small enough for smart money.
                    figures[4] /= 20
                    figures[-2] = int(figures[-2]) + 1
                    share = 0.5 if int(user, 16) % 3 == 0 else 1.0
                    rows.append((user, day, round(figures[0] - 1, 6), share, *figures))
        run("truncate t.trader_risk_daily")
        self.conn.cursor().executemany(
            "insert into t.trader_risk_daily values"
            " (%s, date 'epoch' + %s::integer" + ", %s" * len(CURVE_MEASURES) + ")",
            rows,
        )


def at_ms(day: int) -> int:
    return day * MILLISECONDS_PER_DAY


def cell_of(row: dict[str, Any]) -> tuple[str, int]:
    return row["user_address"], int(row["day"] if "day" in row else row["closed_ms"])


def stamp_of(day: float) -> str:
    return str(np.datetime64(int(day * MILLISECONDS_PER_DAY), "ms")) + "Z"


def assert_as_rebuilt(models: Models) -> None:
    found = {name: models.rows(name) for name in models.models}
    assert all(found.values())
    for name, rows in found.items():
        models.run(name, is_incremental=False)
        assert rows == models.rows(name), name


@pytest.fixture
def models(make_database: Any) -> Iterator[Models]:
    conninfo = make_database()
    with psycopg.connect(**conninfo, autocommit=True) as conn:
        conn.execute(BOOKKEEPING)
        conn.execute(TABLES)
        for name in ("trader_class_rules", "trader_classes"):
            conn.execute(
                f"insert into t.{name} select * from "
                f"jsonb_populate_recordset(null::t.{name}, %s)",
                [Jsonb(seed(name))],
            )
        yield Models(conn, conninfo)


def deal(daily: Rows, rng: np.random.Generator) -> list[set[tuple[str, int]]]:
    """Split a tape into loads: most by time, some late, the later ones in any order."""
    loads: list[set[tuple[str, int]]] = [set() for _ in range(LOADS)]
    for row in daily:
        in_time = max(0, (row["day"] - DAY) * (LOADS + 2) // DAYS - 2)
        is_late = rng.random() < 0.03
        number = int(rng.integers(in_time, LOADS)) if is_late else in_time
        loads[number].add((row["user_address"], row["day"]))
    first, *later = loads
    rng.shuffle(later)
    return [first, *later]


@pytest.mark.parametrize(("number", "step"), [(1, 1), (2, 1), (3, 3), (4, 7)])
def test_loads_in_any_order_give_the_rows_of_a_rebuild(
    models: Models, number: int, step: int
) -> None:
    models.step = step
    tape = random_rows(traders=40, seed=number)
    rng = np.random.default_rng(number)
    ways = set()
    for load, cells in enumerate(deal(tape[0], rng)):
        models.load(cells, tape)
        if load % 2:
            day = int(rng.choice([day for _, day in cells]))
            models.load_contexts(day, day)
        for name in models.models:
            changes = models.run(name, is_incremental=load > 0)
            assert changes is not None
            ways.add((name, changes.scope is None))
            assert models.run(name) is None
        assert_as_rebuilt(models)
    assert ways == {
        ("trader_profiles", False),
        ("trader_profiles", True),
        ("trader_cohorts", False),
    }


def test_days_without_fills_settle_the_day_before_them(models: Models) -> None:
    tape = random_rows(traders=40)
    cells = {(row["user_address"], row["day"]) for row in tape[0]}
    for number, days in enumerate((range(20), range(25, 27), range(40, 41))):
        models.load({cell for cell in cells if cell[1] - DAY in days}, tape)
        for name in models.models:
            models.run(name, is_incremental=number > 0)
    assert_as_rebuilt(models)


def test_marks_alone_change_the_curves_of_those_who_hold(models: Models) -> None:
    tape = random_rows(traders=40)
    cells = {(row["user_address"], row["day"]) for row in tape[0]}
    models.load(cells, tape)
    for name in models.models:
        models.run(name, is_incremental=False)
    before = {name: models.rows(name) for name in models.models}
    models.load_contexts(DAY + 57, DAY + 58)
    for name in models.models:
        models.run(name)
    after = {name: models.rows(name) for name in models.models}
    assert all(after[name] != rows for name, rows in before.items())
    day = list(models.models["trader_cohorts"][1]).index("as_of_date")
    kept = [
        [
            row
            for row in rows["trader_cohorts"]
            if row[day] < date(1970, 1, 1) + timedelta(days=DAY + 56)
        ]
        for rows in (before, after)
    ]
    assert kept[0] == kept[1]
    assert_as_rebuilt(models)


def test_a_load_writes_the_rows_of_its_traders_and_carries_the_others(
    models: Models,
) -> None:
    tape = random_rows(traders=40)
    users = sorted({row["user_address"] for row in tape[0]})
    cells = {(row["user_address"], row["day"]) for row in tape[0]}
    last = {cell for cell in cells if cell[1] >= DAY + 58}
    models.load({cell for cell in cells if cell[1] < DAY + 55}, tape, holds=False)
    for name in models.models:
        models.run(name, is_incremental=False)
    before = models.rows("trader_cohorts")
    models.load({cell for cell in last if cell[0] == users[7]}, tape, holds=False)
    session_rows = models.run("trader_profiles")
    assert session_rows is not None
    models.run("trader_cohorts")
    after = models.rows("trader_cohorts")
    assert after[: len(before)] == before
    columns = list(models.models["trader_cohorts"][1])
    day, user = columns.index("as_of_date"), columns.index("user_address")
    last_day = before[-1][day]
    members = [r for r in before if r[day] == last_day and r[user] != users[7]]
    assert members
    carried = [r for r in after[len(before) :] if r[user] != users[7]]
    days = {r[day] for r in carried}
    assert len(days) > 1
    assert [r[1:] for r in carried] == [r[1:] for r in members] * len(days)


def test_more_traders_than_a_query_can_name_are_all_computed(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in models.models:
        monkeypatch.setattr(f"python_jobs.{module}.MOST_TRADERS", 3)
    tape = random_rows(traders=20)
    cells = sorted(
        {(row["user_address"], row["day"]) for row in tape[0]}, key=lambda c: c[1]
    )
    for number, part in enumerate((cells[:200], cells[200:])):
        models.load(set(part), tape)
        for name in models.models:
            changes = models.run(name, is_incremental=number > 0)
            assert changes is not None
            assert changes.scope is not None
    assert_as_rebuilt(models)


def test_a_load_without_rows_touches_nobody() -> None:
    empty = pa.table(
        {"load_id": [1], "rows_loaded": [0],
         "time_from": pa.nulls(1, pa.timestamp("us", "UTC")),
         "time_to": pa.nulls(1, pa.timestamp("us", "UTC"))}
    )  # fmt: skip
    assert touched_query("t.fills", empty).endswith("where false")
