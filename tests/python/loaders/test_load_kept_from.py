"""What the loader remembers, and asks again, of the rows that a table still has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from loaders.fills import FILLS
from loaders.kept_from import _EARLIEST, KeptFrom
from loaders.ticks.instants import window_of
from loaders.ticks.store import RELATION

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]

FIRST = datetime(2025, 9, 1, tzinfo=UTC)


@pytest.fixture
def db(loading_db: Database) -> Iterator[Database]:
    """Raw tables without a row."""
    yield loading_db
    loading_db.execute("truncate ops.retention_marks, ingestion.applied_loads")
    loading_db.execute("truncate ingestion.load_log")


def _log(db: Database, hours: range) -> None:
    """Write a load of each of these hours after FIRST, without its rows."""
    db.execute(
        """
        insert into ingestion.load_log (
            relation, object, rows_read, rows_loaded, rows_duplicate,
            rows_quarantined, rows_skipped, time_from, time_to, started_at, finished_at
        )
        select
            'hyperliquid.fills', 'file:///' || hour, 1, 1, 0, 0, 0,
            %(first)s + hour * interval '1 hour',
            %(first)s + (hour + 1) * interval '1 hour',
            now(), now()
        from unnest(%(hours)s::bigint[]) as hour
        """,
        {"first": FIRST, "hours": list(hours)},
    )


def _take_in(db: Database, hours: range) -> None:
    """Say that two models contain the loads of these hours."""
    db.execute(
        """
        insert into ingestion.applied_loads (consumer, load_id)
        select consumer, load_id
        from ingestion.load_log
        cross join (values ('analytics.a'), ('analytics.b')) as models (consumer)
        where time_from >= %s and time_from < %s
        """,
        (_at(hours.start), _at(hours.stop)),
    )


def _at(hour: int) -> datetime:
    return FIRST + timedelta(hours=hour)


def _fill(db: Database, at: datetime) -> None:
    db.execute(
        "insert into hyperliquid.fills (time, user_address, coin, px, sz, side, tid)"
        " values (%s, '0x1', 'BTC', 1, 1, 'B', 1)",
        (FILLS.from_datetime(at),),
    )


def _kept_from() -> KeptFrom:
    return KeptFrom(
        FILLS.relation, FILLS.time_column, FILLS.to_datetime, FILLS.from_datetime
    )


def _ask(db: Database, kept_from: KeptFrom | None = None) -> datetime | None:
    with db.transaction():
        return (kept_from or _kept_from()).ask(db)


def test_nothing_loaded_or_taken_in(db: Database) -> None:
    assert _ask(db) is None
    _log(db, range(3))
    assert _ask(db) is None


def test_the_earliest_row_taken_in_is_looked_for(db: Database) -> None:
    _log(db, range(10))
    _take_in(db, range(4, 10))
    _fill(db, _at(4))
    assert _ask(db) is None
    db.execute("truncate hyperliquid.fills")
    _fill(db, _at(7))
    assert _ask(db) == _at(7)
    db.execute("truncate hyperliquid.fills")
    assert _ask(db) == _at(10) + timedelta(microseconds=1)


def test_a_drop_during_an_object_is_noticed(db: Database) -> None:
    _log(db, range(10))
    _take_in(db, range(10))
    _fill(db, _at(0))
    _fill(db, _at(5))
    kept_from = _kept_from()
    assert _ask(db, kept_from) is None
    db.execute(
        "delete from hyperliquid.fills where time < %s", (FILLS.from_datetime(_at(5)),)
    )
    assert _ask(db, kept_from) == _at(5)
    db.execute(
        "insert into ops.retention_marks (relation, dropped_before)"
        " values ('hyperliquid.fills', %s)",
        (_at(5),),
    )
    assert _ask(db, kept_from) == _at(5)
    db.execute("delete from hyperliquid.fills")
    _fill(db, _at(8))
    assert _ask(db, kept_from) == _at(8)


def test_loads_before_the_mark_do_not_count(db: Database) -> None:
    _log(db, range(10))
    _take_in(db, range(10))
    db.execute(
        "insert into ops.retention_marks (relation, dropped_before)"
        " values ('hyperliquid.fills', %s)",
        (_at(3),),
    )
    _fill(db, _at(3))
    assert _ask(db) == _at(3)


def test_its_cost_does_not_grow_with_the_log(db: Database) -> None:
    _log(db, range(20_000))
    _take_in(db, range(20_000))
    db.execute("analyze ingestion.load_log, ingestion.applied_loads")
    row = db.execute(
        f"explain (analyze, buffers, format json) {_EARLIEST}",
        {"relation": FILLS.relation, "mark": None},
    ).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    assert plan[0]["Plan"]["Actual Rows"] == 1
    assert plan[0]["Plan"]["Shared Hit Blocks"] < 20


def test_drops_of_ticks_are_noticed(db: Database) -> None:
    """Their time is looked for by its window, which an index begins with."""
    earliest = _at(0) + timedelta(minutes=7, microseconds=3)
    db.execute(
        "insert into market_data.btc_ticks"
        " (ts, window_start, exchange, source_seq, price, volume, side)"
        " values (%s, %s, 'x', 1, 1, 1, 0), (%s, %s, 'x', 2, 1, 1, 0)",
        (earliest, _at(0) + timedelta(minutes=5), _at(1), _at(1)),
    )
    db.execute(
        """
        insert into ingestion.load_log (
            relation, object, rows_read, rows_loaded, rows_duplicate,
            rows_quarantined, rows_skipped, time_from, time_to, started_at, finished_at
        )
        values ('market_data.btc_ticks', 'x', 2, 2, 0, 0, 0, %s, %s, now(), now())
        """,
        (earliest, _at(1)),
    )
    _take_in(db, range(2))
    kept_from = KeptFrom(RELATION, "ts", led_by=("window_start", window_of))
    assert _ask(db, kept_from) is None
    db.execute("delete from market_data.btc_ticks where ts = %s", (earliest,))
    assert _ask(db, kept_from) == _at(1)
    db.execute("truncate market_data.btc_ticks")
