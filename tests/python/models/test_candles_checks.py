"""What `dbt test` says of ticks and candles: nothing, or what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from candle_project import LEVELS, CandleProject, candle_project, tape
from tick_loading import OTHER_VENUE

TRADES = tape(1_500, seed=11)
KINDS = ("model", "function", "seed", "test", "unit_test")
UNIQUE = "unique_combination_stg_market_data__btc_ticks_exchange__source_seq"


@pytest.fixture(scope="module")
def project(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CandleProject]:
    """Built, with every test and unit test of the models passed."""
    folder = tmp_path_factory.mktemp("candle_checks")
    with candle_project(folder, make_database()) as made:
        made.load_trades(TRADES)
        made.load_trades(tape(200, seed=12), OTHER_VENUE)
        venues = ("venues", "unique_venues_exchange", "candles_are_of_known_venues")
        chosen = ("rollups", "marts", "staging", "candles_filled", "tests", *venues)
        kinds = [part for kind in KINDS for part in ("--resource-type", kind)]
        done = made.run("--select", *chosen, *kinds, command="build")
        assert {"candles_add_up", "ticks_have_their_window", UNIQUE} <= set(done)
        # A venue of one's own is a warning.
        assert "configured to warn" in done["candles_are_of_known_venues"]
        yield made


def failing(project: CandleProject, *names: str) -> set[str]:
    """Return which of these tests fail."""
    done = project.invoke("test", "--select", *names)
    found = {r.node.name: r.status for r in done.result if r.node.name in names}
    assert set(found) == set(names)
    return {name for name, status in found.items() if status != "pass"}


def test_candles_that_do_not_add_up_are_found(project: CandleProject) -> None:
    for name in ("btc_ohlcv_1s", "btc_ohlcv_5m"):
        storage = project.storage(name)
        one = f"select max(bucket) from {storage}"
        for change in ("volume = volume + 1", "close = close + 0.01", "exchange = 'x'"):
            column = change.split()[0]
            project.execute(f"create table kept as select * from {storage}")
            project.execute(f"update {storage} set {change} where bucket = ({one})")
            assert failing(project, "candles_add_up") == {"candles_add_up"}, column
            project.execute(
                f"delete from {storage}; insert into {storage} select * from kept;"
                " drop table kept"
            )
    assert failing(project, "candles_add_up") == set()


def test_candles_that_are_none_are_found(project: CandleProject) -> None:
    storage = project.storage("btc_ohlcv_1m")
    check = "is_candle_btc_ohlcv_1m_"
    for change in ("high = low - 1", "vwap = null", "trade_count = 0"):
        project.execute(f"create table kept as select * from {storage}")
        project.execute(f"update {storage} set {change}")
        assert failing(project, check) == {check}, change
        project.execute(
            f"delete from {storage}; insert into {storage} select * from kept;"
            " drop table kept"
        )
    assert failing(project, check) == set()


def test_a_tick_without_window_or_twice_is_found(project: CandleProject) -> None:
    checks = ("ticks_have_their_window", UNIQUE)
    project.execute("create table windows as select * from market_data.window_5m")
    project.execute(
        "delete from market_data.window_5m"
        " where window_start = (select max(window_start) from windows)"
    )
    project.execute(
        "insert into market_data.btc_ticks select ts + interval '1 microsecond',"
        " window_start, exchange, source_seq, price, volume, side"
        " from market_data.btc_ticks order by ts limit 1"
    )
    assert failing(project, *checks) == set(checks)
    project.execute(
        "insert into market_data.window_5m (window_start, exchange, status)"
        " select window_start, exchange, status from windows on conflict do nothing;"
        " delete from market_data.btc_ticks where load_id is null"
    )
    assert failing(project, *checks) == set()


def test_a_load_that_waits_for_the_next_build_is_no_error(
    project: CandleProject,
) -> None:
    late = TRADES[-1]
    later = [late._replace(source_seq=late.source_seq + n) for n in (1, 2)]
    project.load_trades(later)
    assert failing(project, "candles_add_up") == set()
    # But an older load whose ticks the candles lack is one.
    project.execute(
        "insert into ingestion.applied_loads (consumer, load_id)"
        " select 'market_data.' || level, max(load_id) from ingestion.load_log,"
        f" unnest('{{{','.join(LEVELS)}}}'::text[]) as level group by level"
    )
    assert failing(project, "candles_add_up") == {"candles_add_up"}
