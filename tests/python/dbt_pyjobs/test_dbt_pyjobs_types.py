"""Arrow to PostgreSQL by the declared type: exactly, or refused by name."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from dbt_pyjobs.column_types import CastError, cast_for

pytestmark = pytest.mark.any_server

if TYPE_CHECKING:
    from pyjobs_project import PyJobsProject

pytest_plugins = ["pyjobs_project"]

UTC = dt.UTC
NOON = dt.datetime(2025, 9, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_round_trip(project: PyJobsProject) -> None:
    project.model(
        "kinds",
        """
        utc = dt.timezone.utc
        at = dt.datetime(2025, 9, 1, 12, 0, 0, 123456, tzinfo=utc)
        amounts = [decimal.Decimal("12345678901234567890.123456789012345678"), None]
        return pa.table({
            "id": [1, 2],
            "small": pa.array([7, None], pa.int16()),
            "amount": pa.array(amounts, pa.decimal128(38, 18)),
            "price": pa.array([decimal.Decimal("1.5"), None], pa.decimal128(5, 1)),
            "ratio": [0.1, float("nan")],
            "flag": [True, None],
            "note": ["it's, \\"quoted\\"\\n\\\\N", ""],
            "at": pa.array([at, None], pa.timestamp("us", "Europe/Berlin")),
            "naive": pa.array([at.replace(tzinfo=None), None], pa.timestamp("ns")),
            "day": [dt.date(2025, 9, 1), None],
            "doc": pa.array([{"a": [1, None], "b": "x"}, None]),
            "raw": ['{"k": 1}', None],
            "tags": [["a", 'b"c', None, "", "{}", "d\\\\e"], None],
            "ids": pa.array([[1, 2], []], pa.list_(pa.int32())),
            "blob": pa.array([b"\\x00\\xff", None]),
            "span": pa.array([1_500_000, None], pa.duration("us")),
            "class": pa.array(["x", "y"]).dictionary_encode(),
            "gone": pa.nulls(2),
        })
        """,
        "id bigint!; small smallint; amount numeric; price numeric(18, 8); "
        "ratio double precision; flag boolean; note text; at timestamptz; "
        "naive timestamp; day date; doc jsonb; raw json; tags text[]; ids bigint[]; "
        "blob bytea; span interval; class varchar(5); gone uuid",
        "materialized: incremental\nunique_key: id",
    )
    assert project.built() == {"kinds": "CREATED 2"}
    first, second = project.rows("select * from {s}.kinds order by id")
    assert first == (
        1,
        7,
        Decimal("12345678901234567890.123456789012345678"),
        Decimal("1.50000000"),
        0.1,
        True,
        'it\'s, "quoted"\n\\N',
        NOON,
        NOON.replace(tzinfo=None),
        dt.date(2025, 9, 1),
        {"a": [1, None], "b": "x"},
        {"k": 1},
        ["a", 'b"c', None, "", "{}", "d\\e"],
        [1, 2],
        b"\x00\xff",
        dt.timedelta(seconds=1.5),
        "x",
        None,
    )
    assert second[6] == ""
    assert second[13] == []
    assert second[12] is None
    assert project.rows(
        "select format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = '{s}.kinds'::regclass and attname = 'price'"
    ) == [("numeric(18,8)",)]
    # Every type compares equal with itself: json has no equality, NaN equals NaN.
    assert project.built() == {"kinds": "CHANGED 0"}


@pytest.mark.parametrize(
    ("data_type", "values", "expected"),
    [
        ("bigint", pa.array([1.0, None]), [1, None]),
        ("integer", pa.array([Decimal("4.00")]), [4]),
        ("double precision", pa.array([3]), [3.0]),
        ("real", pa.array([0.5, float("nan"), None]), [0.5, float("nan"), None]),
        ("numeric", pa.array([5]), [5]),
        ("numeric",
         pa.array(map(Decimal, ("12e2", "-1.5", "0", "1e-18")), pa.decimal128(38, 18)),
         ["1200", "-1.5", "0", "1E-18"]),
        ("numeric", pa.array([Decimal("100"), None]), ["100", None]),
        ("numeric(60, 2)", pa.array([Decimal("1.50")]), [Decimal("1.50")]),
        ("character varying(3)", pa.array(["a"]), ["a"]),
        ("timestamp(3) with time zone", pa.array([NOON.replace(microsecond=5000)]),
         [NOON.replace(microsecond=5000)]),
        ("vector(2)", pa.array([[0.5, 1.0], None], pa.list_(pa.float32(), 2)),
         ["[0.5,1]", None]),
        ("public.halfvec(2)", pa.array([[1.5, -2.0]]), ["[1.5,-2]"]),
        ("boolean[]", pa.array([[True, None]]), ['{"true",NULL}']),
        ("time", pa.array([dt.time(1, 2, 3)]), [dt.time(1, 2, 3)]),
    ],
)  # fmt: skip
def test_fits(data_type: str, values: pa.Array, expected: list[Any]) -> None:
    got = cast_for(data_type)(values).to_pylist()
    # By text: NaN is not equal to itself.
    assert list(map(str, got)) == list(map(str, expected))


@pytest.mark.parametrize(
    ("data_type", "values", "reason"),
    [
        ("bigint", pa.array([1.5]), "truncated"),
        ("bigint", pa.array(["1"]), "give it as int64"),
        ("bigint", pa.array([True]), "give it as int64"),
        ("bigint", pa.array([2**63], pa.uint64()), "not in range"),
        ("integer", pa.array([2**31]), "not in range"),
        ("double precision", pa.array([2**53 + 1]), "not in range"),
        ("double precision", pa.array([Decimal("0.1")]), "lose digits"),
        ("real", pa.array([0.1]), "lose digits"),
        ("numeric", pa.array([0.1]), "only decimals"),
        ("numeric(18, 8)", pa.array([Decimal("0.123456789")]), "data loss"),
        ("numeric(4, 2)", pa.array([Decimal("123.45")]), "fit in precision"),
        ("text", pa.array([1]), "give it as text"),
        ("boolean", pa.array([1]), "give it as bool"),
        ("timestamptz", pa.array([NOON.replace(tzinfo=None)]), "no time zone"),
        ("timestamp", pa.array([NOON]), "carry a time zone"),
        ("timestamptz", pa.array([1], pa.timestamp("ns", "UTC")), "lose data"),
        ("timestamptz(3)", pa.array([NOON]), "more than 3 digits"),
        ("timestamptz", pa.array([1_756_684_800_000]), "give it as a timestamp"),
        ("date", pa.array([NOON]), "give it as date32"),
        ("vector(2)", pa.array([[0.5, None]]), "no null elements"),
        ("bigint[]", pa.array([[0.5]]), "truncated"),
    ],
)  # fmt: skip
def test_lossy_is_refused(data_type: str, values: pa.Array, reason: str) -> None:
    with pytest.raises(CastError, match=reason):
        cast_for(data_type)(values)


@pytest.mark.parametrize("data_type", ["bigint[][]", "no(such", "numeric(a)"])
def test_unreadable_types_are_refused(data_type: str) -> None:
    with pytest.raises(CastError):
        cast_for(data_type)


def test_slices_and_empty_lists_keep_their_places() -> None:
    lists = pa.array([["a"], None, [], ["b", "c"], ["d"]]).slice(1, 3)
    assert cast_for("text[]")(lists).to_pylist() == [None, "{}", '{"b","c"}']


def test_a_dbt_command_without_a_python_model_does_without_numba() -> None:
    # It takes a third of a second to load, and dbt loads plugins before anything else.
    code = "import sys, dbt_pyjobs; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
