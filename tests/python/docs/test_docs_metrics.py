"""The dictionary of metrics: every figure of the public models, and nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from pgio.connection import PROJECT_DIR

METRICS = PROJECT_DIR / "docs" / "metrics.md"
NUMBERS = ("numeric", "double precision", "bigint", "integer", "smallint")
NAME = re.compile(r"`([a-z0-9_]+)`")

pytest_plugins = ["project_manifest"]

Rows = list[tuple[int, list[str]]]


def sections() -> dict[tuple[str, ...], Rows]:
    """Rows of tables (line, cells) by the models that their heading names."""
    found: dict[tuple[str, ...], Rows] = defaultdict(list)
    models: tuple[str, ...] = ()
    for number, line in enumerate(METRICS.read_text("utf-8").splitlines(), 1):
        if line.startswith("## "):
            models = tuple(NAME.findall(line))
        elif line.startswith("| `"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            found[models].append((number, [cell.strip() for cell in cells]))
    return found


def figures(model: dict[str, Any]) -> set[str]:
    """Columns of a model that hold numbers and are no part of its key."""
    key = model["config"].get("unique_key") or []
    key = [key] if isinstance(key, str) else key
    return {
        column["name"]
        for column in model["columns"].values()
        if column["data_type"].split("(")[0] in NUMBERS and column["name"] not in key
    }


@pytest.fixture(scope="module")
def models(project_manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        node["name"]: node
        for node in project_manifest["nodes"].values()
        if node["resource_type"] == "model" and node["access"] == "public"
    }


def test_every_figure_of_the_public_models_is_there(
    models: dict[str, dict[str, Any]],
) -> None:
    described: dict[str, set[str]] = defaultdict(set)
    for names, rows in sections().items():
        for name in names:
            for _, cells in rows:
                described[name].update(NAME.findall(cells[0]))
    missing = {
        f"{name}.{column}"
        for name, model in models.items()
        for column in figures(model) - described[name]
    }
    assert missing == set()
    assert set(described) <= set(models)


def test_nothing_is_there_that_is_no_figure(models: dict[str, dict[str, Any]]) -> None:
    for names, rows in sections().items():
        known = set().union(*(figures(models[name]) for name in names))
        for number, cells in rows:
            unknown = set(NAME.findall(cells[0])) - known
            assert not unknown, f"line {number}: {names} have no {unknown}"


def test_every_row_has_a_formula_a_unit_and_a_source() -> None:
    for rows in sections().values():
        for number, cells in rows:
            assert len(cells) == 5, f"line {number} has {len(cells)} cells"
            assert all(cells[:4]), f"line {number} leaves out {cells}"


def test_every_publication_is_listed() -> None:
    text = METRICS.read_text("utf-8")
    body, references = text.split("## References")
    cited = set(re.findall(r"([A-Z][\wü]+)(?:, [A-Z]\w+)* (?:19|20)\d\d", body))
    assert cited
    assert {name for name in cited if name not in references} == set()


def test_variables_named_are_those_of_the_project() -> None:
    project = (PROJECT_DIR / "dbt_project.yml").read_text("utf-8")
    for name in (
        *("sharpe_min_days", "confidence_positions", "confidence_days"),
        *("signal_z_window_days", "signal_z_min_days", "large_trade_btc"),
    ):
        assert f"  {name}: " in project
        assert f"`{name}`" in METRICS.read_text("utf-8")
