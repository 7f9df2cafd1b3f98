"""What the ids of a venue stand for: reuse, resets and mixtures refused; gaps kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tick_loading import (
    FIRST_ID,
    OTHER_VENUE,
    START_US,
    Database,
    Trade,
    expected,
    in_milliseconds,
    loaded,
    refused,
    runs,
    spot_aggregates_csv,
    spot_csv,
    statuses,
    tick_csv,
    ticks,
    trade,
    trades,
)

from loaders.ticks.runs import Runs

pytest_plugins = ["loading_database", "tick_database"]

MINUTE_US = 60_000_000


def _later(row: Trade, microseconds: int) -> Trade:
    return row._replace(ts=str(int(row.ts) + microseconds))


REUSES: dict[str, dict[str, Any]] = {
    "price": {"price": "60001.00"},
    "volume": {"volume": "0.5"},
    "side": {"side": "buy"},
    "time": {"ts": str(int(trade(25).ts) + 1000)},
}


@pytest.mark.parametrize("what", REUSES)
def test_another_trade_under_a_stored_id_is_refused(
    ticks_db: Database, tmp_path: Path, what: str
) -> None:
    loaded(tick_csv(tmp_path / "a.csv", trades(50)))
    before = ticks(ticks_db), runs(ticks_db), statuses(ticks_db)
    other = trade(25, **REUSES[what])
    path = tick_csv(tmp_path / "b.csv", [*trades(10, 20)[:5], other, *trades(20, 45)])
    message = refused(path)
    assert f"trade id {FIRST_ID + 25} stands for two trades" in message
    assert f"{other.volume} at {other.price.removesuffix('.00')}" in message
    assert "0.00026 at 60025.25, sold" in message
    assert "--exchange" in message
    assert (ticks(ticks_db), runs(ticks_db), statuses(ticks_db)) == before
    loaded(path, exchange=OTHER_VENUE)
    assert len(ticks(ticks_db, OTHER_VENUE)) == 26


@pytest.mark.any_server
@pytest.mark.parametrize("what", REUSES)
def test_two_trades_under_one_id_in_a_file_are_refused(
    ticks_db: Database, tmp_path: Path, what: str
) -> None:
    rows = [*trades(30), trade(25, **REUSES[what])]
    message = refused(tick_csv(tmp_path / "a.csv", rows))
    assert f"trade id {FIRST_ID + 25} stands for two trades" in message
    assert "in this object as well" in message
    assert ticks(ticks_db) == []


HOURS = 3600 * 1_000_000
#: (ids from, moved by µs): a second file that contradicts 2,400 trades in ten minutes.
RESETS = {
    "older ids later": (0, 2 * HOURS),
    "greater ids earlier": (9000, -9000 * 250_000 - 2 * HOURS),
    "other ids at the same time": (90_000, -90_000 * 250_000),
    "smaller ids at the same time": (-900, 900 * 250_000 + 300_000_000),
}


@pytest.mark.parametrize("case", RESETS)
def test_a_reset_of_ids_is_refused(
    ticks_db: Database, tmp_path: Path, small_chunks: int, case: str
) -> None:
    loaded(tick_csv(tmp_path / "a.csv", trades(2400)))
    before = ticks(ticks_db), runs(ticks_db)
    first, shift = RESETS[case]
    moved = [_later(row, shift) for row in trades(90, first)]
    message = refused(tick_csv(tmp_path / "b.csv", moved))
    assert "trade ids and times contradict each other" in message
    assert "which is stored" in message
    assert (ticks(ticks_db), runs(ticks_db)) == before


@pytest.mark.any_server
def test_ids_that_begin_anew_in_a_file_are_refused(
    ticks_db: Database, tmp_path: Path
) -> None:
    rows = [*trades(600, 1000), *(_later(row, 10 * HOURS) for row in trades(200))]
    message = refused(tick_csv(tmp_path / "a.csv", rows))
    assert "contradict each other" in message
    assert "in this object too" in message


def test_contradictions_between_stored_ticks_are_refused(
    ticks_db: Database, tmp_path: Path
) -> None:
    """Ids that are free, between stored ones, but of another time than these."""
    rows = trades(2400)
    hole = [*rows[:500], *rows[510:]]
    loaded(tick_csv(tmp_path / "a.csv", hole))
    misplaced = [*rows[:500], *(_later(r, 3 * MINUTE_US) for r in rows[500:510])]
    message = refused(tick_csv(tmp_path / "b.csv", [*misplaced, *rows[1400:2400]]))
    assert "contradict each other" in message
    assert ticks(ticks_db) == expected(hole)
    loaded(tick_csv(tmp_path / "b.csv", rows))
    assert ticks(ticks_db) == expected(rows)


def test_slightly_disordered_clocks_are_no_reset(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    chance = random.Random(3)
    rows = [_later(row, chance.randrange(20_000_000)) for row in trades(400)]
    parts = [rows[200:300], rows[:100], rows[300:], rows[50:250]]
    for number, part in enumerate(parts):
        loaded(tick_csv(tmp_path / f"{number}.csv", part))
    assert ticks(ticks_db) == expected(rows)


@pytest.mark.parametrize("trades_first", [True, False])
def test_trades_and_aggregates_are_never_mixed(
    ticks_db: Database, tmp_path: Path, trades_first: bool
) -> None:
    rows = in_milliseconds(trades(20))
    files = [
        spot_csv(tmp_path / "BTCUSDT-trades-2024-08-09.csv", rows),
        spot_aggregates_csv(tmp_path / "BTCUSDT-aggTrades-2024-08-09.csv", rows),
    ]
    first, second = files if trades_first else files[::-1]
    loaded(first, exchange=None)
    before = ticks(ticks_db)
    assert len(before) == 20
    message = refused(second, exchange=None)
    assert "aggTrade" in message
    assert " trade of BTCUSDT" in message
    assert "--exchange binance_spot_" in message
    assert ticks(ticks_db) == before
    loaded(second, exchange="binance_spot_other")
    assert len(ticks(ticks_db, "binance_spot_other")) == 20


@pytest.mark.any_server
def test_two_instruments_are_never_mixed(ticks_db: Database, tmp_path: Path) -> None:
    rows = in_milliseconds(trades(20))
    loaded(spot_csv(tmp_path / "BTCUSDT-trades-2024-08-09.csv", rows), exchange=None)
    other = spot_csv(tmp_path / "BTCFDUSD-trades-2024-08-09.csv", rows)
    message = refused(other, exchange=None)
    assert "BTCUSDT" in message
    assert "--exchange binance_spot_btcfdusd" in message


def _flags(db: Database) -> dict[int, int]:
    rows = db.execute(
        "select source_seq, (microstructure_flags ->> 'gap_before')::int"
        " from market_data.btc_ticks where microstructure_flags is not null"
    ).fetchall()
    return dict(rows)


def test_gaps_are_noted_and_filled_later(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(700)
    # Inside a batch, and between two batches.
    seen = [*rows[:40], *rows[45:145], *rows[150:400], *rows[600:]]
    loaded(tick_csv(tmp_path / "a.csv", seen))
    ids = FIRST_ID
    assert runs(ticks_db) == [
        *((ids, ids + 39), (ids + 45, ids + 144)),
        *((ids + 150, ids + 399), (ids + 600, ids + 699)),
    ]
    assert _flags(ticks_db) == {ids + 45: 5, ids + 150: 5, ids + 600: 200}

    # A part of the last gap: what was missing is judged by what is stored.
    loaded(tick_csv(tmp_path / "b.csv", [*rows[30:41], *rows[500:610]]))
    assert runs(ticks_db)[0] == (ids, ids + 40)
    assert runs(ticks_db)[2:] == [(ids + 150, ids + 399), (ids + 500, ids + 699)]
    assert _flags(ticks_db) == {
        **{ids + 45: 5, ids + 150: 5, ids + 600: 200},
        ids + 500: 100,
    }
    loaded(tick_csv(tmp_path / "c.csv", rows))
    assert runs(ticks_db) == [(ids, ids + 699)]
    assert ticks(ticks_db) == expected(rows)
    row = ticks_db.execute(
        "select ts_from, ts_to from ingestion.sequence_runs"
    ).fetchone()
    assert row == (expected(rows)[0][1], expected(rows)[-1][1])


@pytest.mark.parametrize("seed", range(3))
def test_runs_do_not_depend_on_the_order_of_loading(
    ticks_db: Database, tmp_path: Path, small_chunks: int, seed: int
) -> None:
    chance = random.Random(seed)
    rows = [row for row in trades(900) if row.source_seq % 97 and row.source_seq > 1010]
    parts = [rows[start : start + 130] for start in range(0, len(rows), 110)]
    chance.shuffle(parts)
    for number, part in enumerate(parts):
        loaded(tick_csv(tmp_path / f"{number}.csv", part))
    found = runs(ticks_db)
    expected_runs = Runs.of(
        np.array([row.source_seq for row in rows]), np.zeros(len(rows), dtype=np.int64)
    )
    assert found == list(
        zip(expected_runs.first.tolist(), expected_runs.last.tolist(), strict=True)
    )
    times = ticks_db.execute(
        """
        select count(*) from ingestion.sequence_runs as r
        inner join market_data.btc_ticks as a
            on a.exchange = r.stream and a.source_seq = r.seq_from and a.ts = r.ts_from
        inner join market_data.btc_ticks as z
            on z.exchange = r.stream and z.source_seq = r.seq_to and z.ts = r.ts_to
        """
    ).fetchone()
    assert times == (len(found),)


def _apart(jump: int, milliseconds: float, count: int = 2) -> list[Trade]:
    """Trades whose ids and times go up by so much each."""
    return [
        trade(
            number,
            ts=str(START_US + round(number * milliseconds * 1000)),
            source_seq=FIRST_ID + number * jump,
        )
        for number in range(count)
    ]


def _as_websocket(path: Path, rows: Sequence[Trade]) -> Path:
    lines = [
        f'{{"e":"trade","E":1,"s":"BTCUSDT","t":{row.source_seq},"p":"{row.price}",'
        f'"q":"{row.volume}","T":{row.ts},"m":{str(row.side == "sell").lower()},'
        '"M":true}\n'
        for row in rows
    ]
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("write", [_as_websocket, spot_csv, tick_csv])
@pytest.mark.parametrize(
    ("jump", "milliseconds"), [(5_000_000, 3), (2_000_000, 0), (30_000_000, 40_000)]
)
def test_ids_of_a_venue_that_leaves_them_out_are_refused(
    ticks_db: Database,
    tmp_path: Path,
    write: Callable[[Path, Sequence[Trade]], Path],
    jump: int,
    milliseconds: float,
) -> None:
    """Binance.US sends what Binance sends, but its ids do not count up by one."""
    rows = _apart(jump, milliseconds, 50)
    path = write(tmp_path / "a.csv", rows)
    message = refused(path)
    assert f"jump from {FIRST_ID} (2024-08-09 00:00:00Z) to {FIRST_ID + jump} (" in (
        message
    )
    assert f"{jump:,} ids in {milliseconds:,} ms" in message
    assert "--exchange binance_us" in message
    assert ticks(ticks_db) == []
    assert runs(ticks_db) == []
    loaded(path, exchange="binance_us")
    assert ticks(ticks_db, "binance_us") == expected(rows)
    assert runs(ticks_db, "binance_us") == []


@pytest.mark.parametrize("is_one_object", [True, False])
def test_an_impossible_jump_between_batches_is_refused(
    ticks_db: Database, tmp_path: Path, small_chunks: int, is_one_object: bool
) -> None:
    rows = trades(small_chunks - 1)
    others = [
        row._replace(
            source_seq=row.source_seq + 9_000_000, ts=str(int(row.ts) + 25_000_000)
        )
        for row in rows
    ]
    if is_one_object:
        message = refused(tick_csv(tmp_path / "a.csv", [*rows, *others]))
    else:
        loaded(tick_csv(tmp_path / "a.csv", rows))
        message = refused(tick_csv(tmp_path / "b.csv", others))
    assert f"from {rows[-1].source_seq} (" in message
    assert f"to {others[0].source_seq} (" in message
    assert ticks(ticks_db) == expected(rows)
    assert runs(ticks_db) == [(rows[0].source_seq, rows[-1].source_seq)]


@pytest.mark.parametrize("is_reversed", [True, False])
@pytest.mark.parametrize("hours", [0.05, 1, 2000])
def test_a_gap_between_recordings_is_no_jump(
    ticks_db: Database, tmp_path: Path, hours: float, is_reversed: bool
) -> None:
    """A venue used ids up meanwhile: 20,000 a second, or the few of a quiet one."""
    missing = round(hours * 3600 * 20_000)
    rows = trades(20)
    later = [
        row._replace(
            source_seq=row.source_seq + missing,
            ts=str(int(row.ts) + round(hours * 3_600_000_000)),
        )
        for row in rows
    ]
    parts = [later, rows] if is_reversed else [rows, later]
    loaded(tick_csv(tmp_path / "both.csv", [*rows, *later]), exchange="kraken")
    for number, part in enumerate(parts):
        loaded(tick_csv(tmp_path / f"{number}.csv", part))
    assert ticks(ticks_db) == expected([*rows, *later])
    assert len(runs(ticks_db)) == len(runs(ticks_db, "kraken")) == 2


@pytest.mark.any_server
def test_ids_that_do_not_count_up_have_no_gaps(
    ticks_db: Database, tmp_path: Path
) -> None:
    rows = [row for row in trades(100) if row.source_seq % 7]
    loaded(tick_csv(tmp_path / "a.csv", rows), exchange=OTHER_VENUE)
    assert runs(ticks_db, OTHER_VENUE) == []
    assert _flags(ticks_db) == {}
    assert ticks(ticks_db, OTHER_VENUE) == expected(rows)


ids = st.sets(st.integers(-50, 50))


@given(st.lists(ids, max_size=6))
def test_merged_runs_are_the_runs_of_all_ids(parts: list[set[int]]) -> None:
    merged = Runs.none()
    for part in parts:
        array = np.array(sorted(part), dtype=np.int64)
        merged = merged.merge(Runs.of(array, array * 10 + START_US))
    array = np.array(sorted(set().union(*parts)), dtype=np.int64)
    whole = Runs.of(array, array * 10 + START_US)
    for name in ("first", "last", "first_us", "last_us"):
        assert getattr(merged, name).tolist() == getattr(whole, name).tolist()
    numbers, missing = merged.gaps_before(array)
    assert numbers.tolist() == whole.first[1:].tolist()
    assert missing.tolist() == (whole.first[1:] - whole.last[:-1] - 1).tolist()


def test_ids_in_no_order_are_loaded_once_in_any_order_of_files(
    ticks_db: Database, tmp_path: Path
) -> None:
    """Hyperliquid's are hashes: nothing about them says when a trade was."""
    rng = random.Random(4)
    ids = rng.sample(range(1, 2**50), 60)
    lines = [
        '{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"60000.5","sz":"0.1",'
        f'"time":{START_US // 1000 + 40 * place},"tid":{trade_id}}}]}}'
        for place, trade_id in enumerate(ids)
    ]
    parts = {"b": lines[20:45], "a": lines[:30], "c": lines[40:], "again": lines}
    for name, part in parts.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text("\n".join(part) + "\n")
        loaded(path, exchange=None)
    stored = ticks_db.execute(
        "select source_seq from market_data.btc_ticks where exchange = 'hyperliquid'"
    )
    assert sorted(row[0] for row in stored.fetchall()) == sorted(ids)
    assert runs(ticks_db, "hyperliquid") == []
    path = tmp_path / "other.jsonl"
    path.write_text(lines[7].replace("60000.5", "60000.6") + "\n")
    assert "stands for two trades" in refused(path, exchange=None)
