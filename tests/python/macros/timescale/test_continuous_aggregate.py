"""Each option of a rollup alone: set, changed and taken away, in place.

What the server has is read from `timescaledb_information`. On editions without
continuous aggregates the same models build the same rows. Policies have a file of their
own.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from aggregate_project import TIMES, AggregateProject, readings
from conftest import Database
from rollup_project import index_definitions, storage

HOUR = timedelta(hours=1)


@pytest.fixture(params=TIMES)
def project(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database
) -> AggregateProject:
    made = AggregateProject(tmp_path, database.conninfo, request.param)
    made.put(readings(0, 0.5, 30))
    return made


def test_watermark_is_after_the_newest_bucket(project: AggregateProject) -> None:
    project.write_rollup()
    project.run()
    assert project.totals() == project.expected(HOUR)
    project.put(readings(50))
    project.run()
    assert project.totals() == project.expected(HOUR)
    if project.is_native:
        name = storage(project, "probe").partition(".")[2]
        [(mark,)] = project.query(
            "select _timescaledb_functions.cagg_watermark(id)"
            f" from _timescaledb_catalog.hypertable where table_name = '{name}'"
        )
        [(newest,)] = project.query("select max(bucket) from analytics.probe")
        scale = 1000 if project.unit is None else 1
        end = (project.moment(newest) + HOUR).timestamp() * 1000
        assert mark == end * scale


def test_materialized_only_is_altered_in_place(project: AggregateProject) -> None:
    project.write_rollup()
    project.run()
    before = project.unmoved()
    project.put(readings(60), logged=False)
    hidden = project.totals()
    assert hidden != project.expected(HOUR)
    for wanted in (False, True):
        project.write_rollup(settings={"materialized_only": wanted})
        assert project.run()["probe"] == "REFRESH 0"
        assert project.unmoved() == before
        if project.is_native:
            assert project.aggregate()["materialized_only"] is wanted
        shows = project.is_native and not wanted
        assert project.totals() == (project.expected(HOUR) if shows else hidden)


def test_materialized_only_false_from_the_start(project: AggregateProject) -> None:
    project.write_rollup(settings={"materialized_only": False})
    project.run()
    if project.is_native:
        assert project.aggregate()["materialized_only"] is False
    assert project.run()["probe"] == "REFRESH 0"


def test_indexes_come_and_go(project: AggregateProject) -> None:
    grain = [] if project.is_native else ["btree (bucket, sensor)"]
    project.write_rollup()
    project.run()
    rows = project.unmoved()
    assert index_definitions(project, "probe") == grain
    project.execute("create index by_hand on analytics.probe (total)")
    declared = [
        {"columns": ["sensor", "total desc"]},
        {"columns": ["sensor"], "type": "hash"},
    ]
    project.write_rollup(indexes=declared)
    project.run()
    assert index_definitions(project, "probe") == sorted(
        [*grain, "btree (sensor, total DESC)", "hash (sensor)"]
    )
    names = project.query("select oid from pg_class where relkind = 'i' order by 1")
    project.run()
    assert (
        project.query("select oid from pg_class where relkind = 'i' order by 1")
        == names
    )
    project.write_rollup(indexes=declared[1:])
    project.run()
    assert index_definitions(project, "probe") == sorted([*grain, "hash (sensor)"])
    [(count,)] = project.query(
        "select count(*) from pg_class where relname = 'by_hand'"
    )
    assert count == 1
    assert project.unmoved() == rows


def test_grants_are_given_and_taken_back(project: AggregateProject) -> None:
    may = "select has_table_privilege('pg_monitor', 'analytics.probe', 'select')"
    project.write_rollup(grants={"select": ["pg_monitor"]})
    project.run()
    assert project.query(may) == [(True,)]
    project.write_rollup(grants={"select": []})
    project.run()
    assert project.query(may) == [(False,)]


def test_a_contract_is_enforced(project: AggregateProject) -> None:
    bucket = "timestamptz" if project.unit is None else "bigint"
    columns = [
        {"name": "bucket", "data_type": bucket},
        {"name": "sensor", "data_type": "text"},
        {"name": "total", "data_type": "numeric"},
    ]
    contract = {"contract": {"enforced": True}}
    project.write_rollup()
    project.write_yaml("probe", config=contract, columns=columns)
    project.run()
    assert project.totals() == project.expected(HOUR)
    columns[2]["data_type"] = "text"
    project.write_yaml("probe", config=contract, columns=columns)
    message = project.error("--full-refresh")
    assert "total" in message
    assert project.totals() == project.expected(HOUR)
