"""From fills to alerts that are sent: the same ids, however the fills came in."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from alert_receiver import Receiver, receiving
from servers import environment
from simulated import simulate
from test_pipeline import DBT, PROJECT, Workspace

pytestmark = pytest.mark.slow

# What a short tape of few traders has anything beyond.
LOW = """
    update reference.trader_class_rules
    set threshold = (metric in ('mtm_q_value', 'top_trade_share'))::integer
    where attribute = 'is_smart_money'
        and metric in (
            'mtm_q_value', 'top_trade_share', 'mtm_sharpe_ratio', 'sharpe_ratio',
            'closed_positions', 'confidence', 'position_win_rate'
        );
    update reference.alert_rules
    set threshold = low.threshold
    from (
        values
        ('net_z_score', 1), ('long_short_ratio', 1.5), ('trader_count', 2),
        ('added_usd', 5000), ('volume_usd', 100), ('multiple_of_mean', 0.1),
        ('liquidated_usd', 2000)
    ) as low (measure, threshold)
    where alert_rules.measure = low.measure
"""
SHORT = (
    "{alert_window_days: 2, fresh_wallet_days: 2, signal_z_min_days: 1,"
    " sharpe_min_days: 4}"
)
BUILD = ("run", "--select", "+alerts", "--vars", SHORT)
KINDS = {"confluence", "whale", "fresh_wallets", "liquidation_cascade"}
HOUR = timedelta(hours=1)

Rows = dict[str, tuple[Any, ...]]


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> dict[datetime, Path]:
    """Nine days of fills, a Parquet file an hour."""
    folder = simulate(
        tmp_path_factory.mktemp("tape"),
        *("--fills", "20000", "--days", "9", "--seed", "11"),
        *("--format", "parquet", "--hourly"),
    )
    found = {}
    for path in sorted((folder / "parquet").rglob("*.parquet")):
        first = pc.min(pq.read_table(path, columns=["time"])["time"]).as_py()
        at = datetime.fromtimestamp(first / 1000, UTC)
        found[at.replace(minute=0, second=0, microsecond=0)] = path
    return found


@pytest.fixture
def make_space(
    make_database: Callable[[], dict[str, Any]], tmp_path: Path
) -> Callable[[], Workspace]:
    def make() -> Workspace:
        conninfo = make_database()
        made = Workspace(environment(conninfo), conninfo, tmp_path)
        made.dbt("run-operation", "create_sources")
        made.dbt("seed")
        made.execute(LOW)
        return made

    return make


@pytest.fixture(scope="session")
def built_at_once() -> dict[str, Rows]:
    """Alerts of a database that got all fills at once, of the first server."""
    return {}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def alerts(space: Workspace) -> Rows:
    """Return all rows by id."""
    return {row[0]: row for row in space.rows("analytics.alerts", "alert_id")}


def known_by(rows: Rows, moment: datetime) -> Rows:
    return {key: row for key, row in rows.items() if row[3] <= moment}


def deliver(space: Workspace, receiver: Receiver) -> str:
    url = ("--url", receiver.url(), "--max-age", "1 year")
    return space.run(sys.executable, "-m", "alerts", "deliver", *url).stdout


def kill_a_build(space: Workspace, after_seconds: float) -> None:
    """Start dbt and kill it, wherever it is by then."""
    places = ("--target-path", str(space.target), "--log-path", str(space.target))
    process = subprocess.Popen(
        [str(DBT), "--quiet", *BUILD, *places],
        cwd=PROJECT,
        env={**os.environ, **space.env},
        start_new_session=True,
    )
    time.sleep(after_seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_at_once_on_every_server(
    make_space: Callable[[], Workspace],
    hours: dict[datetime, Path],
    built_at_once: dict[str, Rows],
) -> None:
    space = make_space()
    space.load(*hours.values())
    space.dbt(*BUILD)
    rows = alerts(space)
    assert {row[1] for row in rows.values()} == KINDS
    built_at_once.setdefault("rows", rows)
    assert rows == built_at_once["rows"]
    # With nothing new nothing is written; other thresholds are, and no others.
    where = "select ctid::text, xmin::text from analytics.alerts order by 1"
    before = space.query(where)
    space.dbt(*BUILD)
    assert space.query(where) == before
    space.execute(
        "update reference.alert_rules set threshold = 1e9 where kind = 'whale'"
    )
    space.dbt("run", "--select", "alerts", "--vars", SHORT)
    assert alerts(space) == {k: row for k, row in rows.items() if row[1] != "whale"}


@pytest.mark.any_server
def test_replayed_with_kills_each_is_sent_once(
    make_space: Callable[[], Workspace],
    hours: dict[datetime, Path],
    receiver: Receiver,
) -> None:
    at_once = make_space()
    at_once.load(*hours.values())
    started = time.monotonic()
    at_once.dbt(*BUILD)
    seconds = time.monotonic() - started
    final = alerts(at_once)

    space, chance = make_space(), random.Random(16)
    first, last = min(hours), max(hours)
    single = [first + timedelta(days=4) + HOUR * n for n in range(3)]
    ends = [*single, first + timedelta(days=8), last - 2 * HOUR, last - HOUR, last]
    past: set[str] = set()
    taken = set()
    for number, end in enumerate([single[0] - HOUR, *ends]):
        helping = [hour for hour in hours if hour <= end and hour not in taken]
        taken.update(helping)
        space.load(*[hours[hour] for hour in helping])
        if number in (2, 5):
            kill_a_build(space, chance.uniform(0.2, 0.9) * seconds)
        space.dbt(*BUILD)
        so_far = alerts(space)
        # What later hours bring changes nothing of it.
        assert known_by(so_far, end + HOUR) == known_by(final, end + HOUR)
        said = deliver(space, receiver)
        if number == 0:
            assert f"first run: {len(so_far)} alerts" in said
            past = set(so_far)
            assert past
            assert receiver.ids() == []
    assert alerts(space) == final
    assert set(receiver.times()) == final.keys() - past
    assert {key.split(":")[0] for key in receiver.times()} == KINDS
    assert set(receiver.times().values()) == {1}

    space.dbt("run", "--full-refresh", "--select", "alerts", "--vars", SHORT)
    assert alerts(space) == final
    assert "0 sent" in deliver(space, receiver)


@pytest.mark.any_server
def test_any_order_of_loads_announces_nothing_twice(
    make_space: Callable[[], Workspace],
    hours: dict[datetime, Path],
    receiver: Receiver,
) -> None:
    space = make_space()
    late = list(hours)[100::9]
    random.Random(5).shuffle(late)
    in_time = [hour for hour in hours if hour not in late]
    for helping in ([*in_time[:60]], in_time[60:], late[:5], late[5:]):
        space.load(*[hours[hour] for hour in helping])
        space.dbt(*BUILD)
        deliver(space, receiver)
    by_loads = alerts(space)
    refresh = "alerts smart_money_hourly"
    space.dbt("run", "--full-refresh", "--select", refresh, "--vars", SHORT)
    assert alerts(space) == by_loads
    deliver(space, receiver)
    assert receiver.ids()
    assert set(receiver.times().values()) == {1}


@pytest.mark.any_server
def test_the_future_changes_nothing_before_it(
    make_space: Callable[[], Workspace], hours: dict[datetime, Path], tmp_path: Path
) -> None:
    """Prices and sizes after a moment are others."""
    now = min(hours) + timedelta(days=6, hours=7)
    tape, other = make_space(), make_space()
    tape.load(*hours.values())
    mutated = tmp_path / "mutated"
    mutated.mkdir()
    for hour, path in hours.items():
        table = pq.read_table(path)
        if hour >= now:
            table = table.set_column(
                table.schema.get_field_index("sz"), "sz", _thrice(table["sz"])
            )
        pq.write_table(table, mutated / f"{hour:%Y%m%d%H}.parquet")
    other.load(mutated)
    for space in (tape, other):
        space.dbt(*BUILD)
    before, after = alerts(tape), alerts(other)
    known = known_by(before, now)
    assert {row[1] for row in known.values()} == KINDS
    assert known_by(after, now) == known
    assert after != before


def _thrice(sizes: pa.ChunkedArray) -> pa.ChunkedArray:
    tripled = [str(3 * Decimal(size)) for size in sizes.to_pylist()]
    return pa.chunked_array([pa.array(tripled, pa.string()).cast(sizes.type)])


@pytest.mark.any_server
def test_rules_that_cannot_be_applied_say_so(
    make_space: Callable[[], Workspace], hours: dict[datetime, Path]
) -> None:
    space = make_space()
    space.load(next(iter(hours.values())))
    space.execute(
        "delete from reference.alert_rules where kind = 'whale';"
        "update reference.alert_rules set threshold = 0 where kind = 'fresh_wallets'"
        " and measure = 'volume_usd';"
        "insert into reference.alert_rules values ('whales', 'added_usd', 1, null)"
    )
    with pytest.raises(AssertionError) as failed:
        space.dbt(*BUILD)
    said = " ".join(str(failed.value).replace("\\n", " ").split())
    assert "whales, added_usd: no such rule" in said
    assert "fresh_wallets, volume_usd: the threshold must be a number above 0" in said
    assert "whale, added_usd: missing" in said
