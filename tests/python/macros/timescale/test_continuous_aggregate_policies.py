"""The policies of a rollup: each alone, set, changed and taken away, in place.

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
from rollup_project import CATALOG_STATE, storage

HOUR = timedelta(hours=1)
POLICY = {
    "start_offset": "10 days",
    "end_offset": "1 hour",
    "schedule_interval": "2 hours",
}


@pytest.fixture(params=TIMES)
def project(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database
) -> AggregateProject:
    made = AggregateProject(tmp_path, database.conninfo, request.param)
    made.put(readings(0, 0.5, 30))
    return made


def _storage_setting(project: AggregateProject) -> tuple[Any, ...] | None:
    found = project.query(
        "select segmentby, orderby from timescaledb_information"
        ".hypertable_columnstore_settings"
        f" where hypertable = '{storage(project, 'probe')}'::regclass"
    )
    return found[0] if found else None


def test_refresh_policy(project: AggregateProject) -> None:
    project.write_rollup(settings={"refresh_policy": POLICY})
    project.run()
    before, rows = project.jobs(), project.unmoved()
    job = "policy_refresh_continuous_aggregate"
    if project.is_native:
        assert before[job][1]["start_offset"] == project.span("10 days")
    project.run()
    assert project.jobs() == before
    changed = {"start_offset": "5 days", "end_offset": "1 hour"}
    project.write_rollup(settings={"refresh_policy": changed})
    project.run()
    # A schedule that is left out is the default again.
    [(schedule,)] = project.query(
        "select policy ->> 'schedule_interval' from ops.retention_jobs"
        " where job_name = 'refresh analytics.probe'"
    )
    assert schedule == "01:00:00"
    if project.is_native:
        assert project.jobs()[job][0] == before[job][0]
        assert project.jobs()[job][1]["start_offset"] == project.span("5 days")
        assert project.query(
            "select schedule_interval::text from timescaledb_information.jobs"
            f" where job_id = {before[job][0]}"
        ) == [("01:00:00",)]
    project.write_rollup()
    project.run()
    assert project.jobs() == {}
    assert project.unmoved() == rows


def test_columnstore(project: AggregateProject) -> None:
    columnstore = {"after": "30 days", "segment_by": ["sensor"]}
    project.write_rollup()
    project.run()
    rows = project.unmoved()
    project.write_rollup(settings={"columnstore": columnstore})
    project.run()
    job = "policy_compression"
    before = project.jobs()
    if project.is_native:
        assert project.aggregate()["compression_enabled"]
        assert _storage_setting(project) == ("sensor", "bucket DESC")
        assert before[job][1]["compress_after"] == project.span("30 days")
    assert project.unmoved() == rows
    project.run()
    assert project.jobs() == before
    changed = {"after": "40 days", "segment_by": "sensor", "order_by": ["bucket"]}
    project.write_rollup(settings={"columnstore": changed})
    project.run()
    if project.is_native:
        assert _storage_setting(project) == ("sensor", "bucket")
        assert project.jobs()[job][0] == before[job][0]
        assert project.jobs()[job][1]["compress_after"] == project.span("40 days")
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
        assert before["policy_retention"][1]["drop_after"] == project.span("20000 days")
    project.run()
    assert project.jobs() == before
    project.write_rollup()
    project.run()
    assert project.jobs() == {}
    assert project.totals() == project.expected(HOUR)


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
        project.unmoved(),
    )
    assert len(jobs) == (3 if project.is_native else 0)
    assert project.run()["probe"] == "REFRESH 0"
    assert project.query(CATALOG_STATE) == catalog
    assert project.jobs() == jobs
    assert project.unmoved() == rows
    [(comment, column_comment)] = project.query(
        "select obj_description('analytics.probe'::regclass, 'pg_class'),"
        " col_description('analytics.probe'::regclass, 3)"
    )
    assert (comment, column_comment) == ("Readings by the hour.", "Sum of values.")


@pytest.mark.editions("community")
def test_a_paused_job_stays_paused_when_the_rollup_is_built_anew(
    project: AggregateProject,
) -> None:
    settings = {
        "refresh_policy": POLICY,
        "columnstore": {"after": "20000 days", "segment_by": ["sensor"]},
        "retention": "20000 days",
    }
    project.write_rollup(settings=settings)
    project.write_rollup("above", below="probe", settings=settings)
    project.run()
    scheduled = (
        "select proc_name, scheduled from timescaledb_information.jobs"
        " where hypertable_name = 'probe'"
        " or config ->> 'hypertable' = 'analytics.probe' order by 1"
    )
    paused = ("policy_compression", "policy_refresh_continuous_aggregate")
    project.execute(
        "select alter_job(job_id, scheduled => false)"
        " from timescaledb_information.jobs where hypertable_name = 'probe'"
        f" and proc_name in {paused}"
    )
    expected = [("apply_retention", True), *((name, False) for name in paused)]
    assert project.query(scheduled) == expected
    before = project.jobs()

    project.run("--full-refresh")
    assert project.query(scheduled) == expected
    project.write_rollup(value="sum(value) + 0", settings=settings)
    project.run()
    assert project.query(scheduled) == expected
    assert {job[0] for job in project.jobs().values()}.isdisjoint(
        job[0] for job in before.values()
    )
    # What was running still runs, on the other rollup all of it.
    assert {job[0] for job in project.jobs("above").values()}
    assert project.query(
        "select count(*) from timescaledb_information.jobs"
        " where hypertable_name = 'above' and not scheduled"
    ) == [(0,)]

    # Started again by the operator, it stays so.
    project.execute(
        "select alter_job(job_id, scheduled => true)"
        " from timescaledb_information.jobs where hypertable_name = 'probe'"
    )
    project.run("--full-refresh")
    assert all(is_scheduled for _, is_scheduled in project.query(scheduled))
