"""Rollups under dbt's other commands and flags, and under two builds at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from aggregate_project import AggregateProject, readings
from conftest import Database
from waiting import wait_for_advisory_locks

HOUR = timedelta(hours=1)


@pytest.fixture
def project(tmp_path: Path, database: Database) -> AggregateProject:
    made = AggregateProject(tmp_path, database.conninfo)
    made.writes_artifacts = True
    made.put(readings(0, 0.5, 30))
    made.write_rollup()
    return made


def test_two_first_builds_at_once_wait_for_each_other(
    project: AggregateProject,
) -> None:
    lock = "hashtextextended('analytics.probe', 0)"
    folder = str(project.folder)
    with psycopg.connect(**project.conninfo, autocommit=True) as conn:
        conn.execute(f"select pg_advisory_lock({lock})")
        builds = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "dbt.cli.main", "run"),
                    *("--project-dir", folder, "--profiles-dir", folder),
                    *("--log-path", f"{folder}/logs{number}"),
                    *("--target-path", f"{folder}/target{number}"),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(2)
        ]
        wait_for_advisory_locks(conn, 1)
        conn.execute(f"select pg_advisory_unlock({lock})")
    outputs = [build.communicate(timeout=240)[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], outputs
    assert sum("REFRESH 0" in output for output in outputs) == 1, outputs
    assert project.totals() == project.expected(HOUR)
    left = project.query(r"select relname from pg_class where relname like '%\_\_dbt%'")
    assert left == []


def test_a_failed_build_leaves_no_lock_and_is_retried(
    project: AggregateProject,
) -> None:
    project.write_rollup(post_hook="select 1 / 0")
    project.error()
    project.write_rollup()
    done = project.invoke("retry", "--state", str(project.folder / "target"))
    assert done.success, done.exception
    assert project.totals() == project.expected(HOUR)


def test_state_modified_sees_a_changed_setting_only(project: AggregateProject) -> None:
    project.run()
    state = project.folder / "state"
    shutil.copytree(project.folder / "target", state)
    listing = ("--select", "state:modified", "--state", str(state))
    assert project.invoke("ls", *listing).result in (None, [])
    project.write_rollup(settings={"materialized_only": False})
    assert project.invoke("ls", *listing).result == ["vigil.rollups.probe"]


def test_clone_leaves_a_rollup_and_stands_in_for_a_missing_one(
    project: AggregateProject,
) -> None:
    project.run()
    state = project.folder / "state"
    shutil.copytree(project.folder / "target", state)
    before = project.totals()
    project.run("--state", str(state), command="clone")
    assert project.totals() == before
    # A clone of production into another schema: a view of what is there.
    project.write_rollup(schema="sandbox")
    project.run("--state", str(state), command="clone")
    assert len(project.query("select * from sandbox.probe")) == len(before)
    project.run()
    assert len(project.query("select * from sandbox.probe")) == len(before)


def test_docs_show_a_materialized_view(project: AggregateProject) -> None:
    project.run()
    done = project.invoke("docs", "generate")
    assert done.success, done.exception
    catalog = json.loads((project.folder / "target/catalog.json").read_text())
    found = catalog["nodes"]["model.vigil.probe"]
    kind = "MATERIALIZED VIEW" if project.is_native else "BASE TABLE"
    assert found["metadata"]["type"] == kind
    assert list(found["columns"]) == ["bucket", "sensor", "total"]


def test_empty_builds_nothing_over_what_is_there(project: AggregateProject) -> None:
    project.write_rollup(on_configuration_change="fail")
    project.run("--empty")
    assert project.totals() == {}
    project.run()
    assert project.totals() == project.expected(HOUR)
    for flags in ([], ["--full-refresh"]):
        project.run("--empty", *flags)
        assert project.totals() == project.expected(HOUR)


def test_fine_buckets_are_refreshed_by_the_hour(project: AggregateProject) -> None:
    project.write_rollup(bucket="100 ms")
    project.run()
    project.put(readings(*(second / 3600 for second in range(0, 86_400, 97))))
    project.run()
    width = timedelta(milliseconds=100)
    assert project.totals() == project.expected(width)
    # Far more gaps than ranges are told apart.
    project.put(readings(*range(100, 2000, 5)))
    project.run()
    assert project.totals() == project.expected(width)
