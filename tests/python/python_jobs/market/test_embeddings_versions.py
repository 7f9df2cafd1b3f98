"""Versions through dbt: scales that are frozen, versions side by side, dimensions."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from btc_candles import EVENING, HOUR, MIDNIGHT, between
from embedding_project import SEARCH, EmbeddingProject

pytest_plugins = ["embedding_database"]


def test_scales_wait_for_their_range_and_are_then_frozen(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    project.variables = {
        "embedding_training_range": {
            "name": "first_hour",
            "from": "2025-01-01T22:00:00Z",
            "to": "2025-01-01T23:00:00Z",
        },
        "embedding_training_min_windows": 50,
    }
    project.load(between(candles, EVENING, EVENING + HOUR - 60))
    assert project.build()["btc_feature_scales"] == "CREATED 0"
    assert project.embeddings() == {}
    assert project.build()["btc_embeddings"] == "CHANGED 0 (nothing new)"
    project.load(between(candles, EVENING + HOUR - 60, EVENING + 2 * HOUR))
    assert project.build()["btc_feature_scales"] == "CHANGED 14"
    assert len(project.embeddings()) == 115
    [scale] = project.rows(
        "select position, scale, window_count, training_to from "
        "signals.btc_feature_scales where feature = 'trade_count'"
    )
    assert (scale[0], scale[2]) == (7, 56)
    assert scale[3].timestamp() == EVENING + HOUR
    # Late trades inside the range change vectors, not scales.
    late = between(candles, EVENING + 600, EVENING + 700)
    counts = pc.multiply(late["trade_count"], 9.0)
    place = late.schema.get_field_index("trade_count")
    project.load(late.set_column(place, "trade_count", counts))
    messages = project.build()
    assert messages["btc_feature_scales"] == "CHANGED 0"
    # The windows that hold one of these seconds: 5:01 to 11:39, every minute.
    assert messages["btc_embeddings"] == "CHANGED 6"
    assert project.rows(
        "select position, scale, window_count, training_to from "
        "signals.btc_feature_scales where feature = 'trade_count'"
    ) == [scale]


def test_versions_stand_side_by_side_and_can_be_taken_up_again(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    project.load(between(candles, EVENING, MIDNIGHT))
    project.build()
    first = project.embeddings()
    project.variables = {"embedding_training_days": 1}
    project.build()
    both = project.embeddings()
    assert len(both) == 2 * len(first)
    assert first.items() <= both.items()
    project.load(between(candles, MIDNIGHT, MIDNIGHT + 1800))
    project.build()
    project.variables = {}
    project.build()
    [(low, high)] = project.rows(
        "select min(n), max(n) from (select count(*) as n from signals.btc_embeddings"
        " group by feature_version) as versions"
    )
    assert low == high == len(first) + 30


def test_dimensions_follow_the_variable(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    project.variables = {"embedding_dimensions": 32, "embedding_step": "30 seconds"}
    project.load(between(candles, EVENING, MIDNIGHT))
    project.build()
    assert (
        project.value(
            "select format_type(atttypid, atttypmod) from pg_attribute where attname ="
            " 'feature_vector' and attrelid = 'signals.btc_embeddings'::regclass"
        )
        == "vector(32)"
    )
    assert project.value("select count(*) from signals.btc_embeddings") == 230
    # Another length is another table: said, not done.
    project.variables = {}
    done = project.invoke("run", "--select", "btc_embeddings")
    assert not done.success
    [message] = [r.message for r in done.result if r.node.name == "btc_embeddings"]
    assert "vector(32) in the table and vector(64) in YAML" in message


@pytest.mark.parametrize(
    "variables",
    [
        {"embedding_window": "15 minutes"},
        {"embedding_window": "90 seconds", "embedding_step": "30 seconds"},
        {"embedding_training_days": 1, "embedding_horizons": ["2 minutes"]},
        {"embedding_index": "none", "similar_windows_count": 3},
    ],
)
def test_tests_pass_with_other_settings_and_after_them(
    project: EmbeddingProject, candles: pa.Table, variables: dict[str, Any]
) -> None:
    """Of each version by its own parameters, whatever the variables say now."""
    project.load(between(candles, EVENING, MIDNIGHT))
    for given in ({}, variables, {}):
        project.variables = given
        project.dbt("build", "--select", *SEARCH)
    project.variables = variables
    project.dbt("test", "--select", *SEARCH)


@pytest.mark.parametrize(
    "damage",
    [
        "update signals.btc_embeddings set window_start = bucket - interval '1 day'"
        " where bucket = (select min(bucket) from signals.btc_embeddings)",
        "update signals.btc_similar_windows set neighbour_bucket = bucket"
        " - interval '4 minutes' where neighbour_rank = 1",
    ],
)
def test_windows_out_of_place_fail(
    project: EmbeddingProject, candles: pa.Table, damage: str
) -> None:
    project.load(between(candles, EVENING, MIDNIGHT))
    project.dbt("build", "--select", *SEARCH)
    with project.connect() as conn:
        conn.execute(damage)
    assert not project.invoke("test", "--select", *SEARCH).success
