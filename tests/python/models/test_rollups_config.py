"""What a rollup must declare: each mistake stops with the model and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Database
from rollup_project import RollupProject

# Refused before the edition is asked for.
pytestmark = pytest.mark.any_server


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = RollupProject(tmp_path, database.conninfo)
    made.create_sources()
    return made


GOOD = """
{{ config(
    unique_key=['day', 'coin'],
    meta={'timescale': {'bucket': 'day', 'bucket_interval': '1 day'}},
) }}
select
    {{ time_bucket('1 day', 'time', unit='ms') }} as day, coin, count(*) as fill_count
from {{ source('hyperliquid', 'fills') }}
where {{ rollup_filter('time') }}
group by day, coin
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{{ rollup_filter('time') }}", "true", "rollup_filter('time')"),
        ("'bucket': 'day',", "", "meta.timescale.bucket"),
        ("'bucket': 'day'", "'bukket': 'day'", "bukket"),
        ("unique_key=['day', 'coin']", "unique_key=['coin']", "bucket column 'day'"),
        ("unique_key=['day', 'coin']", "unique_key='day'", "list of the grain"),
        (
            "group by",
            "and exists (select 1 from {{ ref('trader_daily') }}) group by",
            "exactly one source()",
        ),
        ("'bucket': 'day',", "'bucket': 'day', 'materialized_only': 'no',", "'no'"),
        (
            "unique_key",
            "indexes=[{'columns': ['coin'], 'unique': true}], unique_key",
            "index on (coin)",
        ),
        ("'hyperliquid', 'fills'", "'ingestion', 'load_log'", "time_column"),
    ],
)
def test_a_wrong_rollup_is_refused_with_the_fix(
    project: RollupProject, old: str, new: str, says: str
) -> None:
    assert old in GOOD
    project.add_model("probe", GOOD.replace(old, new))
    message = project.error("--select", "probe")
    assert says in message
    assert "probe" in message


def test_a_policy_that_reaches_over_the_retention_is_refused(
    project: RollupProject,
) -> None:
    with project.edit_source("fills") as table:
        table["config"]["meta"]["timescale"]["retention"] = "90 days"
    policy = "'bucket_interval': '1 day', 'refresh_policy': {'start_offset': '90 days'}"
    project.add_model("probe", GOOD.replace("'bucket_interval': '1 day'", policy))
    message = project.error("--select", "probe")
    assert "start_offset" in message
    assert "90 days" in message
