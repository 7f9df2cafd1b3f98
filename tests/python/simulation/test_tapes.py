"""A repeated tape: nothing occurs twice, and every trader's history holds together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from reference_fold import (
    ADL,
    DUST,
    LIQUIDATION,
    SETTLEMENT,
    TRANSFER,
    Fill,
    fold_positions,
)

from benchmarks.repetition import DAY_MS, Repetition
from benchmarks.tapes import main

FILLS, DAYS, BASE_FILLS = 60_000, 15, 24_000
BASE_DAYS = 6
NO_HASH = "0x" + "0" * 64
KINDS = {
    "Auto-Deleveraging": ADL,
    "Settlement": SETTLEMENT,
    "Net Child Vaults": TRANSFER,
    "Spot Dust Conversion": DUST,
}
KEPT = ["coin", "px", "sz", "side", "dir", "startPosition", "closedPnl", "fee"]
KEPT += ["crossed", "feeToken", "builderFee", "builder"]


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> list[pa.Table]:
    """The days of a tape: six simulated, repeated once and a half."""
    folder = tmp_path_factory.mktemp("tape")
    options = f"--fills {FILLS} --days {DAYS} --base-fills {BASE_FILLS}".split()
    result = CliRunner().invoke(main, [str(folder), *options])
    assert result.exit_code == 0, result.output
    files = sorted((folder / "parquet").iterdir())
    assert [path.name for path in files] == [f"202401{day:02}.parquet" for day in DATES]
    return [pq.ParquetFile(path).read() for path in files]


DATES = range(1, DAYS + 1)


def test_a_tape_that_ends_in_the_future_is_refused(tmp_path: Path) -> None:
    options = ["--fills", "5000", "--days", "9", "--start", "2999-01-01"]
    result = CliRunner().invoke(main, [str(tmp_path / "tape"), *options])
    assert result.exit_code == 2
    assert "9 days from 2999-01-01 on end on 2999-01-10" in result.output


def test_every_day_is_a_day_of_the_simulated_ones_later(tape: list[pa.Table]) -> None:
    for day, table in enumerate(tape):
        base = tape[day % BASE_DAYS]
        assert table.schema == base.schema
        assert table.select(KEPT) == base.select(KEPT)
        shift = day // BASE_DAYS * BASE_DAYS
        assert table["time"] == pc.add(base["time"], shift * DAY_MS)
        assert [text[10:] for text in table["block_time"].to_pylist()] == [
            text[10:] for text in base["block_time"].to_pylist()
        ]
        stamps = table["block_time"].cast(pa.timestamp("ns"))
        in_ms = pc.floor_temporal(stamps, unit="millisecond").cast(pa.timestamp("ms"))
        assert in_ms.cast(pa.int64()) == table["time"]
    rows = sum(table.num_rows for table in tape)
    assert rows == pytest.approx(FILLS, rel=0.1)
    assert sum(table.num_rows for table in tape[:BASE_DAYS]) == BASE_FILLS


def test_keys_are_unique_and_ids_belong_to_one_repetition(
    tape: list[pa.Table],
) -> None:
    rows = [row for table in tape for row in table.to_pylist()]
    trades = [(r["time"], r["coin"], r["tid"], r["side"]) for r in rows if r["tid"]]
    others = [
        (r["time"], r["user"], r["coin"], r["side"], r["oid"])
        for r in rows
        if not r["tid"]
    ]
    assert trades
    assert others
    for keys in (trades, others):
        assert len(set(keys)) == len(keys)
    for name in ("user", "oid", "tid", "hash", "cloid", "twapId"):
        found = [values(part, name) for part in parts(tape)]
        first, second, third = found
        assert len(second) == len(first) > 0
        assert not first & second
        assert not third & (first | second), name
    assert all(0 <= row["tid"] < 1 << 50 for row in rows)


def test_the_liquidated_are_traders_of_the_same_repetition(
    tape: list[pa.Table],
) -> None:
    for part in parts(tape)[:2]:
        liquidations = [row for row in part if row["liquidation"] is not None]
        assert liquidations
        assert {r["liquidation"]["liquidatedUser"] for r in liquidations} <= values(
            part, "user"
        )
    own = [Counter(is_own(row) for row in part) for part in parts(tape)]
    assert own[0] == own[1]


def test_no_chain_of_positions_breaks_that_was_whole(tape: list[pa.Table]) -> None:
    base, again, half = (folded(part) for part in parts(tape))
    assert base[0] > 0
    assert again == base
    # What the second half of the simulated days would have added is missing.
    assert half == folded([row for table in tape[:3] for row in table.to_pylist()])


def test_values_of_other_lengths_are_refused() -> None:
    columns = {
        "time": [0],
        "tid": [0],
        "block_time": ["2025-07-01T00:00:00.000000000"],
        "liquidation": pa.nulls(1, pa.struct([("liquidatedUser", pa.string())])),
    }
    texts = {"hash": [NO_HASH], "cloid": pa.nulls(1, pa.string())}
    good = {**columns, "user": ["0x" + "a" * 40], **texts}
    repetition = Repetition(1, 1, {})
    row = repetition.rows(pa.RecordBatch.from_pydict(good))
    assert row["time"].to_pylist() == [DAY_MS]
    assert row["hash"].to_pylist() == [NO_HASH]
    assert row["cloid"].to_pylist() == [None]
    mixed = {name: [*pa.array(value).to_pylist()] * 2 for name, value in good.items()}
    mixed["user"] = ["0x" + "a" * 40, "0x" + "a" * 39]
    schema = pa.RecordBatch.from_pydict(good).schema
    with pytest.raises(pa.ArrowInvalid, match="widths must match"):
        repetition.rows(pa.RecordBatch.from_pydict(mixed, schema=schema))


def parts(tape: list[pa.Table]) -> list[list[dict[str, Any]]]:
    """The rows of each repetition."""
    starts = range(0, DAYS, BASE_DAYS)
    days = [tape[start : start + BASE_DAYS] for start in starts]
    return [[row for t in tables for row in t.to_pylist()] for tables in days]


def values(rows: Iterable[dict[str, Any]], name: str) -> set[Any]:
    return {row[name] for row in rows} - {None, 0, NO_HASH}


def is_own(row: dict[str, Any]) -> bool:
    found = row["liquidation"]
    return found is not None and found["liquidatedUser"] == row["user"]


def folded(rows: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """Gaps and episodes that the fold finds."""
    fills = [
        Fill(
            time=row["time"],
            side=row["side"],
            sz=row["sz"],
            px=row["px"],
            start=row["startPosition"],
            pnl=row["closedPnl"],
            fee=row["fee"],
            user=row["user"],
            coin=row["coin"],
            kind=LIQUIDATION if is_own(row) else KINDS.get(row["dir"], Fill.kind),
            is_base_fee=row["feeToken"] != "USDC" and row["side"] == "B",
            tid=row["tid"],
        )
        for row in rows
        if not row["coin"].startswith("#")
    ]
    positions = fold_positions([fills])
    return sum(row["gap_count"] for row in positions), len(positions)
