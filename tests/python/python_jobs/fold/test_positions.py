"""`trader_position_hours` over a real server: at once, by loads, late, in any order."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading import fill as reported
from loading import parquet
from loading_database import loading_database, loading_db  # noqa: F401
from positions_model import (  # noqa: F401
    STAGED_FILLS,
    TARGET,
    Model,
    clear,
    fresh_model,
    load,
)
from reference_fold import Fill, as_position, fold_all, fold_positions
from test_fold_properties import tape

from dbt_pyjobs.session import Session
from loaders.fills import FILLS as FORMAT
from loaders.load_to_db import main as load_to_db
from loaders.objects import list_objects
from pgio.connection import connect
from pgio.copy_out import read_table
from python_jobs.lib.fold.positions import PositionJob
from runners.fill_rules import staged_query
from runners.position_partition import fold_partition
from runners.remote_objects import RemoteObject
from simulation.__main__ import main as simulate

pytestmark = pytest.mark.any_server


def test_the_first_build_is_the_fold_of_all_fills(model: Model) -> None:
    fills = tape(11)
    load(model.conn, fills)
    model.run(is_incremental=False, slice_rows=7)
    expected = [
        tuple(row[name] for name, _ in model.columns) for row in fold_all([fills])
    ]
    assert model.rows() == sorted(expected)
    assert model.positions() == fold_positions([fills])


def test_nothing_new_is_no_work(model: Model) -> None:
    load(model.conn, tape(3))
    model.run(is_incremental=False)
    with connect(autocommit=True) as reader:
        empty = read_table(
            reader,
            "select load_id, time_from, time_to, rows_loaded "
            "from ingestion.load_log where false",
        )
        job = PositionJob(reader, STAGED_FILLS, lambda: empty)
        assert job.update(TARGET) is None
        assert reader.info.transaction_status.name == "IDLE"


def test_a_load_that_brought_nothing_is_noted(model: Model) -> None:
    load(model.conn, tape(3))
    model.run(is_incremental=False)
    before = model.rows()
    load_id = load(model.conn, [])
    model.run(is_incremental=True)
    assert load_id in model.applied
    assert model.written == 0
    assert model.rows() == before


def test_a_new_fill_touches_only_its_key(model: Model) -> None:
    load(model.conn, tape(5))
    model.run(is_incremental=False)
    before = {row[:2]: row for row in model.rows()}
    load(model.conn, [Fill(10**6, "B", "1", "10", "0", user="0xcc")])
    model.run(is_incremental=True)
    assert model.written == 1
    after = {row[:2]: row for row in model.rows()}
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 1


def test_positions_of_other_rules_are_folded_anew(model: Model) -> None:
    fills = tape(5)
    load_id = load(model.conn, fills)
    model.run(is_incremental=False)
    expected = model.rows()
    model.conn.execute(f"update {TARGET} set gross_pnl = 0, last_exit_at = null")  # type: ignore[arg-type]
    model.conn.execute(
        "insert into ingestion.applied_loads (consumer, load_id) values (%s, %s)",
        [TARGET, load_id],
    )
    session = Session(lambda: connect(autocommit=True), TARGET, starts_over=False)
    settings = {"slice_rows": 7, "forget_history": None}
    dbt = SimpleNamespace(
        ref=lambda model: f"staging.{model}",
        this=TARGET,
        is_incremental=True,
        config=SimpleNamespace(meta_get=settings.__getitem__),
    )
    job = importlib.import_module("python_jobs.trader_position_hours")
    with session.connection:
        changes = job.model(dbt, session)
        assert (changes.scope, changes.loads) == ("true", [load_id])
        model.apply(changes, is_incremental=False)
        assert model.rows() == expected
        model.conn.execute(
            "insert into ops.model_state (model, fingerprint) values (%s, %s)",
            [TARGET, changes.fingerprint],
        )
        assert job.model(dbt, session) is None
    model.conn.execute("delete from ops.model_state where model = %s", [TARGET])
    model.conn.execute(
        "delete from ingestion.applied_loads where consumer = %s", [TARGET]
    )


def test_a_late_fill_rebuilds_its_key(model: Model) -> None:
    on_time = [
        Fill(1000, "B", "1", "10", "0", tid=1),
        Fill(3000, "A", "1", "12", "1", pnl="2", tid=3),
        Fill(4000, "A", "1", "12", "0", tid=4),
    ]
    late = [
        Fill(2000, "B", "1", "11", "1", tid=2),
        Fill(2500, "A", "1", "11", "2", pnl="0.5", tid=5),
    ]
    load(model.conn, on_time)
    model.run(is_incremental=False)
    load(model.conn, late)
    model.run(is_incremental=True)
    step_by_step = model.rows()
    model.run(is_incremental=False)
    assert step_by_step == model.rows()


def test_fills_that_no_load_brought_come_with_a_full_refresh(model: Model) -> None:
    load(model.conn, [Fill(1000, "B", "1", "10", "0")])
    load(model.conn, [Fill(1000, "B", "1", "10", "0", user="0xcc")], log=False)
    model.run(is_incremental=False)
    assert len(model.rows()) == 2


def test_a_load_that_commits_during_a_run_is_left_to_the_next(model: Model) -> None:
    load(model.conn, [Fill(1000, "B", "1", "10", "0", tid=1)])
    late = [Fill(2000, "B", "1", "10", "1", tid=2)]
    with connect(autocommit=True) as reader:

        def loads() -> pa.Table:
            table = read_table(
                reader,
                "select load_id, time_from, time_to, rows_loaded "
                "from ingestion.load_log",
            )
            load(model.conn, late)
            return table

        changes = PositionJob(reader, STAGED_FILLS, loads).rebuild()
        model.apply(changes, is_incremental=False)
    assert [row[model_index(model, "size")] for row in model.rows()] == [1]
    model.run(is_incremental=True)
    assert [row[model_index(model, "size")] for row in model.rows()] == [2]


def model_index(model: Model, name: str) -> int:
    return [column for column, _ in model.columns].index(name)


def test_outcomes_are_left_out(model: Model) -> None:
    load(model.conn, [Fill(1000, "B", "1", "0.5", "0", coin="#12")])
    model.run(is_incremental=False)
    assert model.rows() == []


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32), st.integers(0, 2**32), st.sampled_from([2, 9, 500_000]))
def test_any_loads_in_any_order_give_what_one_pass_gives(
    model: Model, seed: int, other: int, slice_rows: int
) -> None:
    clear(model)
    fills = tape(seed, digits=20 if seed % 4 == 0 else 3)
    for part in parts(fills, other):
        load(model.conn, part)
        model.run(is_incremental=bool(model.applied), slice_rows=slice_rows)
    in_parts = model.rows()
    model.run(is_incremental=False)
    assert in_parts == model.rows()


def parts(fills: Sequence[Fill], seed: int) -> Iterable[list[Fill]]:
    """Deal fills out to a few loads: mostly by time, some of them late."""
    rng = random.Random(seed)
    count = rng.randint(2, 5)
    lateness = rng.choice([0.0, 0.1, 0.5])
    dealt: list[list[Fill]] = [[] for _ in range(count)]
    latest = max((fill.time for fill in fills), default=1)
    for fill in fills:
        number = (fill.time - 1000) * count // (latest - 999)
        if rng.random() < lateness:
            number = rng.randrange(count)
        dealt[min(number, count - 1)].append(fill)
    return [part for part in dealt if part]


@pytest.mark.parametrize("form", ["parquet", "archive"])
def test_the_simulators_truth_is_found(model: Model, form: str, tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(
        simulate,
        ["fills", str(tmp_path), "--fills", "20000", "--days", "3", "--seed", "7",
         "--format", form],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    files = sorted(
        [*tmp_path.glob("parquet/**/*.parquet"), *tmp_path.glob("archive/**/*.lz4")]
    )
    for number, part in enumerate((files[::2], files[1::2])):
        loaded = runner.invoke(load_to_db, ["fills", *map(str, part)])
        assert loaded.exit_code == 0, loaded.output
        model.run(is_incremental=number > 0, slice_rows=6_000)

    found = model.positions()
    truth = pq.read_table(tmp_path / "truth" / "episodes.parquet").to_pylist()
    assert sorted(map(_from_row, found)) == sorted(map(_from_truth, truth))


def _from_row(row: dict[str, Any]) -> tuple[Any, ...]:
    closed = row["closed_at"]
    return (
        row["user_address"],
        row["coin"],
        round(row["opened_at"].timestamp() * 1000),
        -1 if closed is None else round(closed.timestamp() * 1000),
        row["side"],
        row["max_size"],
        row["gross_pnl"],
        row["fees_usd"],
        row["fill_count"],
        row["close_reason"] or "",
        row["is_liquidated"],
        row["is_basis_known"],
        row["gap_count"],
    )


def _from_truth(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["user"],
        row["coin"],
        row["opened"],
        -1 if row["closed"] is None else row["closed"],
        row["side"],
        row["max_size"],
        row["gross_pnl"],
        row["fees_usd"],
        row["fill_count"],
        row["close_reason"] or "",
        row["is_liquidated"],
        row["is_basis_known"],
        row["gap_count"],
    )


def bought(**changes: Any) -> dict[str, Any]:
    return reported(0, side="B", sz="10", px="40", startPosition="0", fee="0") | changes


def sold(number: int = 1, **changes: Any) -> dict[str, Any]:
    plain = {"side": "A", "sz": "10", "px": "41", "startPosition": "10", "fee": "0"}
    return reported(number, **plain) | {"closedPnl": "10"} | changes


AMOUNTS = ("size", "fees_usd", "gross_pnl", "net_pnl", "holding_seconds", "exit_size")
USDH = {"coin": "@230", "dir": "Buy", "feeToken": "USDH"}
MIDNIGHT = {"dir": "Spot Dust Conversion", "time": 1_756_771_200_000, "tid": 0}
SWEPT = {"sz": "0.25", "startPosition": "0.25", "closedPnl": "0", **MIDNIGHT}


@pytest.mark.parametrize(
    ("fills", "expected"),
    [
        pytest.param(
            [bought(**USDH, fee="0.14")],
            [{"size": "9.86", "fees_usd": "5.6", "is_basis_known": True}],
            id="a stable coin bought",
        ),
        pytest.param(
            [bought(**USDH, fee="-0.14"), sold(coin="@230", startPosition="10.14")],
            [{"size": "0.14", "fees_usd": "-5.6", "gap_count": 0}],
            id="a rebate in the stable coin",
        ),
        pytest.param(
            [bought(**USDH | {"feeToken": "USDC"}, fee="0.14"),
             sold(coin="@230", startPosition="9.86", sz="9.86")],
            [{"size": "0", "gap_count": 0, "close_reason": "trade"}],
            id="USDC bought",
        ),
        pytest.param(
            [bought(coin="@107"), sold(coin="@107", sz="9.75"),
             sold(2, coin="@107", **SWEPT)],
            [{"close_reason": "dust", "holding_seconds": "1", "gross_pnl": "10"}],
            id="dust of a sale",
        ),
        pytest.param(
            [bought(coin="@107", sz="0.25"), sold(coin="@107", **SWEPT)],
            [{"close_reason": "dust", "holding_seconds": None, "exit_size": "0.25"}],
            id="dust that was only ever bought",
        ),
        pytest.param(
            [bought(closedPnl=None), sold(closedPnl=None)],
            [{"gross_pnl": "10", "net_pnl": "10", "close_reason": "trade"}],
            id="no PnL reported",
        ),
        pytest.param(
            [sold(closedPnl=None), bought(time=1_756_771_200_000)],
            [{"gross_pnl": None, "net_pnl": None}, {"gross_pnl": "0"}],
            id="no PnL reported, basis unknown",
        ),
        pytest.param(
            [bought(), sold(dir="Liquidated Isolated Long", closedPnl="-5")],
            [{"close_reason": "liquidation", "is_liquidated": True}],
            id="a long liquidated, by dir",
        ),
        pytest.param(
            [sold(0, startPosition="0"),
             bought(time=1_756_771_200_000, startPosition="-10",
                    dir="Liquidated Cross Short")],
            [{"close_reason": "liquidation", "is_liquidated": True}],
            id="a short liquidated, by dir",
        ),
        pytest.param(
            [sold(0, startPosition="0"),
             bought(time=1_756_771_200_000, startPosition="-10",
                    dir="Liquidated Cross Long")],
            [{"close_reason": "trade", "is_liquidated": False}],
            id="a backstop that was short",
        ),
    ],
)  # fmt: skip
def test_what_a_fill_means_by_file(
    model: Model, tmp_path: Path, fills: list[dict[str, Any]], expected: Any
) -> None:
    parquet(
        tmp_path / "fills.parquet", [dict.fromkeys(["feeToken"]) | f for f in fills]
    )
    loaded = CliRunner().invoke(load_to_db, ["fills", str(tmp_path)])
    assert loaded.exit_code == 0, loaded.output
    model.run(is_incremental=False)
    [source] = list_objects([str(tmp_path)], FORMAT.suffixes)
    folded = fold_partition(RemoteObject.of(source, 0).fills(), staged_query())
    without_database = [
        as_position(row)
        for part in folded
        for batch in part.hours
        for row in batch.to_pylist()
        if row["is_latest"]
    ]
    for found in (model.positions(), without_database):
        found.sort(key=lambda row: row["opened_at"])
        assert len(found) == len(expected)
        for row, wanted in zip(found, expected, strict=True):
            assert {name: row[name] for name in wanted} == {
                name: Decimal(value) if isinstance(value, str) and name in AMOUNTS
                else value
                for name, value in wanted.items()
            }  # fmt: skip
