"""The fold of a partition: however traders and time are cut, the same positions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from loading import fill, parquet

from loaders.errors import ObjectError
from loaders.fills import FILLS
from loaders.objects import list_objects
from runners.fill_columns import FILL_SCHEMA
from runners.fill_rules import staged, staged_query
from runners.position_partition import fold_partition, whole_moments
from runners.remote_objects import RemoteObject

TRADERS = [f"0x{0xAB00 + number:040x}" for number in range(7)]
COINS = ["BTC", "@142", "xyz:NVDA", "#12"]


def trade(number: int, rng: random.Random) -> dict[str, object]:
    """Return a fill of any trader; a few share a millisecond."""
    return fill(
        number // 3,
        user=rng.choice(TRADERS),
        coin=rng.choice(COINS),
        side=rng.choice("BA"),
        px=f"{rng.randrange(1, 10**9)}.{rng.randrange(10**6)}",
        sz=f"0.{rng.randrange(1, 10**18):018d}",
        startPosition="0.0",
        tid=rng.choice([0, number + 1]),
        oid=number,
        block_number=number // 3,
        event_index=number,
        liquidation={"liquidatedUser": rng.choice(TRADERS).upper().replace("X", "x")}
        if rng.random() < 0.1
        else None,
    )


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """Fills of a file and of another that repeats half of them, in time."""
    folder = tmp_path_factory.mktemp("tape")
    rng = random.Random(4)
    rows = [trade(number, rng) for number in range(3_000)]
    types = {"block_number": pa.int64(), "event_index": pa.int64()}
    parquet(folder / "a.parquet", rows, types)
    parquet(folder / "b.parquet", rows[1_500:], types)
    batches = [
        batch
        for load_id, found in enumerate(list_objects([str(folder)], FILLS.suffixes))
        for batch in RemoteObject.of(found, load_id).fills()
    ]
    table = pa.Table.from_batches(batches, FILL_SCHEMA)
    assert table.num_rows == 4_500
    return table.sort_by("time")


def positions(
    fills: pa.Table, slice_rows: int = 1_000_000, batch_rows: int = 400
) -> tuple[int, list[tuple[object, ...]]]:
    """Return distinct fills and the hours of positions, in the order of their key."""
    count, rows = 0, []
    batches = fills.to_batches(max_chunksize=batch_rows)
    for folded in fold_partition(batches, staged_query(), slice_rows):
        count += folded.fills
        for batch in folded.hours:
            rows += [tuple(row.values()) for row in batch.to_pylist()]
    return count, sorted(rows, key=str)


def test_a_fill_that_is_there_twice_counts_once(tape: pa.Table) -> None:
    first = tape.filter(pc.less(tape["arrival"], 1 << 32))
    assert first.num_rows == 3_000
    assert positions(tape) == positions(first)
    assert positions(tape)[0] == 3_000
    assert len(positions(tape)[1]) > 1_000


@pytest.mark.parametrize("slice_rows", [1, 7, 500])
def test_cuts_in_time_change_nothing(tape: pa.Table, slice_rows: int) -> None:
    assert positions(tape, slice_rows, batch_rows=11) == positions(tape)


def test_cuts_by_trader_change_nothing(tape: pa.Table) -> None:
    count, rows = 0, []
    for remainder in range(3):
        mine = pa.array(TRADERS[remainder::3])
        part = tape.filter(pc.is_in(tape["user_address"], mine))
        part_count, part_rows = positions(part)
        count += part_count
        rows += part_rows
    assert (count, sorted(rows, key=str)) == positions(tape)


def test_outcomes_are_left_out(tape: pa.Table) -> None:
    _, rows = positions(tape)
    assert {row[3] for row in rows} == {"BTC", "@142", "xyz:NVDA"}


def test_a_liquidation_is_that_of_the_trader_it_names(tmp_path: Path) -> None:
    liquidated = [
        {"liquidatedUser": TRADERS[1].upper().replace("X", "x")},
        {"liquidatedUser": TRADERS[2]},
        None,
    ]
    rows = [
        fill(number, user=TRADERS[1], liquidation=each)
        for number, each in enumerate(liquidated)
    ]
    path = parquet(tmp_path / "a.parquet", rows)
    [listed] = list_objects([str(path)], FILLS.suffixes)
    [batch] = RemoteObject.of(listed, load_id=1).fills()
    [found] = staged(pa.Table.from_batches([batch]), staged_query())
    assert found.column("fill_kind").to_pylist() == ["liquidation", "trade", "trade"]


def test_a_moment_is_never_cut() -> None:
    times = [1, 1, 2, 2, 2, 2, 3]

    def batches() -> Iterator[pa.RecordBatch]:
        for time in times:
            yield pa.RecordBatch.from_pydict({"time": [time]})

    for rows in range(1, 9):
        tables = [table["time"].to_pylist() for table in whole_moments(batches(), rows)]
        assert list(chain.from_iterable(tables)) == times
        assert all(a[-1] < b[0] for a, b in pairwise(tables))


def test_fills_out_of_order_are_refused(tape: pa.Table) -> None:
    backwards = tape.sort_by([("time", "descending")])
    with pytest.raises(ValueError, match="order of time"):
        positions(backwards)


def test_an_object_that_is_not_what_was_listed_is_named(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [fill(1)])
    [found] = list_objects([str(path)], FILLS.suffixes)
    listed = RemoteObject.of(found, load_id=1)
    parquet(path, [fill(1), fill(2)])
    with pytest.raises(ObjectError, match=r"a\.parquet: it changed"):
        list(listed.fills())
