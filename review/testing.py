"""Rules of tests: keys, coverage, and how old a source may be."""

from __future__ import annotations

from typing import Any

from review.manifest import Manifest, Node, label
from review.rules import Checks

_KEY_TESTS = ("unique_combination", "is_primary_key")


def missing_primary_key_tests(manifest: Manifest) -> Checks:
    """Demand a tested key of relations, which is the `unique_key` if they have one."""
    for node in manifest.nodes("model", "seed", "snapshot"):
        keys = _tested_keys(manifest, node)
        declared = node["config"].get("unique_key")
        # A snapshot holds several versions of its unique key; its own key is another.
        if declared is None or node["resource_type"] == "snapshot":
            problem = None if keys else "no test of its key"
        else:
            wanted = (declared,) if isinstance(declared, str) else tuple(declared)
            problem = (
                None
                if wanted in keys
                else f"its unique_key ({', '.join(wanted)}) is not tested"
            )
        yield label(node), problem


def missing_source_keys(manifest: Manifest) -> Checks:
    """Demand that every source says its key, which the server keeps."""
    for source in manifest.nodes("source"):
        timescale = source["config"]["meta"].get("timescale", {})
        declared = timescale.get("unique_keys") or timescale.get("primary_key")
        yield label(source), None if declared else "declares no key"


def sources_without_freshness(manifest: Manifest) -> Checks:
    """Demand that sources say how old they may be, or why they may be of any age."""
    for source in manifest.nodes("source"):
        freshness = source.get("freshness") or {}
        limits = (freshness.get("warn_after"), freshness.get("error_after"))
        is_limited = any(limit and limit.get("count") for limit in limits)
        reason = source["config"]["meta"].get("no_freshness")
        yield (
            label(source),
            None
            if is_limited or reason
            else "has no freshness, nor a reason in meta.no_freshness",
        )


def test_coverage(manifest: Manifest) -> Checks:
    """Demand that every model, seed and snapshot is tested."""
    for node in manifest.nodes("model", "seed", "snapshot"):
        tests = manifest.children(node, "test")
        yield label(node), None if tests else "has no test"


def _tested_keys(manifest: Manifest, node: Node) -> set[tuple[str, ...]]:
    """Return the columns whose uniqueness is tested; alone, they may not be NULL."""
    tests = [test for test in manifest.tests_of(node) if test.get("test_metadata")]
    keys = {
        _columns(test) for test in tests if test["test_metadata"]["name"] in _KEY_TESTS
    }
    required = {
        _columns(test) for test in tests if test["test_metadata"]["name"] == "not_null"
    } | {
        (column["name"],)
        for column in node["columns"].values()
        if any(rule["type"] == "not_null" for rule in column.get("constraints", ()))
    }
    unique = {
        _columns(test) for test in tests if test["test_metadata"]["name"] == "unique"
    }
    return keys | (unique & required)


def _columns(test: Node) -> tuple[str, ...]:
    arguments: dict[str, Any] = test["test_metadata"]["kwargs"]
    return tuple(arguments.get("columns") or [arguments.get("column_name")])
