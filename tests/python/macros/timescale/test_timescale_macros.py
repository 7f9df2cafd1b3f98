"""`macros/timescale` by itself, in a project that has nothing else of ours.

Rollups are left out: their materialization is not among these macros.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Database
from hypertable_project import JOB_VERSIONS, HypertableProject
from rollup_project import CATALOG_STATE

from pgio.connection import PROJECT_DIR

pytest_plugins = ["project_manifest"]


MACROS = PROJECT_DIR / "macros/timescale"
OWN_TABLES = ("retention_marks", "retention_jobs", "policy_runs")

READINGS = {
    "name": "readings",
    "description": "What sensors measured.",
    "config": {
        "meta": {
            "timescale": {
                "time_column": "measured_at",
                "chunk_interval": "1 day",
                "columnstore": {"after": "2 days", "segment_by": ["sensor"]},
                "retention": "7 days",
                "unique_keys": [
                    {"name": "readings_key", "columns": ["sensor", "measured_at"]}
                ],
            }
        }
    },
    "columns": [
        {
            "name": "measured_at",
            "data_type": "timestamptz",
            "constraints": [{"type": "not_null"}],
        },
        {"name": "sensor", "data_type": "text"},
        {"name": "celsius", "data_type": "numeric(6,2)"},
    ],
}

# Since when the readings are all there, as the guard knows it.
KEPT = """
select {{ retained_from('weather.readings') or 'null' }}::timestamptz as complete_from
from {{ source('weather', 'readings') }}
limit 1
"""


class WeatherProject(HypertableProject):
    """A project of one hypertable, one view, and the macros' own tables."""

    def __init__(self, folder: Path, conninfo: dict[str, Any]) -> None:
        self.folder = folder
        self.conninfo = conninfo
        shutil.copytree(MACROS, folder / "macros/timescale")
        (folder / "models").mkdir()
        (folder / "models/readings_kept.sql").write_text(KEPT)
        self.declare_readings(READINGS)
        self.write(
            "dbt_project.yml",
            {
                "name": "weather_station",
                "profile": "weather_station",
                "model-paths": ["models"],
                "macro-paths": ["macros"],
                "flags": {"send_anonymous_usage_stats": False},
                "vars": {"timescale_schema": "upkeep"},
                "on-run-start": ["{{ create_sources() }}"],
                "on-run-end": ["{{ run_policies() }}"],
            },
        )
        self.write_profile("weather_station", "weather")

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write a YAML file."""
        (self.folder / name).write_text(yaml.safe_dump(content))

    def declare_readings(self, readings: dict[str, Any]) -> None:
        """Declare the readings, and the tables of the macros."""
        tables = {"weather": [readings], "upkeep": own_tables()}
        sources = [{"name": name, "tables": found} for name, found in tables.items()]
        self.write("models/sources.yml", {"sources": sources})

    def keep_up(self) -> None:
        """Run by hand what a run of dbt begins and ends with."""
        self.create_sources()
        done = self.invoke("run-operation", "run_policies")
        assert done.success, done.exception

    def versions(self) -> list[list[tuple[Any, ...]]]:
        """All that a run with nothing to change must leave as it is."""
        found = [self.query(CATALOG_STATE)]
        found += [
            self.query(f"select xmin::text, t::text from upkeep.{table} as t")
            for table in OWN_TABLES
        ]
        if self.edition == "community":
            found.append(self.query(JOB_VERSIONS))
        return found


def own_tables() -> list[dict[str, Any]]:
    """Return the declarations of the macros' tables, without our roles."""
    path = PROJECT_DIR / "models/sources/_ingestion__sources.yml"
    sources = yaml.safe_load(path.read_text())["sources"]
    declared = [t for s in sources for t in s["tables"] if t["name"] in OWN_TABLES]
    for table in declared:
        table["config"]["meta"]["timescale"].pop("grants")
    assert len(declared) == len(OWN_TABLES)
    return declared


@pytest.fixture
def project(tmp_path: Path, database: Database) -> WeatherProject:
    """Return the project, with no table made."""
    return WeatherProject(tmp_path, database.conninfo)


def test_an_empty_project_gets_hypertable_policies_and_retention(
    project: WeatherProject,
) -> None:
    project.run()

    edition = project.edition
    if edition != "postgres":
        assert project.query(
            "select column_name::text, time_interval::text"
            " from timescaledb_information.dimensions"
            " where hypertable_schema = 'weather' and hypertable_name = 'readings'"
        ) == [("measured_at", "1 day")]
    assert project.query(
        "select indexdef from pg_indexes where indexname = 'readings_key'"
    ) == [
        (
            "CREATE UNIQUE INDEX readings_key ON weather.readings"
            " USING btree (sensor, measured_at)",
        )
    ]
    native = {"policy_retention": "drop_after", "policy_compression": "compress_after"}
    jobs = project.jobs("weather.readings")
    spans = {name: job["config"][native[name]] for name, job in jobs.items()}
    assert spans == (
        {"policy_retention": "7 days", "policy_compression": "2 days"}
        if edition == "community"
        else {}
    )
    assert project.query(
        "select job_name, enabled from upkeep.retention_jobs order by job_name"
    ) == [
        ("columnstore weather.readings", edition == "community"),
        ("retention weather.readings", True),
    ]

    before = project.versions()
    project.keep_up()
    assert project.versions() == before


def test_retention_drops_old_rows_and_the_guard_knows(project: WeatherProject) -> None:
    project.run()
    project.execute(
        "insert into weather.readings (measured_at, sensor, celsius)"
        " select now() - n * interval '1 day', 'roof', n"
        " from generate_series(0, 20) as n"
    )
    for row in project.query(
        "select job_id from timescaledb_information.jobs"
        " where proc_name = 'policy_retention' and hypertable_schema = 'weather'"
        if project.edition == "community"
        else "select 1 where false"
    ):
        project.execute(f"call run_job({row[0]})")
    project.run()
    project.run()  # The view is made before retention runs.

    [(kept, oldest)] = project.query(
        "select count(*), max(now() - measured_at) from weather.readings"
    )
    assert kept in (8, 9)
    assert oldest.days in (7, 8)
    assert project.query(
        "select complete_from > now() - interval '9 days'"
        " and complete_from <= min(measured_at)"
        " from weather.readings_kept, weather.readings group by complete_from"
    ) == [(True,)]
    before = project.versions()
    project.keep_up()
    assert project.versions() == before


def test_what_changed_in_the_yaml_changes_on_the_server(
    project: WeatherProject,
) -> None:
    project.run()
    block = READINGS["config"]["meta"]["timescale"]  # type: ignore[index]
    longer = {**block, "retention": "30 days"}
    project.declare_readings({**READINGS, "config": {"meta": {"timescale": longer}}})
    project.run()
    assert project.query(
        "select policy ->> 'drop_after' from upkeep.retention_jobs"
        " where job_name = 'retention weather.readings'"
    ) == [("30 days",)]
    if project.edition == "community":
        jobs = project.jobs("weather.readings")
        assert jobs["policy_retention"]["config"]["drop_after"] == "30 days"


@pytest.mark.any_server
def test_a_role_that_is_not_named_is_refused(project: WeatherProject) -> None:
    block = READINGS["config"]["meta"]["timescale"]  # type: ignore[index]
    granted = {**block, "grants": {"meteorologist": ["select"]}}
    project.declare_readings({**READINGS, "config": {"meta": {"timescale": granted}}})
    done = project.invoke("run")
    assert not done.success
    said = " ".join([str(done.exception), *(str(r.message) for r in done.result or ())])
    assert "meteorologist" in said
    assert "timescale_roles" in said
    assert project.query("select to_regclass('weather.readings')") == [(None,)]


def test_they_call_no_macro_from_elsewhere(project_manifest: dict[str, Any]) -> None:
    macros = project_manifest["macros"]
    own = {
        name
        for name, macro in macros.items()
        if macro["original_file_path"].startswith("macros/timescale/")
    }
    # Hooks: what this project answers; without an answer theirs counts.
    answers = {
        name
        for name, macro in macros.items()
        if f"default__{macro['name'].removeprefix('postgres__')}"
        in {macros[one]["name"] for one in own}
    }
    package = project_manifest["metadata"]["project_name"]
    elsewhere = {
        (macros[name]["name"], called)
        for name in own
        for called in macros[name]["depends_on"]["macros"]
        if called.startswith(f"macro.{package}.") and called not in own | answers
    }
    assert len(own) > 50
    assert not elsewhere


def test_they_name_nothing_of_this_project(project_manifest: dict[str, Any]) -> None:
    schemas = {source["schema"] for source in project_manifest["sources"].values()}
    models = {
        node["schema"]
        for node in project_manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    roles = project["vars"]["timescale_roles"]
    # Some schemas are everyday words: a name is followed by that of a table.
    words = "|".join([*roles, project["name"]])
    named = re.compile(rf"\b({'|'.join(schemas | models)})\.|\b({words})\b")
    found = [
        f"{path.relative_to(PROJECT_DIR)}: {line.strip()}"
        for path in sorted(MACROS.rglob("*.*"))
        for line in path.read_text().splitlines()
        if named.search(line.lower())
    ]
    assert not found
