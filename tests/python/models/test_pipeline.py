"""From files to signals, through the commands that users type.

One tape is simulated by the hour. One database gets all of it at once; the other gets
it in three helpings, the second of which holds an hour of the first that arrives late.
Every model must hold the same rows in both. That other editions hold them too is for
`test_editions`.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import loading
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from servers import environment, storage
from simulated import (
    BUILT_FROM_FILLS_AND_RATES,
    WITHOUT_TESTS,
    WITHOUT_UNIT_TESTS,
    simulate,
)
from workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.any_server]


MODELS = BUILT_FROM_FILLS_AND_RATES


# Rates by hour.
RATES = {1: "0.1", 2: "0.2", 3: "-0.3", 4: "0.4", 20: "0.5"}

# What a replaced fill inside a day need not change; ten days have no smart money.
UNTOUCHED = {
    "analytics.smart_money_hourly",
    "analytics.trader_cohorts",
    "analytics.coin_funding_hourly",
    "analytics.coin_marks_daily",
}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of fills, a Parquet file an hour."""
    return simulate(
        tmp_path_factory.mktemp("tape"),
        *("--fills", "40000", "--days", "20", "--seed", "11"),
        *("--format", "both", "--hourly"),
    )


@pytest.fixture(scope="module")
def workspace(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Workspace]:
    """Make workspaces, each in a database of its own."""

    def make() -> Workspace:
        conninfo = make_database()
        folder = tmp_path_factory.mktemp("target")
        return Workspace(environment(conninfo), conninfo, folder)

    return make


@pytest.fixture(scope="module")
def at_once(workspace: Callable[[], Workspace], tape: Path) -> Workspace:
    """Everything loaded, then built."""
    space = workspace()
    space.dbt("run-operation", "create_sources")
    space.load(tape / "parquet")
    space.load(tape / "asset_ctxs", command="contexts")
    space.load(tape / "funding", command="funding")
    space.dbt("build", *WITHOUT_TESTS)
    return space


def test_replaced_fills_reach_every_model(
    workspace: Callable[[], Workspace], tape: Path, tmp_path: Path
) -> None:
    """A build after `--replace` holds what a build of everything holds."""
    space = workspace()
    space.dbt("run-operation", "create_sources")
    # Ten days: some traders are winners by then, and signals are theirs.
    hours = sorted((tape / "parquet").rglob("*.parquet"))[:240]
    space.load(*hours)
    space.dbt("seed")
    space.dbt("run")
    before = {name: space.rows(name, order) for name, order in MODELS.items()}
    for number, hour in enumerate((hours[10], hours[70], hours[230])):
        table = pq.read_table(hour)
        rows = table.to_pylist()
        for row in rows[::3]:
            row["px"] = str(Decimal(row["px"]) * 2)
            row["closedPnl"] = str(Decimal(row["closedPnl"]) + 11)
        for row in rows[1::3]:
            row["fee"] = str(Decimal(row["fee"]) + 1)
        corrected = pa.Table.from_pylist(rows, table.schema)
        pq.write_table(corrected, tmp_path / f"{number}.parquet")
    loader = (sys.executable, "-m", "loaders.load_to_db", "fills", "--replace")
    space.run(*loader, str(tmp_path))
    [(replaced,)] = space.query("select sum(rows_replaced) from ingestion.load_log")
    assert replaced > 100
    space.dbt("run")
    after = {name: space.rows(name, order) for name, order in MODELS.items()}
    space.dbt("run", "--full-refresh")
    for name, order in MODELS.items():
        assert after[name] == space.rows(name, order), name
        if name not in UNTOUCHED:
            assert after[name] != before[name], name


@pytest.fixture(scope="module")
def in_helpings(
    workspace: Callable[[], Workspace],
    tape: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Workspace:
    """The first days without one hour; the next days; the rest with the late hour.

    Contexts come later than fills, some of them twice, rates last.
    """
    days = sorted((tape / "parquet").iterdir())
    late = sorted(days[2].iterdir())[10]
    staged = tmp_path_factory.mktemp("staged")
    helpings = (days[:5], days[5:12], days[12:])
    files = sorted((tape / "asset_ctxs").iterdir())
    contexts = (files[:2], files[1:9], files[9:])
    files = sorted((tape / "funding").iterdir())
    rates = (files[3:4], files[10:], files[:10])
    space = workspace()
    space.dbt("run-operation", "create_sources")
    for number, helping in enumerate(helpings):
        folder = staged / str(number)
        for day in helping:
            shutil.copytree(day, folder / day.name)
        if number == 0:
            (folder / days[2].name / late.name).unlink()
        if number == 1:
            shutil.copy(late, folder / f"late-{late.name}")
        space.load(folder)
        space.load(*contexts[number], command="contexts")
        space.load(*rates[number], command="funding")
        # dbt's tests have to hold when days came late.
        space.dbt("build", *(WITHOUT_TESTS if number < 2 else WITHOUT_UNIT_TESTS))
    return space


@pytest.mark.parametrize("relation", MODELS)
def test_helpings_equal_everything_at_once(
    at_once: Workspace, in_helpings: Workspace, relation: str
) -> None:
    expected = at_once.rows(relation, MODELS[relation])
    assert expected, f"{relation} is empty: the tape is too small for this test"
    assert in_helpings.rows(relation, MODELS[relation]) == expected


def test_funding_and_worth_are_those_of_the_truth(
    at_once: Workspace, tape: Path
) -> None:
    """To the digit, of all traders whose whole history is on the tape."""
    truth = {
        name: pq.read_table(tape / "truth" / f"{name}.parquet").to_pylist()
        for name in ("traders", "trader_days", "funding", "coin_days")
    }
    known = {row["user"] for row in truth["traders"] if row["is_complete"]}
    assert len(known) > 50
    days = at_once.query(
        "select user_address, day, cash_usd, fees_usd, coalesce(funding_usd, 0),"
        " value_usd, equity_usd, transferred_usd from analytics.trader_pnl_daily"
        " order by user_address, day"
    )
    names = ("cash_from_trades", "fees_usd", "funding_usd", "value_usd")
    expected = {
        (row["user"], row["day"]): [row[name] for name in names]
        for row in truth["trader_days"]
        if row["user"] in known
    }
    found = {row[:2]: list(row[2:6]) for row in days if row[0] in known}
    assert found == expected

    worth: Counter[str] = Counter()
    for user, _, cash, fees, funding, value, equity, transferred in days:
        if user in known:
            worth[user] += cash - fees + funding
            assert equity == worth[user] + value
            assert transferred == 0

    paid: Counter[str] = Counter()
    for row in truth["funding"]:
        paid[row["user"]] += row["funding_usd"]
    positions = at_once.query(
        "select user_address, sum(funding_usd), bool_and(is_funding_known)"
        " from analytics.trader_positions group by 1"
    )
    assert {user: total for user, total, _ in positions if user in known} == {
        user: paid[user] for user, _, _ in positions if user in known
    }
    # The tape's first hour has no context before it, and so no rate.
    assert all(is_known for user, _, is_known in positions if user in known)

    marks = at_once.query("select coin, day, mark_px from analytics.coin_marks_daily")
    wanted = {(row["coin"], row["day"], row["mark_px"]) for row in truth["coin_days"]}
    assert wanted <= set(marks)


def test_open_interest_is_that_of_the_book(
    workspace: Callable[[], Workspace], tmp_path: Path
) -> None:
    """On a complete tape; spot was there before it, and is known from its trades on."""
    tape = simulate(tmp_path, "--fills", "20000", "--days", "4", "--complete")
    space = workspace()
    space.dbt("run-operation", "create_sources")
    space.load(tape / "parquet")
    space.load(tape / "asset_ctxs", command="contexts")
    space.dbt("run", "--select", "+coin_open_interest_daily")
    found = space.query(
        "select coin, day, long_size, short_size, holders"
        " from analytics.coin_open_interest_daily where open_interest is not null"
    )
    truth = pq.read_table(tape / "truth" / "coin_days.parquet").to_pylist()
    names = ("coin", "day", "long_size", "short_size", "holders")
    book = {tuple(row[name] for name in names) for row in truth}
    assert len(found) > 40
    assert set(found) <= book
    assert all(row[2] == row[3] for row in found)


def test_a_late_rate_changes_the_positions_that_were_open_then(
    workspace: Callable[[], Workspace], tmp_path: Path
) -> None:
    hour = 3_600_000
    start = loading.START // (24 * hour) * 24 * hour

    def trade(user: int, at: float, change: int, before: int) -> dict[str, Any]:
        return loading.fill(
            user * 100 + int(at * 10),
            user=f"0x{user:040x}",
            time=start + int(at * hour),
            side="B" if change > 0 else "A",
            sz=str(abs(change)),
            startPosition=str(before),
            px="100",
        )

    # Closed before 3:00; open then; within the hour after; still open.
    trades = [
        *(trade(1, 0.5, 2, 0), trade(1, 2.5, -2, 2)),
        *(trade(2, 0.5, -3, 0), trade(2, 4.5, 3, -3)),
        *(trade(3, 3.2, 4, 0), trade(3, 3.4, -4, 4)),
        trade(4, 1.5, 5, 0),
    ]

    def rates(name: str, *hours: int) -> Path:
        rows = [
            {"coin": "BTC", "fundingRate": RATES[at], "premium": "0",
             "time": start + at * hour}
            for at in hours
        ]  # fmt: skip
        path = tmp_path / name
        path.write_text(json.dumps(rows))
        return path

    day = datetime.fromtimestamp(start / 1000, UTC)
    contexts = tmp_path / "contexts.csv"
    contexts.write_text(
        "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,"
        "mark_px,mid_px,impact_bid_px,impact_ask_px\n"
        + "".join(
            f"{day + timedelta(hours=at):%Y-%m-%dT%H:%M:%SZ},BTC,0.5,1,1,1,0,{10 + at},"
            "100,100,99,101\n"
            for at in (*range(6), 20)
        )
    )
    space = workspace()
    space.dbt("run-operation", "create_sources")
    space.load(loading.parquet(tmp_path / "fills.parquet", trades))
    build = ("run", "--select", "+trader_positions", "+trader_pnl_daily")
    positions = (
        "select right(user_address, 1)::int, funding_usd, is_funding_known"
        " from analytics.trader_positions order by 1"
    )
    space.dbt(*build)
    none = [(1, None, False), (2, None, False), (3, 0, True), (4, None, False)]
    assert space.query(positions) == none

    space.load(contexts, command="contexts")
    space.load(rates("on_time.json", 1, 2, 4, 20), command="funding")
    space.dbt(*build)
    # What a unit pays: the rate times the oracle's price.
    unit = {number: Decimal(rate) * (10 + number) for number, rate in RATES.items()}

    def due(size: int, *hours: int) -> Decimal:
        return -size * sum((unit[number] for number in hours), Decimal(0))

    assert space.query(positions) == [
        (1, due(2, 1, 2), True),
        (2, due(-3, 1, 2, 4), False),
        (3, 0, True),
        (4, due(5, 2, 4), False),
    ]

    versions = "select position_id, xmin::text from analytics.trader_positions"
    before = dict(space.query(versions))
    space.load(rates("late.json", 3), command="funding")
    space.dbt(*build)
    assert space.query(positions) == [
        (1, due(2, 1, 2), True),
        (2, due(-3, 1, 2, 3, 4), True),
        (3, 0, True),
        (4, due(5, 2, 3, 4), True),
    ]
    after = dict(space.query(versions))
    changed = {key for key, version in after.items() if before[key] != version}
    assert {key.split(":")[0][-1] for key in changed} == {"2", "4"}
    daily = (
        "select sum(funding_usd), sum(net_pnl - unrealized_change_usd - realized_pnl"
        " + fees_usd - funding_usd), bool_and(is_funding_known)"
        " from analytics.trader_pnl_daily"
    )
    total = sum(funding for _, funding, _ in space.query(positions))
    assert space.query(daily) == [(total, 0, True)]

    # The day's last hours are paid once a later fill tells that they are over.
    space.load(loading.parquet(tmp_path / "next.parquet", [trade(5, 30.5, 1, 0)]))
    space.dbt(*build)
    assert space.query(positions)[3] == (4, due(5, 2, 3, 4, 20), False)
    total = sum(funding for _, funding, _ in space.query(positions))
    assert space.query(daily) == [(total, 0, False)]


def test_building_again_changes_nothing(at_once: Workspace) -> None:
    before = {r: at_once.rows(f"{r} as t", MODELS[r]) for r in MODELS}
    versions = {r: _row_versions(at_once, r) for r in MODELS}
    results = at_once.dbt("build", *WITHOUT_TESTS)
    for relation in MODELS:
        model = relation.split(".")[1]
        assert results[model].adapter_response.get("rows_affected") == 0, model
        # Not rewritten with equal values either: the row versions stand still.
        assert _row_versions(at_once, relation) == versions[relation]
        assert at_once.rows(f"{relation} as t", MODELS[relation]) == before[relation]


def _row_versions(space: Workspace, relation: str) -> list[tuple[Any, ...]]:
    return space.query(
        "select tableoid::text, ctid::text, xmin::text"
        f" from {storage(space.query, relation)} order by 1, 2"
    )


def test_both_formats_give_the_same_positions(
    at_once: Workspace, workspace: Callable[[], Workspace], tape: Path
) -> None:
    """Parquet has no order inside a millisecond; the archive has. Both must agree."""
    space = workspace()
    space.dbt("run-operation", "create_sources")
    space.load(tape / "archive")
    space.dbt("run", "--select", "stg_hyperliquid__fills", "trader_position_hours")
    relation = "analytics.trader_position_hours"
    assert space.rows(relation, MODELS[relation]) == at_once.rows(
        relation, MODELS[relation]
    )


def test_full_refresh_gives_the_same_rows(
    at_once: Workspace, in_helpings: Workspace
) -> None:
    in_helpings.dbt("build", "--full-refresh", *WITHOUT_TESTS)
    for relation, order in MODELS.items():
        assert in_helpings.rows(relation, order) == at_once.rows(relation, order)
