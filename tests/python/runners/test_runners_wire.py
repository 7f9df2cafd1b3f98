"""Fills from a file, written as the server would have sent them."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgio.scaled import scaled_column
from pgio.text_codes import TextCodes
from python_jobs.lib.fold.fills import integers
from runners.wire import wire_rows

#: What the loader lets through: 20 digits before the point, 18 behind it.
plain_decimals = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,18})?", fullmatch=True),
    st.from_regex(r"[+-]?\.[0-9]{1,18}", fullmatch=True),
)


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.none() | plain_decimals, min_size=1))
def test_decimals_come_out_exactly(texts: list[str | None]) -> None:
    batch = pa.RecordBatch.from_pydict({"px": pa.array(texts, pa.string())})
    found = scaled_column(wire_rows(batch, ["px"]), "px")
    expected = [None if text is None else Decimal(text) for text in texts]
    assert [found.decimal(row) for row in range(len(found))] == expected


@pytest.mark.parametrize("text", ["", ".", "-", "1e5", "NaN", "1.2.3", "1 ", "٣"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    batch = pa.RecordBatch.from_pydict({"px": ["1.5", text]})
    with pytest.raises(ValueError, match="'px'"):
        wire_rows(batch, ["px"])


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1), st.none() | st.booleans(), st.text()
        ),
        min_size=2,
    )
)
def test_other_columns_and_slices(rows: list[tuple[int, bool | None, str]]) -> None:
    numbers, flags, texts = map(list, zip(*rows, strict=True))
    batch = pa.RecordBatch.from_pydict(
        {
            "number": pa.array(numbers, pa.int64()),
            "flag": pa.array(flags, pa.bool_()),
            "text": pa.array(texts, pa.string()),
        }
    ).slice(1)
    wire = wire_rows(batch, [])
    assert integers(wire, "number").tolist() == numbers[1:]
    assert integers(wire, "flag", null=7).tolist() == [
        7 if flag is None else int(flag) for flag in flags[1:]
    ]
    codes = TextCodes()
    encoded = codes.encode_column(wire, "text")
    assert [codes.values()[code] for code in encoded] == texts[1:]
