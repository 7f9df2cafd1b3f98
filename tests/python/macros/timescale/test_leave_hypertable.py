"""A model that was a hypertable keeps its rows, whatever it is said to be next."""

from __future__ import annotations

from pathlib import Path

import pytest
from aggregate_project import AggregateProject
from conftest import Database

MODEL = """
{{ config(
    materialized='%s',
    unique_key=['ts', 'sensor'],
    meta={'timescale': {%s}},
) }}
select timestamptz '%s' as ts, 'a' as sensor, 1 as value
"""
HYPERTABLE = "'time_column': 'ts', 'chunk_interval': '1 day'"
REFUSED = {
    "table": ("table", ()),
    "view": ("view", ()),
    "materialized view": ("materialized_view", ()),
    "incremental, full refresh": ("incremental", ("--full-refresh",)),
}


@pytest.fixture
def project(tmp_path: Path, database: Database) -> AggregateProject:
    """Two runs gave the model two rows; its query yields one of them."""
    made = AggregateProject(tmp_path, database.conninfo)
    for day in ("2025-01-01", "2025-01-05"):
        write(made, "hypertable", day)
        made.run()
    assert rows(made) == 2
    return made


def write(project: AggregateProject, kind: str, day: str = "2025-01-05") -> None:
    settings = HYPERTABLE if kind == "hypertable" else ""
    project.add_model("kept", MODEL % (kind, settings, day))


def rows(project: AggregateProject) -> int:
    [(number,)] = project.query("select count(*) from analytics.kept")
    return int(number)


@pytest.mark.parametrize("how", REFUSED)
def test_what_would_build_it_anew_is_refused(
    project: AggregateProject, how: str
) -> None:
    kind, flags = REFUSED[how]
    write(project, kind)
    message = project.error(*flags)
    for part in ("analytics.kept is a hypertable", kind, "rebuild_hypertables: [kept]"):
        assert part in message
    assert rows(project) == 2

    project.run(*flags, "--vars", "{rebuild_hypertables: [kept]}")
    assert rows(project) == 1
    # It is none any more.
    project.run(*flags)


def test_incremental_goes_on_with_its_rows(project: AggregateProject) -> None:
    write(project, "incremental", "2025-01-07")
    project.run()
    assert rows(project) == 3
    write(project, "hypertable", "2025-01-08")
    project.run()
    assert rows(project) == 4


def test_a_rollup_in_its_place_is_refused(project: AggregateProject) -> None:
    (project.folder / "models/rollups/kept.sql").unlink()
    project.write_rollup("kept")
    message = project.error()
    assert "analytics.kept is a hypertable" in message
    assert rows(project) == 2
