"""Reading out of the server: every type, exactly, in any number of batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from pgio import copy_messages
from pgio.binary_rows import describe, read_rows
from pgio.connection import connect
from pgio.copy_out import read_batches, read_table
from pgio.libpq import find_libpq
from pgio.scaled import Scaled, scaled_column
from pgio.text_codes import TextCodes

pytestmark = pytest.mark.any_server


@pytest.fixture(scope="module", params=["libpq", "psycopg"])
def conn(
    request: pytest.FixtureRequest, server: dict[str, Any]
) -> Iterator[psycopg.Connection[Any]]:
    """A connection, read in both the ways there are."""
    with pytest.MonkeyPatch.context() as patch, connect(autocommit=True) as connection:
        if request.param == "psycopg":
            patch.setattr(copy_messages, "find_libpq", lambda: None)
        elif find_libpq() is None:
            pytest.skip("psycopg has no C extension here")
        yield connection


def one(conn: psycopg.Connection[Any], expression: str) -> Any:
    return read_table(conn, f"select {expression} as x")["x"][0].as_py()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("9223372036854775807::bigint", 2**63 - 1),
        ("(-9223372036854775808)::bigint", -(2**63)),
        ("-7::integer", -7),
        ("(-32768)::smallint", -32768),
        ("true", True),
        ("false", False),
        ("1.5e-300::float8", 1.5e-300),
        ("0.25::real", 0.25),
        ("''::text", ""),
        ("'žluť'::text", "žluť"),
        ("'ab'::varchar(10)", "ab"),
        ("'\\xdead'::bytea", b"\xde\xad"),
        (
            "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
        ("array['a', null]", "{a,NULL}"),
        ("date '1969-07-20'", dt.date(1969, 7, 20)),
        (
            "timestamptz '2024-02-29 12:00:00.000001+02'",
            dt.datetime(2024, 2, 29, 10, 0, 0, 1, tzinfo=dt.UTC),
        ),
        ("timestamp '1999-12-31 23:59:59'", dt.datetime(1999, 12, 31, 23, 59, 59)),
        ("null::numeric", None),
        ("null::text", None),
        ("null::bigint", None),
        ("null::boolean", None),
    ],
)  # fmt: skip
def test_each_type_arrives_as_it_is(
    conn: psycopg.Connection[Any], expression: str, expected: Any
) -> None:
    assert one(conn, expression) == expected


@pytest.mark.parametrize(
    "text",
    [
        "0", "0.000", "1", "-1", "10000", "100000000", "0.0001", "-0.00000001",
        "0.000000000000000001", "99999999999999999999.999999999999999999",
        "-99999999999999999999.999999999999999999", "12345.6789", "1000000000000000",
    ],
)  # fmt: skip
def test_numerics_are_exact(conn: psycopg.Connection[Any], text: str) -> None:
    assert one(conn, f"'{text}'::numeric") == Decimal(text)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.tuples(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(0, 18)),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_numeric_is_exact(conn: psycopg.Connection[Any], pairs: list[Any]) -> None:
    with localcontext() as context:
        context.prec = 60
        # 38 digits at scale 18: at most 20 before the point.
        values = [
            None
            if pair is None
            else Decimal(pair[0] % 10 ** (20 + pair[1])).scaleb(-pair[1])
            * (1 if pair[0] >= 0 else -1)
            for pair in pairs
        ]
    query = sql.SQL("select x::numeric from unnest({}::text[]) as t (x)").format(
        sql.Literal([None if v is None else format(v, "f") for v in values])
    )
    assert read_table(conn, query)["x"].to_pylist() == values


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("'NaN'::numeric", "NaN or infinity"),
        ("'-infinity'::numeric", "NaN or infinity"),
        ("'1e-19'::numeric", "more than 18 decimals"),
        ("'1e20'::numeric", "too many digits"),
        ("'1e60'::numeric", "too many digits"),
        ("'infinity'::timestamptz", "infinite date"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    conn: psycopg.Connection[Any], expression: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        one(conn, expression)
    assert "'x'" in str(raised.value)


def test_declared_scale_is_kept(conn: psycopg.Connection[Any]) -> None:
    table = read_table(conn, "select 1.5::numeric(38, 30) as a, 2::numeric(10, 0) as b")
    assert table.schema.types == [pa.decimal128(38, 30), pa.decimal128(10, 0)]
    assert table.to_pylist() == [{"a": Decimal("1.5"), "b": Decimal(2)}]


@pytest.mark.parametrize("batch_rows", [1, 7, 100, 1000])
def test_batches_add_up(conn: psycopg.Connection[Any], batch_rows: int) -> None:
    query = """
        select
            i::bigint as i,
            nullif(i % 3, 0)::numeric / 8 as n,
            repeat('x', i % 5) as s
        from generate_series(1, 100) as t (i);
    """
    batches = list(read_batches(conn, query, batch_rows))
    assert all(len(batch) == batch_rows for batch in batches[:-1])
    table = pa.Table.from_batches(batches)
    assert table["i"].to_pylist() == list(range(1, 101))
    assert table["s"].to_pylist() == ["x" * (i % 5) for i in range(1, 101)]
    assert table["n"].to_pylist() == [
        None if i % 3 == 0 else Decimal(i % 3) / 8 for i in range(1, 101)
    ]


def test_an_empty_result_has_its_schema(conn: psycopg.Connection[Any]) -> None:
    table = read_table(conn, "select 1::bigint as a, 'x'::text as b where false")
    assert table.num_rows == 0
    assert table.schema.names == ["a", "b"]


def test_a_server_error_in_the_middle_is_raised(conn: psycopg.Connection[Any]) -> None:
    query = "select 1 / (5000 - i) as x from generate_series(1, 10000) as t (i)"
    with pytest.raises(psycopg.errors.DivisionByZero):
        read_table(conn, query)
    assert one(conn, "1") == 1


def test_stopping_early_leaves_the_connection_usable(
    conn: psycopg.Connection[Any],
) -> None:
    batches = read_batches(conn, "select i from generate_series(1, 3000000) as t (i)")
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert one(conn, "1") == 1


def test_inside_a_transaction(conn: psycopg.Connection[Any]) -> None:
    with conn.transaction():
        conn.execute("create temporary table copy_out_t (a bigint) on commit drop")
        conn.execute("insert into copy_out_t values (1), (2)")
        assert read_table(conn, "select a from copy_out_t")["a"].to_pylist() == [1, 2]


def test_rows_larger_than_the_buffer(conn: psycopg.Connection[Any]) -> None:
    query = """
        select repeat('x', 100000 * (i % 4)) || i as s
        from generate_series(1, 40) as t (i)
    """
    expected = ["x" * (100_000 * (i % 4)) + str(i) for i in range(1, 41)]
    for batch_rows in (1, 3, 1000):
        batches = read_batches(conn, query, batch_rows)
        assert pa.Table.from_batches(batches)["s"].to_pylist() == expected


def test_places_of_the_values(conn: psycopg.Connection[Any]) -> None:
    query = "select 'ab'::text as a, null::text as b"
    (rows,) = read_rows(conn, query, describe(conn, query))
    at = rows.starts[rows.index("a"), 0]
    assert bytes(rows.data[at : at + 2]) == b"ab"
    assert rows.lengths[:, 0].tolist() == [2, -1]
    with pytest.raises(KeyError):
        rows.index("c")


def test_text_codes_are_the_same_in_every_batch(conn: psycopg.Connection[Any]) -> None:
    query = """
        select nullif('text number ' || (i * 7919) % 3001, 'text number 5') as x
        from generate_series(1, 20000) as t (i)
    """
    codes = TextCodes()
    encoded: list[int] = []
    for rows in read_rows(conn, query, describe(conn, query), 1_000):
        encoded += codes.encode_column(rows, "x").tolist()
    texts = codes.values()
    assert len(set(texts)) == len(texts) == len(codes) == 3000
    assert codes.to_arrow().to_pylist() == texts
    decoded = [None if code < 0 else texts[code] for code in encoded]
    assert decoded == read_table(conn, query)["x"].to_pylist()
    assert codes.encode(["", texts[7], None, "ž"]).tolist() == [3000, 7, -1, 3001]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.tuples(
                st.one_of(st.integers(-(2**63), 2**63), st.integers(-(10**70), 10**70)),
                st.integers(-20, 45),
            ),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_numeric_scales_exactly(
    conn: psycopg.Connection[Any], pairs: list[Any]
) -> None:
    values = [None if p is None else Decimal(f"{p[0]}E{-p[1]}") for p in pairs]
    query = sql.SQL("select x::numeric from unnest({}::text[]) as t (x)").format(
        sql.Literal([None if v is None else format(v, "f") for v in values])
    )
    (rows,) = read_rows(conn, query, describe(conn, query))
    column = scaled_column(rows, "x")
    assert [column.decimal(row) for row in range(len(column))] == values
    again = Scaled.from_decimals(values)
    assert again.mantissa.tolist() == column.mantissa.tolist()
    assert again.scale.tolist() == column.scale.tolist()
    assert dict(again.large) == dict(column.large)
    both = Scaled.concat([column, again])
    assert [both.decimal(row) for row in range(len(both))] == values + values


def test_scaled_refuses_nan(conn: psycopg.Connection[Any]) -> None:
    query = "select 'NaN'::numeric as x"
    (rows,) = read_rows(conn, query, describe(conn, query))
    with pytest.raises(ValueError, match="'x' holds NaN"):
        scaled_column(rows, "x")
