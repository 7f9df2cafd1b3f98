"""Results in the same order are cut at the same places, and no trader in two."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_jobs.lib.profiles.ordered_rows import cut_alike

SCHEMA = pa.schema([("user_address", pa.string()), ("n", pa.int64())])
# A collation other than the code points' would put these in another order.
KEYS = st.sampled_from(["0xAA", "0xZZ", "0xaa", "0xaB", "0xé", "_"])


def batches(keys: list[str], size: int) -> list[pa.RecordBatch]:
    """Rows in order of key, `size` in a batch; an empty batch where there is none."""
    table = pa.table({"user_address": sorted(keys), "n": range(len(keys))}, SCHEMA)
    return table.to_batches(max_chunksize=size) or [
        pa.RecordBatch.from_pylist([], SCHEMA)
    ]


@settings(deadline=None)
@given(
    st.lists(st.lists(KEYS, max_size=30), min_size=1, max_size=4),
    st.integers(1, 5),
    st.integers(1, 40),
)
def test_all_rows_come_once_and_each_key_in_one_part(
    results: list[list[str]], size: int, batch_rows: int
) -> None:
    parts = list(cut_alike([batches(keys, size) for keys in results], batch_rows))
    for number, keys in enumerate(results):
        rows = [row for part in parts for row in part[number].to_pylist()]
        assert [row["n"] for row in rows] == list(range(len(keys)))
        assert [row["user_address"] for row in rows] == sorted(keys)
    seen = [
        {key for table in part for key in table["user_address"].to_pylist()}
        for part in parts
    ]
    assert all(seen)
    assert sum(map(len, seen)) == len(set().union(*seen))


@pytest.mark.parametrize("batch_rows", [50, 200])
def test_what_is_held_stays_near_the_rows_wanted(batch_rows: int) -> None:
    keys = [f"{number:04d}" for number in range(1000) for _ in range(3)]
    parts = list(cut_alike([batches(keys, 10), batches(keys[::2], 10)], batch_rows))
    sizes = [sum(map(len, part)) for part in parts]
    assert len(sizes) > 4500 / batch_rows / 2
    assert max(sizes) <= batch_rows + 2 * 10
