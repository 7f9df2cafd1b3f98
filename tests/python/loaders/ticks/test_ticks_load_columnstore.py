"""Ticks that arrive in days that are compressed already."""

from __future__ import annotations

from pathlib import Path

import pytest
from tick_loading import (
    FIRST_ID,
    PER_WINDOW,
    Database,
    expected,
    in_milliseconds,
    loaded,
    log_totals,
    refused,
    runs,
    statuses,
    tick_csv,
    ticks,
    trade,
    trades,
)

pytest_plugins = ["loading_database", "tick_database"]

pytestmark = pytest.mark.editions("community")


def _compress(db: Database) -> None:
    db.execute(
        "select compress_chunk(chunk) from show_chunks('market_data.btc_ticks') chunk"
    )
    row = db.execute(
        "select count(*) from timescaledb_information.chunks"
        " where hypertable_name = 'btc_ticks' and is_compressed"
    ).fetchone()
    assert row is not None
    assert row[0] > 0


def test_replays_and_fillings_of_compressed_days(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(2 * PER_WINDOW)
    loaded(tick_csv(tmp_path / "a.csv", [*rows[:500], *rows[800:1300], *rows[1350:]]))
    _compress(ticks_db)
    loaded(
        tick_csv(tmp_path / "b.csv", in_milliseconds([*rows[:500], *rows[800:1300]]))
    )
    assert log_totals(ticks_db)[1:3] == (2050, 1000)
    loaded(tick_csv(tmp_path / "c.csv", rows))
    assert ticks(ticks_db) == expected(rows)
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + len(rows) - 1)]
    assert statuses(ticks_db) == {0: "replayed", 1: "open"}


def test_reuse_of_ids_in_a_compressed_day_is_refused(
    ticks_db: Database, tmp_path: Path
) -> None:
    rows = trades(PER_WINDOW)
    loaded(tick_csv(tmp_path / "a.csv", rows))
    _compress(ticks_db)
    other = [*rows[100:110], trade(110, price="1.00"), *rows[111:120]]
    message = refused(tick_csv(tmp_path / "b.csv", other))
    assert f"trade id {FIRST_ID + 110} stands for two trades" in message
    assert ticks(ticks_db) == expected(rows)
