"""Signals of a day more go on from the day before, and equal those of a rebuild."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers import environment
from simulated import LUCK_COUNTS, simulate
from workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.any_server]

TABLES = {
    "intermediate.int_signals__coin_days": "as_of_date, coin",
    "analytics.asset_signals": "as_of_date, coin",
    "analytics.smart_money_hourly": "hour_at, coin",
}
BUILD = ("run", "--select", "+asset_signals +smart_money_hourly")
SIGNALS = "int_signals__coin_days asset_signals smart_money_hourly"
REBUILD = ("run", "--full-refresh", "--select", SIGNALS)

# What members of the cohort of `kept` hold since before it, who have no fill and no
# other membership since: long for short, and back.
TURN_OPEN_POSITIONS = """
    update analytics.trader_position_hours as held
    set size = -size
    where is_open
        and hour_at < '{kept} 00:00:00+00'
        and (
            select count(*) = 3
                and count(distinct (is_smart_money, is_winner, is_loser)) = 1
            from analytics.trader_cohorts
            where trader_cohorts.user_address = held.user_address
                and as_of_date >= '{kept}'
        )
        and not exists (
            select from hyperliquid.fills
            where fills.user_address = held.user_address
                and fills.time >= extract(epoch from date '{kept}' + 1) * 1000
        )
    returning user_address
"""


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen days of fills, a Parquet file an hour."""
    folder = simulate(
        tmp_path_factory.mktemp("tape"),
        *("--fills", "30000", "--days", "16", "--seed", "11"),
        *("--format", "parquet", "--hourly"),
    )
    return folder / "parquet"


@pytest.fixture
def space(make_database: Callable[[], dict[str, Any]], tmp_path: Path) -> Workspace:
    conninfo = make_database()
    made = Workspace(environment(conninfo), conninfo, tmp_path)
    made.dbt("run-operation", "create_sources")
    made.dbt("seed")
    made.execute(LUCK_COUNTS)
    return made


def contents(space: Workspace) -> list[list[tuple[Any, ...]]]:
    """Return the rows of the tables of signals."""
    found = [space.rows(*table) for table in TABLES.items()]
    assert all(found)
    return found


@pytest.mark.parametrize("step", [1, 3])
def test_any_order_of_loads_gives_the_rows_of_a_rebuild(
    space: Workspace, tape: Path, step: int
) -> None:
    """With cohorts of every day, and of every third day, too."""
    settings = ("--vars", f"cohort_step_days: {step}")
    days = sorted(tape.iterdir())
    rest = [hour for day in days[9:] for hour in sorted(day.iterdir())[::4]]
    rest += [hour for day in days[4:9] for hour in sorted(day.iterdir())[3::8]]
    random.Random(step).shuffle(rest)
    first = [hour for day in days[:9] for hour in sorted(day.iterdir())]
    helpings = ([h for h in first if h not in rest], rest[:9], rest[9:20], rest[20:])
    for helping in helpings:
        space.load(*helping)
        done = space.dbt(*BUILD, *settings)
        assert done["asset_signals"].adapter_response["rows_affected"] > 0
    by_loads = contents(space)
    space.dbt(*REBUILD, *settings)
    assert contents(space) == by_loads


def test_a_day_more_reads_no_position_that_is_carried_on(
    space: Workspace, tape: Path
) -> None:
    """What nobody changed stands in the sums of the day before already."""
    *days, last = sorted(tape.iterdir())
    space.load(*days)
    space.dbt(*BUILD)
    # Fills of the last day may change the membership of who made them.
    space.load(last)
    space.dbt(*BUILD, "--exclude", SIGNALS)
    # A day's load settles the day before it, so that the one before that is kept.
    turn = TURN_OPEN_POSITIONS.format(kept=days[-2].name)
    turned = space.query(turn)
    assert turned
    space.dbt("run", "--select", SIGNALS)
    by_loads = contents(space)
    space.dbt(*REBUILD)
    assert contents(space) != by_loads
    assert sorted(space.query(turn)) == sorted(turned)
    space.dbt(*REBUILD)
    assert contents(space) == by_loads
