"""Each option of a rollup alone: set, changed and taken away, in place.

What the server runs is read from `timescaledb_information`. On editions without
continuous aggregates the same models build the same rows, and declare what is not run.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aggregate_project import TIMES, AggregateProject, readings
from conftest import Database
from rollup_project import CATALOG_STATE, index_definitions, row_versions, storage

HOUR = timedelta(hours=1)
POLICY = {
    "start_offset": "10 days",
    "end_offset": "1 hour",
    "schedule_interval": "1 hour",
}


@pytest.fixture(params=TIMES)
def project(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database
) -> AggregateProject:
    made = AggregateProject(tmp_path, database.conninfo, request.param)
    made.put(readings(0, 0.5, 30))
    return made


def _span(project: AggregateProject, interval: str) -> Any:
    """Return a human interval as a job's config holds it."""
    if project.unit is None:
        return interval
    [(found,)] = project.query(
        f"select (extract(epoch from interval '{interval}') * 1000)::bigint"
    )
    return found


def _unmoved(project: AggregateProject) -> list[tuple[Any, ...]]:
    """Return what a rebuild or a rewrite of a row would change."""
    oid = project.query("select 'analytics.probe'::regclass::oid")
    return oid + row_versions(project, ["probe"])


def _storage_setting(project: AggregateProject) -> tuple[Any, ...] | None:
    found = project.query(
        "select segmentby, orderby from timescaledb_information"
        ".hypertable_columnstore_settings"
        f" where hypertable = '{storage(project, 'probe')}'::regclass"
    )
    return found[0] if found else None


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
    before = _unmoved(project)
    project.put(readings(60), logged=False)
    hidden = project.totals()
    assert hidden != project.expected(HOUR)
    for wanted in (False, True):
        project.write_rollup(settings={"materialized_only": wanted})
        assert project.run()["probe"] == "REFRESH 0"
        assert _unmoved(project) == before
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


def test_refresh_policy(project: AggregateProject) -> None:
    project.write_rollup(settings={"refresh_policy": POLICY})
    project.run()
    before, rows = project.jobs(), _unmoved(project)
    job = "policy_refresh_continuous_aggregate"
    if project.is_native:
        assert before[job][1]["start_offset"] == _span(project, "10 days")
    project.run()
    assert project.jobs() == before
    project.write_rollup(
        settings={"refresh_policy": POLICY | {"start_offset": "5 days"}}
    )
    project.run()
    if project.is_native:
        assert project.jobs()[job][0] == before[job][0]
        assert project.jobs()[job][1]["start_offset"] == _span(project, "5 days")
    project.write_rollup()
    project.run()
    assert project.jobs() == {}
    assert _unmoved(project) == rows


def test_columnstore(project: AggregateProject) -> None:
    columnstore = {"after": "30 days", "segment_by": ["sensor"]}
    project.write_rollup()
    project.run()
    rows = _unmoved(project)
    project.write_rollup(settings={"columnstore": columnstore})
    project.run()
    job = "policy_compression"
    before = project.jobs()
    if project.is_native:
        assert project.aggregate()["compression_enabled"]
        assert _storage_setting(project) == ("sensor", "bucket DESC")
        assert before[job][1]["compress_after"] == _span(project, "30 days")
    assert _unmoved(project) == rows
    project.run()
    assert project.jobs() == before
    changed = {"after": "40 days", "segment_by": "sensor", "order_by": ["bucket"]}
    project.write_rollup(settings={"columnstore": changed})
    project.run()
    if project.is_native:
        assert _storage_setting(project) == ("sensor", "bucket")
        assert project.jobs()[job][0] == before[job][0]
        assert project.jobs()[job][1]["compress_after"] == _span(project, "40 days")
        rows_in = storage(project, "probe")
        project.query(f"select compress_chunk(c) from show_chunks('{rows_in}') as c")
    project.put(readings(0.25))
    project.run()
    assert project.totals() == project.expected(HOUR)
    project.write_rollup()
    project.run()
    assert project.jobs() == {}
    assert project.totals() == project.expected(HOUR)
    if project.is_native:
        assert not project.aggregate()["compression_enabled"]


def test_retention_of_the_rollup(project: AggregateProject) -> None:
    project.write_rollup(settings={"retention": {"drop_after": "20000 days"}})
    project.run()
    before = project.jobs()
    if project.is_native:
        assert before["policy_retention"][1]["drop_after"] == _span(
            project, "20000 days"
        )
    project.run()
    assert project.jobs() == before
    project.write_rollup()
    project.run()
    assert project.jobs() == {}
    assert project.totals() == project.expected(HOUR)


def test_indexes_come_and_go(project: AggregateProject) -> None:
    grain = [] if project.is_native else ["btree (bucket, sensor)"]
    project.write_rollup()
    project.run()
    rows = _unmoved(project)
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
    assert _unmoved(project) == rows


def test_a_second_build_writes_nothing_anywhere(project: AggregateProject) -> None:
    project.write_rollup(
        settings={
            "refresh_policy": POLICY,
            "materialized_only": False,
            "columnstore": {"after": "20000 days", "segment_by": ["sensor"]},
            "retention": "20000 days",
        },
        indexes=[{"columns": ["total"]}],
        grants={"select": ["public"]},
        persist_docs={"relation": True, "columns": True},
    )
    project.write_yaml(
        "probe",
        description="Readings by the hour.",
        columns=[{"name": "total", "description": "Sum of values."}],
    )
    project.run()
    catalog, jobs, rows = (
        project.query(CATALOG_STATE),
        project.jobs(),
        _unmoved(project),
    )
    assert len(jobs) == (3 if project.is_native else 0)
    assert project.run()["probe"] == "REFRESH 0"
    assert project.query(CATALOG_STATE) == catalog
    assert project.jobs() == jobs
    assert _unmoved(project) == rows
    [(comment, column_comment)] = project.query(
        "select obj_description('analytics.probe'::regclass, 'pg_class'),"
        " col_description('analytics.probe'::regclass, 3)"
    )
    assert (comment, column_comment) == ("Readings by the hour.", "Sum of values.")


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
