"""Decimals of fills from a file, exactly."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.arrow_fills import scaled_texts

#: What the loader lets through: 20 digits before the point, 18 behind it.
plain_decimals = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,18})?", fullmatch=True),
    st.from_regex(r"[+-]?\.[0-9]{1,18}", fullmatch=True),
)


@given(st.lists(st.none() | plain_decimals, min_size=1))
def test_decimals_come_out_exactly(texts: list[str | None]) -> None:
    batch = pa.RecordBatch.from_pydict({"px": pa.array(["0", *texts], pa.string())})
    found = scaled_texts(batch.slice(1), "px")
    expected = [None if text is None else Decimal(text) for text in texts]
    assert [found.decimal(row) for row in range(len(found))] == expected
    # No trailing zeros: the fold compares scales.
    assert all(
        found.exact(row)[0] % 10 for row in range(len(found)) if found.exact(row)[1]
    )


@pytest.mark.parametrize("text", ["", ".", "-", "1e5", "NaN", "1.2.3", "1 ", "٣"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    batch = pa.RecordBatch.from_pydict({"px": ["1.5", text]})
    with pytest.raises(ValueError, match="'px'"):
        scaled_texts(batch, "px")
