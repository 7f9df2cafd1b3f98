"""The recorded version of the raw tables' layout: who upgrades, and who refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from conftest import Database
from loading import fills, load, parquet
from rollup_project import PROJECT_DIR, RollupProject

from loaders.ledger import SCHEMA_VERSION

pytestmark = pytest.mark.any_server

VERSIONS = "select version, name, release from ops.schema_version order by version"
LIST = "macros/ops/migrations/schema_migrations.sql"


@pytest.fixture
def project(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> RollupProject:
    """The raw tables, and the loader aimed at them."""
    monkeypatch.setenv("PGDATABASE", str(database.conninfo["dbname"]))
    project = RollupProject(tmp_path / "project", database.conninfo)
    project.create_sources()
    return project


def add_migration(project: RollupProject, *statements: str) -> int:
    """Give the project one more migration; return its version."""
    version = SCHEMA_VERSION + 1
    changes = [{"summary": text, "sql": text} for text in statements]
    listed = project.folder / LIST
    entry = (
        f"{{'version': {version}, 'name': 'more', 'release': '0.3.0', 'changes': more}}"
    )
    text = listed.read_text().replace("    ]) }}", f"        {entry},\n    ]) }}}}")
    macro = f"{{% macro more() %}}{{{{ return({changes!r}) }}}}{{% endmacro %}}\n"
    listed.write_text(text + macro)
    return version


def test_an_empty_database_begins_with_the_present_version(
    project: RollupProject,
) -> None:
    versions = project.query(VERSIONS)
    assert [version for version, *_ in versions] == list(range(1, SCHEMA_VERSION + 1))
    release = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())["version"]
    assert versions[-1][2] == release


def test_a_newer_database_is_refused_by_dbt_and_by_the_loader(
    project: RollupProject, tmp_path: Path
) -> None:
    project.execute("insert into ops.schema_version values (99, 'later', '9.1.0')")
    project.execute("drop index ingestion.load_log_time")
    assert not project.invoke("run-operation", "create_sources").success
    for command in ("run", "test"):
        said = project.error(command=command)
        assert "version 99" in said, command
        assert "release 9.1.0" in said
        assert f"knows version {SCHEMA_VERSION}" in said
    result = load(parquet(tmp_path / "fills.parquet", fills(3)))
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "version 99" in said
    assert "Use release 9.1.0 or later" in said
    # Nothing was touched: not the index that is missing, not a row.
    assert project.query("select to_regclass('ingestion.load_log_time')") == [(None,)]
    assert project.query("select count(*) from hyperliquid.fills") == [(0,)]


def test_an_older_database_is_upgraded_before_it_is_loaded(
    project: RollupProject, tmp_path: Path
) -> None:
    project.execute(f"delete from ops.schema_version where version = {SCHEMA_VERSION}")
    file = parquet(tmp_path / "fills.parquet", fills(3))
    result = load(file)
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert f"has version {SCHEMA_VERSION - 1}" in said
    assert "dbt run-operation create_sources" in said
    project.create_sources()
    assert load(file).exit_code == 0


def test_what_no_yaml_can_say_runs_first_and_once(
    project: RollupProject, tmp_path: Path
) -> None:
    assert load(parquet(tmp_path / "fills.parquet", fills(3))).exit_code == 0
    version = add_migration(
        project, "alter table hyperliquid.fills rename column oid to order_id"
    )
    with project.edit_source("fills") as table:
        for column in table["columns"]:
            if column["name"] == "oid":
                column["name"] = "order_id"
        for key in table["config"]["meta"]["timescale"]["unique_keys"]:
            key["columns"] = [
                name.replace("oid", "order_id") for name in key["columns"]
            ]
    orders = "select array_agg(order_id order by order_id) from hyperliquid.fills"
    for _ in range(2):
        project.create_sources()
        assert project.query(orders) == [([1000, 1001, 1002],)]
        assert project.query(VERSIONS)[-1] == (version, "more", "0.3.0")
    # And this release's loader does not know that layout.
    assert load(parquet(tmp_path / "more.parquet", fills(3, 3))).exit_code == 1


def test_a_migration_that_fails_leaves_nothing_behind(project: RollupProject) -> None:
    before = project.query(VERSIONS)
    add_migration(project, "alter table ops.model_state add mine int", "select 1 / 0")
    assert "division by zero" in project.error()
    assert project.query(VERSIONS) == before
    column = "select count(*) from pg_attribute where attname = 'mine'"
    assert project.query(column) == [(0,)]
