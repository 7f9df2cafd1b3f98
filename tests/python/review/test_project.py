"""The project as a reviewer reads it: lineage, jobs, what is in no file.

What holds for each model is in `test_review_rules`.
"""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from pgio.connection import PROJECT_DIR
from review.parse import parse


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    parsed = parse(PROJECT_DIR).manifest
    assert parsed is not None
    return parsed


def _nodes(manifest: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    return [
        n
        for n in manifest["nodes"].values()
        if n["resource_type"] in kinds and n["package_name"] == "vigil"
    ]


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
    for name in ("trader_position_hours", "trader_cohorts"):
        node = manifest["nodes"][f"model.vigil.{name}"]
        assert node["unique_id"] in seen
        assert node["language"] == "python"
    # What a fill means, positions read from staging.
    assert manifest["parent_map"]["model.vigil.trader_position_hours"] == [
        "model.vigil.stg_hyperliquid__fills"
    ]
    # The profiles hang on the same chain.
    profile_parents = manifest["parent_map"]["model.vigil.trader_profiles"]
    assert "model.vigil.trader_positions" in profile_parents


def test_no_committed_file_names_a_package_registry() -> None:
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "debian" + ".org/debian")
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_DIR, capture_output=True, check=False
    ).stdout.split(b"\0")
    if not any(files):
        pytest.skip("not a git checkout")
    hits = []
    for name in filter(None, files):
        path = PROJECT_DIR / name.decode()
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
