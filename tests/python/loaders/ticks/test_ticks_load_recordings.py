"""The two real recordings of one venue, before and after a midnight."""

from __future__ import annotations

import gzip
import random
import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from tick_loading import (
    Database,
    is_consistent,
    loaded,
    log_totals,
    runs,
    slow_commits,
    start_loader,
    statuses,
    ticks,
)
from waiting import PATIENCE_SECONDS

from pgio.connection import PROJECT_DIR

pytest_plugins = ["loading_database", "tick_database"]

FOLDER = PROJECT_DIR.parent / "shared/data/binance_spot"
NAMES = ("btcusdt_ws_20240808.gz", "btcusdt_ws_20240809.gz")
TICKS = 19_904

pytestmark = pytest.mark.skipif(
    not all((FOLDER / name).exists() for name in NAMES),
    reason=f"{', '.join(NAMES)} are not in {FOLDER}",
)


@pytest.fixture(scope="module")
def raw() -> list[dict[str, Any]]:
    """Every trade of both recordings, as the venue sent it."""
    found = []
    for name in NAMES:
        with gzip.open(FOLDER / name) as file:
            for line in file:
                message = orjson.loads(line.split(b" ", 1)[1]).get("data", {})
                if message.get("e") == "trade":
                    found.append(message)
    return found


def _expected(raw: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    rows = []
    for message in raw:
        window = message["T"] - message["T"] % 300_000
        price = f"{message['p']}"
        volume = f"{message['q']}0000"
        rows.append(
            (
                message["t"],
                epoch + timedelta(milliseconds=message["T"]),
                epoch + timedelta(milliseconds=window),
                price,
                volume,
                -1 if message["m"] else 1,
            )
        )
    return sorted(rows)


def _payloads(db: Database) -> list[Any]:
    return db.execute(
        "select window_start, raw_payload from market_data.window_5m order by 1"
    ).fetchall()


@pytest.mark.parametrize("order", [NAMES, NAMES[::-1]], ids=["forward", "backward"])
def test_both_in_either_order_and_twice(
    ticks_db: Database,
    tmp_path: Path,
    raw: list[dict[str, Any]],
    order: tuple[str, str],
) -> None:
    for name in order:
        loaded(FOLDER / name, exchange=None)
    stored = ticks(ticks_db)
    assert len(stored) == TICKS
    assert stored == _expected(raw)
    first, last = stored[0][0], stored[-1][0]
    assert runs(ticks_db) == [(first, last)]  # no gap across midnight
    windows, payloads = statuses(ticks_db), _payloads(ticks_db)
    assert sorted(windows) == [-2, -1, 0, 1]
    # The first recording ends a second after midnight: loaded after the second one, it
    # replays the window that that one had sealed.
    midnight = "sealed" if order == NAMES else "replayed"
    assert windows == {-2: "sealed", -1: "sealed", 0: midnight, 1: "open"}
    assert all(payload["book"]["quote_count"] > 0 for _, payload in payloads)

    for name in order:  # under other names, so that they are read once more
        shutil.copy(FOLDER / name, tmp_path / f"again_{name}")
    loaded(tmp_path, exchange=None)
    assert ticks(ticks_db) == stored
    assert runs(ticks_db) == [(first, last)]
    assert (statuses(ticks_db), _payloads(ticks_db)) == (windows, payloads)
    read, new, duplicate, quarantined, skipped = log_totals(ticks_db)
    assert (read, new, duplicate, quarantined) == (2 * 99_574, TICKS, TICKS, 0)
    assert skipped == read - 2 * TICKS


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_points(
    ticks_db: Database, raw: list[dict[str, Any]], seed: int
) -> None:
    chance = random.Random(seed)
    names = [FOLDER / name for name in NAMES]
    taken = {0}
    with slow_commits(ticks_db, 0.05):
        for _ in range(5):
            process = start_loader(*names, "--workers", 2)
            while process.poll() is None and log_totals(ticks_db)[0] in {None, *taken}:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            is_consistent(ticks_db)
            taken.add(log_totals(ticks_db)[0])
    assert len(taken) > 3, taken
    _, err = start_loader(*names).communicate(timeout=PATIENCE_SECONDS)
    assert err == ""
    is_consistent(ticks_db)
    assert log_totals(ticks_db)[:3] == (99_574, TICKS, 0)
    assert ticks(ticks_db) == _expected(raw)
    [(_, last)] = runs(ticks_db)
    assert last == _expected(raw)[-1][0]
