"""dbt's parse as a gate: whatever dbt warns of fails it, in each kind of file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from project_copy import copy_project

from review.__main__ import review
from review.parse import parse

pytest_plugins = ["project_manifest"]

# dbt 2 as it comes with dbt-core 1.12.
DBT_2 = Path(sys.executable).with_name("dbt-core-experimental-parser")

FILES = {
    "dbt_project.yml": """\
name: tiny
version: 0.1.0
config-version: 2
profile: tiny
models:
  tiny:
    +materialized: view
""",
    "profiles.yml": """\
tiny:
  target: dev
  outputs:
    dev:
      {type: postgres, host: x, port: 1, user: x, password: x, dbname: x, schema: x}
""",
    "models/numbers.sql": "{{ config(tags=['a']) }}\nselect 1 as number\n",
    "models/numbers.yml": """\
version: 2
models:
  - name: numbers
    description: One row per number.
    columns:
      - name: number
        description: The number.
        data_tests: [unique, not_null]
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def _replace(project: Path, name: str, old: str, new: str) -> None:
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


def test_a_sound_project_has_no_warnings(project: Path) -> None:
    parsed = parse(project)
    assert parsed.warnings == []
    assert parsed.manifest is not None
    assert "model.tiny.numbers" in parsed.manifest["nodes"]
    assert {path.name for path in project.iterdir()} == {
        *("dbt_project.yml", "profiles.yml", "models")
    }


SEEDS = {
    "key of a column": (
        *("models/numbers.yml", "description: The", "descriptoin: The"),
        "Custom key `descriptoin` found at `models[0].columns[0]`",
    ),
    "key of a model": (
        *("models/numbers.yml", "    description: One", "    descripton: One"),
        "Custom key `descripton` found at `models[0]`",
    ),
    "key of a file": (
        *("models/numbers.yml", "version: 2", "version: 2\nmodles: []"),
        "Unexpected top-level key modles",
    ),
    "config of a model": (
        *("models/numbers.sql", "tags=['a']", "materialised='table'"),
        "Custom key `materialised` found in `config`",
    ),
    "config of the project": (
        *("dbt_project.yml", "+materialized", "+materialised"),
        "Custom key `+materialised` found in `config` at path `tiny.+materialised`",
    ),
    "config of a folder there is not": (
        *("dbt_project.yml", "  tiny:\n", "  tiny:\n    stagin:\n      +tags: a\n"),
        "models.tiny.stagin",
    ),
    "property that moved": (
        *("models/numbers.yml", "    columns:", "    freshness: {}\n    columns:"),
        "Found `freshness` as a top-level property of `models[0]`",
    ),
    "arguments of a test": (
        "models/numbers.yml",
        "[unique, not_null]",
        "[{accepted_values: {values: [1]}}]",
        "top-level arguments to test `accepted_values`",
    ),
    "duplicate key": (
        *("models/numbers.yml", "description: The number.", "name: other"),
        "Duplicate key 'name'",
    ),
    "reference to nothing": (
        *("models/numbers.sql", "as number", "as number from {{ ref('digits') }}"),
        "depends on a node named 'digits' which was not found",
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seeded_violation_is_caught(seed: str, project: Path) -> None:
    name, old, new, message = SEEDS[seed]
    _replace(project, name, old, new)
    warnings = parse(project).warnings
    assert any(message in warning for warning in warnings), warnings


def test_dbt_2_reads_the_same_project(
    project_manifest: dict[str, Any], tmp_path: Path
) -> None:
    """The same nodes and lineage; its one warning is of ADR 0035."""
    # In a copy: it writes into .gitignore.
    done = subprocess.run(
        [DBT_2, "parse", "--target-path", "target", "--log-path", "target"],
        cwd=copy_project(tmp_path / "project"),
        env={**os.environ, "DBT_ALLOW_EXPERIMENTAL_ADAPTERS": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert re.findall(r"\[(?:warning|error)\] \[(\w+)", printed) == [
        "SemanticModelDeprecated"
    ]
    found = json.loads((tmp_path / "project/target/manifest.json").read_text("utf-8"))
    assert _lineage(found) == _lineage(project_manifest)


def _lineage(manifest: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return kind, name and parents of each node; ids of tests hold other hashes."""
    kinds = ("nodes", "sources", "exposures", "functions", "unit_tests")
    return sorted(
        (
            node["resource_type"],
            node["name"],
            sorted(node.get("depends_on", {}).get("nodes", [])),
        )
        for kind in kinds
        for node in manifest[kind].values()
        if node["package_name"] == "vigil"
    )


def test_the_command_fails_and_says_what_to_mend(project: Path) -> None:
    _replace(project, *SEEDS["key of a column"][:3])
    result = CliRunner().invoke(review, ["--project-dir", str(project)])
    assert result.exit_code == 1, result.output
    assert "descriptoin" in result.output
    # The rules are applied all the same.
    assert "root_models: numbers: reads nothing" in result.output
    assert "warnings of dbt: 1; " in result.output.splitlines()[-1]


def test_the_command_fails_where_nothing_can_be_parsed(project: Path) -> None:
    _replace(project, *SEEDS["reference to nothing"][:3])
    result = CliRunner().invoke(review, ["--project-dir", str(project)])
    assert result.exit_code == 1, result.output
    assert "digits" in result.output
