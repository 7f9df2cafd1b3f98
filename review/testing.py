"""Rules of tests: keys, coverage, and freshness of sources."""

from __future__ import annotations

from typing import Any

from review.manifest import Manifest, Node
from review.rules import each

_KEY_TESTS = ("unique_combination", "is_primary_key")


@each("model", "seed", "snapshot")
def missing_primary_key_tests(manifest: Manifest, node: Node) -> str | None:
    """Demand a tested key of relations: the `unique_key`, if they have one."""
    keys = _tested_keys(manifest, node)
    declared = node["config"].get("unique_key")
    # A snapshot holds several versions of its unique key; its own key is another.
    if declared is None or node["resource_type"] == "snapshot":
        return None if keys else "no test of its key"
    wanted = (declared,) if isinstance(declared, str) else tuple(declared)
    if wanted in keys:
        return None
    return f"its unique_key ({', '.join(wanted)}) is not tested"


@each("source")
def missing_source_keys(manifest: Manifest, source: Node) -> str | None:
    """Demand that every source declares its primary key."""
    timescale = source["config"]["meta"].get("timescale", {})
    declared = timescale.get("unique_keys") or timescale.get("primary_key")
    return None if declared else "declares no key"


@each("source")
def sources_without_freshness(manifest: Manifest, source: Node) -> str | None:
    """Demand that sources declare their freshness, or why they have none."""
    freshness = source.get("freshness") or {}
    limits = (freshness.get("warn_after"), freshness.get("error_after"))
    is_limited = any(limit and limit.get("count") for limit in limits)
    if is_limited or source["config"]["meta"].get("no_freshness"):
        return None
    return "has no freshness, nor a reason in meta.no_freshness"


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
