"""A rollup whose query is not what its config declares is refused, on every edition.

Each of the wrong ones would build, be right at first, and go wrong with a later load.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from aggregate_project import TIMES, AggregateProject, readings
from conftest import Database

HOUR = timedelta(hours=1)

GOOD = """
{{ config(
    unique_key=['bucket', 'sensor'],
    meta={'timescale': {'bucket': 'bucket', 'bucket_interval': '1 hour'}},
) }}
select
    {{ time_bucket('1 hour', TIME) }} as bucket,
    sensor,
    sum(value) as total
from {{ source('probe', TABLE) }}
where {{ rollup_filter(COLUMN) }}
group by 1, 2
"""
FILTER = "where {{ rollup_filter(COLUMN) }}"

#: What is replaced, by what, and what the refusal says beside the rollup's name.
WRONG = {
    "bucket of two hours": ("bucket('1 hour'", "bucket('2 hours'", "bucket of 1 hour"),
    "bucket in seconds": ("bucket('1 hour'", "bucket('61 seconds'", "bucket of 1 hour"),
    "shifted bucket": ("}} as bucket", "}} + SHIFT as bucket", "bucket of 1 hour"),
    "other name": ("'1 hour', TIME) }}", "'2 hours', TIME) }}", "bucket of 1 hour"),
    "window function": (
        "sum(value) as total",
        "sum(sum(value)) over (partition by sensor) as total",
        "window function",
    ),
    "ranking window": (
        "sum(value) as total",
        "rank() over (order by sum(value)) as total",
        "window function",
    ),
    "now": (
        "sum(value)",
        "sum(value) filter (where now() > '2020-01-01')",
        "now() gives another value",
    ),
    "current date": (
        "sum(value)",
        "sum(value) filter (where current_date > '2020-01-01')",
        "at another moment",
    ),
    "random": ("sum(value)", "sum(value * random())", "random() gives another"),
    "or": (FILTER, FILTER + " or sensor = 'a'", "rollup_filter"),
    "or before": (
        FILTER,
        FILTER.replace("where", "where value > 9 or"),
        "in the WHERE",
    ),
    "and, then or": (FILTER, FILTER + " and value > 0 or true", "in parentheses"),
    "denied": (FILTER, FILTER.replace("where", "where value > 0 and not"), "WHERE"),
    "line comment": (FILTER, "-- " + FILTER, "not in a comment"),
    "block comment": (FILTER, "/* " + FILTER + " */", "not in a comment"),
    "filter of a sum": (
        f"sum(value) as total\nfrom {{{{ source('probe', TABLE) }}}}\n{FILTER}",
        f"sum(value) filter ({FILTER}) as total\nfrom {{{{ source('probe', TABLE) }}}}",
        "must stand in the WHERE",
    ),
    "unique_key too short": (
        "['bucket', 'sensor']",
        "['bucket']",
        "groups by bucket, sensor, but unique_key is bucket",
    ),
    "unique_key too long": (
        "['bucket', 'sensor']",
        "['bucket', 'sensor', 'total']",
        "unique_key is bucket, sensor, total",
    ),
    "group not selected": ("by 1, 2", "by 1, 2, value", "does not select"),
    "no group": (
        f"sum(value) as total\nfrom {{{{ source('probe', TABLE) }}}}\n{FILTER}\n"
        "group by 1, 2",
        f"value as total\nfrom {{{{ source('probe', TABLE) }}}}\n{FILTER}",
        "groups by nothing",
    ),
    "distinct": ("select\n", "select distinct\n", "SELECT DISTINCT"),
    "distinct on": ("select\n", "select distinct on (sensor)\n", "SELECT DISTINCT"),
    "limit": ("group by 1, 2", "group by 1, 2 limit 100", "LIMIT"),
    "offset": ("group by 1, 2", "group by 1, 2 offset 1", "OFFSET"),
    "grouping sets": ("by 1, 2", "by grouping sets ((1, 2), (1))", "GROUPING SETS"),
    "rollup": ("by 1, 2", "by rollup (1, 2)", "GROUPING SETS"),
    "several rows": ("sum(value)", "unnest(array_agg(value))", "several rows"),
    "subquery": (
        "sum(value) as total",
        "sum(value) - (select 1) as total",
        "one SELECT",
    ),
    "cte": (
        "from {{ source('probe', TABLE) }}",
        "from (select * from {{ source('probe', TABLE) }}) as inside",
        "without a join, subquery",
    ),
    "self join": (
        f"from {{{{ source('probe', TABLE) }}}}\n{FILTER}",
        "from {{ source('probe', TABLE) }} natural join (values ('a')) as v (sensor)\n"
        + FILTER,
        "one SELECT",
    ),
    "another table": (
        "from {{ source('probe', TABLE) }}",
        "-- {{ source('probe', TABLE) }}\nfrom probe.READINGS",
        "by source() or ref()",
    ),
}

#: Ways to write a rollup that stay right, and the readings they leave out.
RIGHT = {
    "as it is": ("", "", {}),
    "having": ("group by 1, 2", "group by 1, 2 having sum(value) > 2", {"least": 3}),
    "or in parentheses": (
        FILTER,
        FILTER + " and (sensor = 'b' or value > 1)",
        {"ones_of": "b"},
    ),
    "filter last": (FILTER, FILTER.replace("where", "where value > 0 and"), {}),
    "alias": ("TABLE) }}", "TABLE) }} as given", {}),
    "name before a column": ("sensor,", "READINGS.sensor,", {}),
    "filter in a comment too": (
        "group by",
        "-- {{ rollup_filter(COLUMN) }}\ngroup by",
        {},
    ),
    "said otherwise": ("bucket('1 hour'", "bucket('60 minutes'", {}),
    "group by name": ("group by 1, 2", "group by bucket, sensor", {}),
}


@pytest.fixture(params=TIMES)
def project(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database
) -> AggregateProject:
    made = AggregateProject(tmp_path, database.conninfo, request.param)
    made.put(readings(0, 0.5, 1.5, 30))
    return made


def write(project: AggregateProject, old: str, new: str, model: str = "probe") -> None:
    """Write the rollup with a piece of it replaced."""
    assert old in GOOD
    unit = f", unit='{project.unit}'" if project.unit else ""
    text = GOOD.replace(old, new) if old else GOOD
    for name, value in {
        "TIME": f"'{project.time_column}'{unit}",
        "TABLE": f"'{project.table}'",
        "READINGS": project.table,
        "COLUMN": f"'{project.time_column}'",
        "SHIFT": "1800000" if project.unit else "interval '30 minutes'",
    }.items():
        text = text.replace(name, value)
    project.add_model(model, text)


def test_a_rollup_that_is_not_what_it_declares_is_refused(
    project: AggregateProject,
) -> None:
    models = {f"wrong_{number}": name for number, name in enumerate(WRONG)}
    for model, name in models.items():
        write(project, *WRONG[name][:2], model)
    done = project.invoke("run")
    assert not done.success
    told = {
        models[r.node.name]: " ".join(r.message.split())
        for r in done.result
        if r.node.name in models
    }
    assert set(told) == set(WRONG)
    missing = {
        name: told[name]
        for name, (_, _, says) in WRONG.items()
        if says not in told[name] or "analytics.wrong_" not in told[name]
    }
    assert missing == {}
    assert (
        project.query("select relname from pg_class where relname like 'wrong\\_%'")
        == []
    )
    left = "select relname from pg_class where relname ~ '__dbt'"
    assert project.query(left) == []


def test_a_refused_change_leaves_the_rollup_as_it_was(
    project: AggregateProject,
) -> None:
    write(project, "", "")
    project.run()
    before = project.unmoved()
    write(project, FILTER, FILTER + " or sensor = 'a'")
    assert "Nothing was changed" in project.error("--full-refresh")
    assert project.unmoved() == before


@pytest.mark.parametrize("name", RIGHT)
def test_a_late_load_is_taken_in_however_the_rollup_is_written(
    project: AggregateProject, name: str
) -> None:
    old, new, kept = RIGHT[name]
    write(project, old, new)
    project.run()
    project.put([*readings(0.7, 40), *readings(0.1, sensor="b", value=2)])
    assert "REFRESH" in project.run()["probe"]

    expected = project.expected(HOUR)
    if kept.get("ones_of"):
        expected = {key: total for key, total in expected.items() if key[1] == "b"}
    least = kept.get("least", 0)
    assert project.totals() == {
        key: total for key, total in expected.items() if total >= least
    }
