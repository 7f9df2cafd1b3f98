"""From fills to alerts that are sent: the same ids, however the fills came in."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from whole_project import start_dbt
from workspace import Workspace

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


@dataclass(frozen=True)
class AtOnce:
    """A database that got all fills at once, its alerts, and how long that took."""

    space: Workspace
    rows: Rows
    seconds: float


@pytest.fixture(scope="module")
def make_space(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Workspace]:
    target = tmp_path_factory.mktemp("target")

    def make() -> Workspace:
        conninfo = make_database()
        made = Workspace(environment(conninfo), conninfo, target)
        made.dbt("seed", "--vars", SHORT)
        made.execute(LOW)
        return made

    return make


@pytest.fixture(scope="module")
def at_once(make_space: Callable[[], Workspace], hours: dict[datetime, Path]) -> AtOnce:
    space = make_space()
    space.load(*hours.values())
    started = time.monotonic()
    space.dbt(*BUILD)
    return AtOnce(space, alerts(space), time.monotonic() - started)


@pytest.fixture(scope="session")
def first_rows() -> list[Rows]:
    """Alerts of each server, as they run."""
    return []


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
    """Start dbt and kill it so long after it has read the project."""
    process = start_dbt(space.env, *BUILD, target=space.target)
    assert process.stdout is not None
    assert any("Concurrency: " in line for line in process.stdout)
    time.sleep(after_seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_at_once_on_every_server(at_once: AtOnce, first_rows: list[Rows]) -> None:
    assert {row[1] for row in at_once.rows.values()} == KINDS
    first_rows.append(at_once.rows)
    assert at_once.rows == first_rows[0]


@pytest.mark.any_server
def test_replayed_with_kills_each_is_sent_once(
    at_once: AtOnce,
    make_space: Callable[[], Workspace],
    hours: dict[datetime, Path],
    receiver: Receiver,
) -> None:
    final = at_once.rows
    space, chance = make_space(), random.Random(16)
    first, last = min(hours), max(hours)
    single = [first + timedelta(days=4) + HOUR * n for n in range(2)]
    ends = [*single, first + timedelta(days=8), last - HOUR, last]
    past: set[str] = set()
    taken: set[datetime] = set()
    for number, end in enumerate([single[0] - HOUR, *ends]):
        helping = [hour for hour in hours if hour <= end and hour not in taken]
        taken.update(helping)
        space.load(*[hours[hour] for hour in helping])
        if number in (2, 4):
            kill_a_build(space, chance.uniform(0.2, 0.9) * at_once.seconds)
        space.dbt(*BUILD)
        so_far = alerts(space)
        # What later hours bring changes nothing of it.
        assert known_by(so_far, end + HOUR) == known_by(final, end + HOUR)
        said = deliver(space, receiver)
        if number == 0:
            assert f"first run: {len(so_far)} alerts" in said
            past = set(so_far)
            assert receiver.ids() == []
    assert alerts(space) == final
    assert past
    assert set(receiver.times()) == final.keys() - past
    assert {key.split(":")[0] for key in receiver.times()} == KINDS
    assert set(receiver.times().values()) == {1}

    space.dbt("run", "--full-refresh", "--select", "alerts", "--vars", SHORT)
    assert alerts(space) == final
    assert "0 sent" in deliver(space, receiver)


@pytest.mark.any_server
def test_any_order_of_loads_announces_nothing_twice(
    at_once: AtOnce,
    make_space: Callable[[], Workspace],
    hours: dict[datetime, Path],
    receiver: Receiver,
) -> None:
    space = make_space()
    late = list(hours)[100::9]
    random.Random(5).shuffle(late)
    in_time = [hour for hour in hours if hour not in late]
    for helping in (in_time[:60], in_time[60:] + late[:5], late[5:]):
        space.load(*[hours[hour] for hour in helping])
        space.dbt(*BUILD)
        deliver(space, receiver)
    assert alerts(space) == at_once.rows
    assert receiver.ids()
    assert set(receiver.times().values()) == {1}


@pytest.mark.any_server
def test_the_future_changes_nothing_before_it(
    at_once: AtOnce,
    make_space: Callable[[], Workspace],
    hours: dict[datetime, Path],
    tmp_path: Path,
) -> None:
    """All sizes after a moment are others."""
    now = min(hours) + timedelta(days=6, hours=7)
    for hour, path in hours.items():
        table = pq.read_table(path)
        if hour >= now:
            place = table.schema.get_field_index("sz")
            table = table.set_column(place, "sz", _thrice(table["sz"]))
        pq.write_table(table, tmp_path / f"{hour:%Y%m%d%H}.parquet")
    other = make_space()
    other.load(tmp_path)
    other.dbt(*BUILD)
    known = known_by(at_once.rows, now)
    assert {row[1] for row in known.values()} == KINDS
    assert known_by(alerts(other), now) == known
    assert alerts(other) != at_once.rows


def _thrice(sizes: pa.ChunkedArray) -> pa.ChunkedArray:
    tripled = [str(3 * Decimal(size)) for size in sizes.to_pylist()]
    return pa.chunked_array([pa.array(tripled, pa.string()).cast(sizes.type)])


@pytest.mark.any_server
def test_nothing_new_writes_nothing_and_rules_are_looked_at(at_once: AtOnce) -> None:
    """The last one: it changes the thresholds of the database that others compare."""
    space, rows = at_once.space, at_once.rows
    where = "select ctid::text, xmin::text from analytics.alerts order by 1"
    before = space.query(where)
    only_alerts = ("run", "--select", "alerts", "--vars", SHORT)
    space.dbt(*only_alerts)
    assert space.query(where) == before
    space.execute(
        "update reference.alert_rules set threshold = 1e9 where kind = 'whale'"
    )
    space.dbt(*only_alerts)
    assert alerts(space) == {k: row for k, row in rows.items() if row[1] != "whale"}
    [(reason,)] = space.query(
        "select reason from ops.model_builds where model = 'analytics.alerts'"
        " order by built_at desc limit 1"
    )
    assert reason == "the rows of reference.alert_rules changed"

    space.execute(
        "delete from reference.alert_rules where kind = 'whale';"
        "update reference.alert_rules set threshold = 0 where kind = 'fresh_wallets'"
        " and measure = 'volume_usd';"
        "insert into reference.alert_rules values ('whales', 'added_usd', 1, null)"
    )
    with pytest.raises(AssertionError) as failed:
        space.dbt(*only_alerts)
    said = " ".join(str(failed.value).replace("\\n", " ").split())
    assert "whales, added_usd: no such rule" in said
    assert "fresh_wallets, volume_usd: the threshold must be a number above 0" in said
    assert "whale, added_usd: missing" in said
