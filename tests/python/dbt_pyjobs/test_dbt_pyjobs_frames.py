"""Data frames in and out of Python models, on the real server."""

from __future__ import annotations

import datetime as dt
import importlib.util
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pgio.connection import PROJECT_DIR

pytestmark = pytest.mark.any_server

if TYPE_CHECKING:
    from pyjobs_project import PyJobsProject

pytest_plugins = ["pyjobs_project"]

PAGE = PROJECT_DIR / "docs" / "python_models.md"

FILLS = """
    select *
    from (
        values
            (1::bigint, 'BTC', 12345678901234567890.123456789012345678::numeric,
                9007199254740993::bigint, '2025-09-01 12:00+00'::timestamptz),
            (2, 'BTC', 0.000000000000000001, null, '2025-09-02 12:00+00'),
            (3, 'ETH', 2.5, 7, null)
    ) as fills (id, coin, amount, tid, filled_at)
"""


def sql_model(project: PyJobsProject, name: str, query: str) -> None:
    """Write an SQL model that is built as a table."""
    (project.folder / "models" / f"{name}.sql").write_text(
        "{{ config(materialized='table') }}\n" + query
    )


def test_pandas_goes_in_and_comes_out_exactly(project: PyJobsProject) -> None:
    sql_model(project, "fills", FILLS)
    project.model(
        "sums",
        """
        fills = dbt.ref("fills").to_pandas()
        sums = fills.groupby("coin").agg(
            amount=("amount", "sum"), tid=("tid", "max"), last=("filled_at", "max")
        )
        sums["day"] = sums["last"].dt.date
        return sums.drop(columns="last")
        """,
        "coin text!; amount numeric; tid bigint; day date",
        "materialized: table\nunique_key: coin",
    )
    assert project.built()["sums"] == "CREATED 2"
    assert project.rows("select * from {s}.sums order by coin") == [
        (
            "BTC",
            Decimal("12345678901234567890.123456789012345679"),
            2**53 + 1,
            dt.date(2025, 9, 2),
        ),
        ("ETH", Decimal("2.5"), 7, None),
    ]


def test_columns_of_a_relation(project: PyJobsProject) -> None:
    sql_model(project, "fills", FILLS)
    for name, method in (("arrow", "to_arrow"), ("pandas", "to_pandas")):
        project.model(
            name,
            f"return dbt.ref('fills').{method}(columns=['coin', 'id'])",
            "id bigint; coin text",
            "materialized: table",
        )
        assert project.built("--select", f"+{name}")[name] == "CREATED 3"
        assert project.rows(f"select * from {{s}}.{name} order by id") == [
            (1, "BTC"),
            (2, "BTC"),
            (3, "ETH"),
        ]


def test_a_source_has_frames_too(project: PyJobsProject) -> None:
    project.connection.execute(
        f"create table {project.schema}.raw (id bigint, price numeric)"
    )
    project.connection.execute(f"insert into {project.schema}.raw values (1, 0.10)")
    (project.folder / "models" / "sources.yml").write_text(
        "sources:\n"
        f"  - {{name: shop, schema: {project.schema}, tables: [{{name: raw}}]}}\n"
    )
    project.model(
        "prices",
        "return dbt.source('shop', 'raw').to_pandas()",
        "id bigint; price numeric",
        "materialized: table",
    )
    project.built()
    assert project.rows("select * from {s}.prices") == [(1, Decimal("0.10"))]


def test_pandas_own_types(project: PyJobsProject) -> None:
    project.model(
        "kinds",
        """
        import numpy as np
        import pandas as pd
        at = pd.Timestamp("2025-09-01 12:00:00.123456", tz="UTC")
        return pd.DataFrame({
            "id": [1, 2],
            "maybe": [7, None],
            "amount": [decimal.Decimal("1.5"), None],
            "ratio": [0.25, float("nan")],
            "note": ["a", None],
            "at": [at, None],
            "day": [at.date(), None],
            "doc": [{"a": 1}, {"b": [2]}],
            "tags": [["x", "y"], None],
            "near": [np.array([0.5, 1.0], "f4"), None],
            "kind": pd.Categorical(["x", "y"]),
        }, index=[5, 3])
        """,
        "id bigint; maybe integer; amount numeric; ratio double precision; note text; "
        "at timestamptz; day date; doc jsonb; tags text[]; near real[]; kind text",
        "materialized: incremental\nunique_key: id",
    )
    assert project.built() == {"kinds": "CREATED 2"}
    at = dt.datetime(2025, 9, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)
    assert project.rows("select * from {s}.kinds order by id") == [
        (
            1,
            7,
            Decimal("1.5"),
            0.25,
            "a",
            at,
            at.date(),
            {"a": 1},
            ["x", "y"],
            [0.5, 1.0],
            "x",
        ),
        # As JSON, and not as a struct, an object has only the names of its own.
        (2, None, None, None, None, None, None, {"b": [2]}, None, None, "y"),
    ]
    assert project.built() == {"kinds": "CHANGED 0"}


def test_changes_take_frames(project: PyJobsProject) -> None:
    project.model(
        "facts",
        """
        import pandas as pd
        if not dbt.is_incremental:
            return pd.DataFrame({"id": [1, 2], "note": ["a", "b"]})
        return Changes(
            rows=pd.DataFrame({"id": [3], "note": ["c"]}),
            deletes=pd.DataFrame({"id": [1]}),
        )
        """,
        "id bigint; note text",
        "materialized: incremental\nunique_key: id",
    )
    assert project.built() == {"facts": "CREATED 2"}
    assert project.built() == {"facts": "CHANGED 2"}
    assert project.rows("select * from {s}.facts order by id") == [(2, "b"), (3, "c")]


def test_an_empty_frame_is_an_empty_table(project: PyJobsProject) -> None:
    project.model(
        "nothing",
        "import pandas as pd\nreturn pd.DataFrame({'id': [], 'note': []})",
        "id bigint; note text",
        "materialized: table",
    )
    assert project.built() == {"nothing": "CREATED 0"}


@pytest.mark.skipif(
    importlib.util.find_spec("polars") is None, reason="polars is not installed"
)
def test_polars_goes_in_and_comes_out(project: PyJobsProject) -> None:
    sql_model(project, "fills", FILLS)
    project.model(
        "sums",
        """
        import polars as pl
        fills = pl.from_arrow(dbt.ref("fills").to_arrow())
        return fills.group_by("coin").agg(
            pl.col("amount").sum(), pl.col("tid").max(), pl.col("filled_at").max(),
            pl.col("coin").alias("coins"), kind=pl.lit("x", pl.Categorical),
        )
        """,
        "coin text!; amount numeric; tid bigint; filled_at timestamptz; coins text[]; "
        "kind text",
        "materialized: table\nunique_key: coin",
    )
    assert project.built()["sums"] == "CREATED 2"
    assert project.rows("select * from {s}.sums order by coin") == [
        (
            "BTC",
            Decimal("12345678901234567890.123456789012345679"),
            2**53 + 1,
            dt.datetime(2025, 9, 2, 12, tzinfo=dt.UTC),
            ["BTC", "BTC"],
            "x",
        ),
        ("ETH", Decimal("2.5"), 7, None, ["ETH"], "x"),
    ]


@pytest.mark.parametrize(
    ("frame", "columns", "parts"),
    [
        (
            "{'id': [1, 2, 3.5]}",
            "id bigint",
            ["column 'id', row 3, value 3.5", "double does not fit bigint"],
        ),
        (
            "{'id': [1, 2], 'price': [None, 0.1]}",
            "id bigint; price numeric",
            ["column 'price', row 2, value 0.1", "does not fit numeric"],
        ),
        (
            "{'id': [1, 'two', 3]}",
            "id bigint",
            ["column 'id', row 2, value 'two'", "does not fit bigint"],
        ),
        (
            "{'id': [1, 2], 'note': ['a', 7]}",
            "id bigint; note text",
            ["column 'note', row 2, value 7", "does not fit text"],
        ),
        (
            "{'id': [1], 'doc': [{'a': decimal.Decimal(1)}]}",
            "id bigint; doc jsonb",
            ["column 'doc', row 1, value {'a': Decimal('1')}", "does not fit jsonb"],
        ),
        (
            "{'id': [1], 'at': [dt.datetime(2025, 9, 1)]}",
            "id bigint; at timestamptz",
            ["column 'at', row 1, value", "does not fit timestamptz", "no time zone"],
        ),
    ],
)
def test_a_wrong_value_is_named(
    project: PyJobsProject, frame: str, columns: str, parts: list[str]
) -> None:
    project.model(
        "facts",
        f"import pandas as pd\nreturn pd.DataFrame({frame})",
        columns,
        "materialized: table",
    )
    message = project.error()
    for part in ["facts", *parts]:
        assert part in message
    assert project.tables() == set()


@pytest.mark.parametrize(
    ("value", "last", "reason"),
    [
        ("7.5", "9", "column 'id', row 7, value 7.5: double does not fit bigint"),
        ("7.0", "'nine'", "column 'id', row 9, value 'nine': does not fit bigint"),
    ],
)
def test_rows_are_counted_over_batches_and_frames(
    project: PyJobsProject, value: str, last: str, reason: str
) -> None:
    project.model(
        "facts",
        """
        import pandas as pd
        yield pa.record_batch({"id": [1, 2]})
        yield pd.DataFrame({"id": [3.0, None]})
        yield pa.table({"id": pa.array([5.0, None, VALUE])})
        yield pd.DataFrame({"id": [8, LAST]})
        return
        """.replace("VALUE", value).replace("LAST", last),
        "id bigint",
        "materialized: table",
    )
    assert reason in project.error()


def test_a_key_in_the_index_that_yaml_lacks_is_named(project: PyJobsProject) -> None:
    project.model(
        "facts",
        """
        import pandas as pd
        return pd.DataFrame({"id": [1], "day": [2]}).set_index("day")
        """,
        "id bigint",
        "materialized: table",
    )
    assert "column 'day' in the result but not declared" in project.error()


def test_the_page_on_python_models(project: PyJobsProject) -> None:
    sql_model(
        project,
        "coin_daily",
        """
        select *
        from (
            values ('BTC', date '2025-09-01', 30.5::numeric),
                ('BTC', date '2025-09-02', 10.25), ('ETH', date '2025-09-01', 7)
        ) as days (coin, day, volume)
        """,
    )
    blocks = re.findall(
        r"^```\w+ (\S+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.S | re.M
    )
    models = project.folder / "models"
    for name, text in blocks:
        (models / name).write_text(text)
    (models / "groups.yml").write_text(
        "groups: [{name: traders, owner: {name: a, email: a@example.com}}]\n"
    )
    assert project.built()["coin_concentration"] == "CREATED 2"
    assert project.rows(
        "select coin, day_count, volume, largest_share"
        " from analytics.coin_concentration order by coin"
    ) == [
        ("BTC", 2, Decimal("40.75"), 30.5 / 40.75),
        ("ETH", 1, Decimal("7"), 1.0),
    ]
