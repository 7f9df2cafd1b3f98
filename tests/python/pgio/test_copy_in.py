"""Arrow into COPY: types exactly, errors where they belong, bounded read-ahead."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgio.connection import connect
from pgio.copy_in import copy_batches
from pgio.prefetch import prefetch

pytestmark = pytest.mark.any_server

UTC = dt.UTC


@pytest.fixture(scope="module")
def conn(server: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    with connect() as conn:
        yield conn
        conn.rollback()


@pytest.fixture(autouse=True)
def _clean(conn: psycopg.Connection[Any]) -> Iterator[None]:
    yield
    conn.rollback()


def round_trip(
    conn: psycopg.Connection[Any], kind: str, array: pa.Array
) -> list[object]:
    conn.execute(f"create temporary table t (row_id int, value {kind}) on commit drop")
    numbers = pa.array(range(len(array)), pa.int32())
    batch = pa.RecordBatch.from_arrays([numbers, array], names=["row_id", "value"])
    assert copy_batches(conn, "t", [batch]) == len(array)
    rows = conn.execute("select value from t order by row_id").fetchall()
    conn.execute("drop table t")
    return [value for (value,) in rows]


CASES: list[tuple[str, pa.Array, list[Any] | None]] = [
    ("text", pa.array(["", None, "NULL", "\\N", "\\.", 'a"b', "x,\r\ny", "é "]), None),
    ("text", pa.array(["a", None], pa.large_string()), None),
    ("text", pa.array(["a", None, "b"], pa.string_view()), None),
    ("text", pa.array(["a", None, "a"]).dictionary_encode(), None),
    ("bigint", pa.array([2**63 - 1, -(2**63), None]), None),
    ("boolean", pa.array([True, False, None]), None),
    ("float8", pa.array([0.1, 5e-324, 1.7976931348623157e308, float("-inf")]), None),
    ("date", pa.array([dt.date(1969, 12, 31), None, dt.date(2025, 2, 28)]), None),
    (
        "numeric",
        pa.array(
            [Decimal("1E-18"), Decimal("-12345678901234567890.123"), None, Decimal(0)],
            pa.decimal128(38, 18),
        ),
        None,
    ),
    (
        "timestamptz",
        pa.array([1_756_684_800_123, None, -1], pa.timestamp("ms", "UTC")),
        [
            dt.datetime(2025, 9, 1, 0, 0, 0, 123_000, UTC),
            None,
            dt.datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC),
        ],
    ),
    (
        "timestamptz",
        pa.array([1_756_684_800_000_001], pa.timestamp("us", "Asia/Tokyo")),
        [dt.datetime(2025, 9, 1, 0, 0, 0, 1, UTC)],
    ),
    (
        "timestamp",
        pa.array([1_756_684_800_000_001_000], pa.timestamp("ns")),
        [dt.datetime(2025, 9, 1, 0, 0, 0, 1)],
    ),
    ("jsonb", pa.array(['{"a": "b,\\"c\\""}', None]), [{"a": 'b,"c"'}, None]),
]


@pytest.mark.parametrize(("kind", "array", "expected"), CASES)
def test_values_come_back(
    conn: psycopg.Connection[Any],
    kind: str,
    array: pa.Array,
    expected: list[Any] | None,
) -> None:
    want = array.to_pylist() if expected is None else expected
    assert round_trip(conn, kind, array) == want


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.none()
        | st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=20)
    )
)
def test_any_text_comes_back(values: list[str | None]) -> None:
    with connect() as conn:
        assert round_trip(conn, "text", pa.array(values, pa.string())) == values
        conn.rollback()


def test_single_column_of_nulls(conn: psycopg.Connection[Any]) -> None:
    conn.execute("create temporary table t (a text) on commit drop")
    batch = pa.RecordBatch.from_pydict({"a": pa.array([None, None], pa.string())})
    assert copy_batches(conn, "t", [batch]) == 2
    assert conn.execute("select count(*) from t where a is null").fetchone() == (2,)


def test_columns_choose_and_order(conn: psycopg.Connection[Any]) -> None:
    conn.execute('create temporary table t (a int, "B b" int, c int) on commit drop')
    batch = pa.RecordBatch.from_pydict({"c": [3], "x": [9], "B b": [2]})
    copy_batches(conn, "t", [batch], columns=["B b", "c"])
    assert conn.execute("select * from t").fetchall() == [(None, 2, 3)]


def test_no_batches_and_empty_batches(conn: psycopg.Connection[Any]) -> None:
    conn.execute("create temporary table t (a int) on commit drop")
    assert copy_batches(conn, "t", []) == 0
    empty = pa.RecordBatch.from_pydict({"a": pa.array([], pa.int32())})
    assert copy_batches(conn, "t", [empty, empty]) == 0


def test_many_batches_through_a_schema(conn: psycopg.Connection[Any]) -> None:
    conn.execute("create schema copy_in_test")
    conn.execute("create table copy_in_test.numbers (a bigint)")
    batches = (
        pa.RecordBatch.from_pydict({"a": range(start, start + 10_000)})
        for start in range(0, 200_000, 10_000)
    )
    assert copy_batches(conn, "copy_in_test.numbers", batches) == 200_000
    assert conn.execute("select sum(a) from copy_in_test.numbers").fetchone() == (
        199_999 * 100_000,
    )


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1]]),
        pa.array([b"x"]),
        pa.array([{"a": 1}]),
        pa.array([1], "duration[s]"),
    ],
)
def test_types_without_text_are_refused(
    conn: psycopg.Connection[Any], array: pa.Array
) -> None:
    conn.execute("create temporary table t (a text) on commit drop")
    with pytest.raises(TypeError, match=r"column 'a' is .*cast it to a string"):
        copy_batches(conn, "t", [pa.RecordBatch.from_arrays([array], names=["a"])])


def test_lossy_nanoseconds_are_refused(conn: psycopg.Connection[Any]) -> None:
    conn.execute("create temporary table t (a timestamptz) on commit drop")
    array = pa.array([1], pa.timestamp("ns", "UTC"))
    with pytest.raises(pa.ArrowInvalid, match="lose data"):
        copy_batches(conn, "t", [pa.RecordBatch.from_arrays([array], names=["a"])])


def test_server_error_in_a_savepoint(conn: psycopg.Connection[Any]) -> None:
    conn.execute("create temporary table t (a int primary key) on commit drop")
    batch = pa.RecordBatch.from_pydict({"a": [1, 1]})
    with pytest.raises(psycopg.errors.UniqueViolation), conn.transaction():
        copy_batches(conn, "t", [batch])
    assert copy_batches(conn, "t", [batch.slice(0, 1)]) == 1


def test_error_of_the_iterator_is_raised_and_nothing_stays(
    conn: psycopg.Connection[Any],
) -> None:
    conn.execute("create temporary table t (a int) on commit drop")

    def failing() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pydict({"a": [1]})
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"), conn.transaction():
        copy_batches(conn, "t", failing())
    assert conn.execute("select count(*) from t").fetchone() == (0,)


def test_prefetch_is_bounded_and_stops() -> None:
    made: list[int] = []
    closed = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            for number in range(1_000):
                made.append(number)
                yield number
        finally:
            closed.set()

    with prefetch(numbers(), depth=3) as items:
        assert next(items) == 0
        time.sleep(0.05)
        assert len(made) <= 5
    assert closed.is_set()  # its thread has ended
    assert len(made) <= 5


def test_prefetch_keeps_order_and_place_of_an_error() -> None:
    def numbers() -> Iterator[int]:
        yield from range(10)
        raise ValueError("eleven")

    seen: list[int] = []

    def consume() -> None:
        with prefetch(numbers()) as items:
            seen.extend(items)

    with pytest.raises(ValueError, match="eleven"):
        consume()
    assert seen == list(range(10))
