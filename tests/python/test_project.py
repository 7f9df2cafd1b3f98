"""The project as a reviewer reads it: documentation, keys and lineage.

These read dbt's manifest, which ``dbt parse`` writes without a database.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
KEY_TESTS = {"unique_combination", "unique", "is_primary_key"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("parse")
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "parse"),
            *("--no-partial-parse", "--show-all-deprecations"),
            *("--target-path", str(target), "--log-path", str(target)),
        ],
        cwd=PROJECT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "Deprecat" not in done.stdout, done.stdout
    parsed: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return parsed


def _nodes(manifest: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    return [
        n
        for n in manifest["nodes"].values()
        if n["resource_type"] in kinds and n["package_name"] == "vigil"
    ]


def test_every_node_and_column_is_described(manifest: dict[str, Any]) -> None:
    missing = []
    nodes = _nodes(manifest, "model", "seed", "snapshot")
    for node in [*nodes, *manifest["sources"].values()]:
        name = node["unique_id"]
        if not node["description"].strip():
            missing.append(name)
        if not node["columns"] and node["resource_type"] != "snapshot":
            missing.append(f"{name}: no columns")
        missing += [
            f"{name}.{column['name']}"
            for column in node["columns"].values()
            if not column["description"].strip()
        ]
    assert missing == []


def test_every_model_column_has_a_type(manifest: dict[str, Any]) -> None:
    untyped = [
        f"{node['name']}.{column['name']}"
        for node in [*_nodes(manifest, "model"), *manifest["sources"].values()]
        for column in node["columns"].values()
        if not column.get("data_type")
    ]
    assert untyped == []


def test_every_macro_is_described(manifest: dict[str, Any]) -> None:
    # Materializations and tests are described by the header of their file.
    missing = [
        macro["name"]
        for macro in manifest["macros"].values()
        if macro["package_name"] == "vigil"
        and not macro["name"].startswith(("materialization_", "test_"))
        and not macro["description"].strip()
    ]
    assert missing == []


def test_every_model_has_a_tested_key(manifest: dict[str, Any]) -> None:
    tests = _nodes(manifest, "test")
    missing = []
    for node in _nodes(manifest, "model"):
        keys = [
            tuple(
                t["test_metadata"]["kwargs"].get("columns")
                or [t["test_metadata"]["kwargs"].get("column_name")]
            )
            for t in tests
            if t.get("test_metadata")
            and t["test_metadata"]["name"] in KEY_TESTS
            and t["attached_node"] == node["unique_id"]
        ]
        declared = node["config"].get("unique_key")
        if isinstance(declared, str):
            declared = [declared]
        if not keys or (declared and tuple(declared) not in keys):
            missing.append((node["name"], declared, keys))
    assert missing == []


def test_lineage_runs_from_the_source_through_python_to_the_signals(
    manifest: dict[str, Any],
) -> None:
    seen: set[str] = set()
    queue = ["model.vigil.asset_signals"]
    while queue:
        node = queue.pop()
        if node not in seen:
            seen.add(node)
            queue += manifest["parent_map"][node]
    assert "source.vigil.hyperliquid.fills" in seen
    for name in ("trader_positions", "trader_cohorts"):
        node = manifest["nodes"][f"model.vigil.{name}"]
        assert node["unique_id"] in seen
        assert node["language"] == "python"
    # The profiles hang on the same chain.
    profile_parents = manifest["parent_map"]["model.vigil.trader_profiles"]
    assert "model.vigil.trader_positions" in profile_parents


def test_no_committed_file_names_a_package_registry() -> None:
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "debian" + ".org/debian")
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False
    ).stdout.split(b"\0")
    if not any(files):
        pytest.skip("not a git checkout")
    hits = []
    for name in filter(None, files):
        path = PROJECT / name.decode()
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        hits += [f"{path.name}: {host}" for host in hosts if host in text]
    assert hits == []


def test_drift_is_looked_for_after_every_model_with_jobs(
    manifest: dict[str, Any],
) -> None:
    kinds = ("continuous_aggregate", "hypertable")
    with_jobs = {
        node["unique_id"]
        for node in _nodes(manifest, "model")
        if node["config"]["materialized"] in kinds
    }
    [test] = [
        node
        for node in _nodes(manifest, "test")
        if node["name"] == "retention_jobs_agree_with_live_jobs"
    ]
    assert with_jobs
    assert with_jobs <= set(test["depends_on"]["nodes"])
