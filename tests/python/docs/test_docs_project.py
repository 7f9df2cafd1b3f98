"""What a reader of the documentation meets: grain first, drawings, uses, macros."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headlines import __main__ as headlines
from pgio.connection import PROJECT_DIR

SITE = PROJECT_DIR / "docs" / "site"
DRAWINGS = sorted(SITE.glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"

pytest_plugins = ["project_manifest"]

Manifest = dict[str, Any]


def _relations(manifest: Manifest) -> dict[str, str]:
    """Unique ids of whatever has rows, by ``schema.name``."""
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    return {
        f"{node['schema']}.{node.get('alias') or node['identifier']}": node["unique_id"]
        for node in nodes
        if node["resource_type"] in ("model", "seed", "snapshot", "source")
    }


def test_descriptions_begin_with_the_grain(project_manifest: Manifest) -> None:
    nodes = [
        node
        for kind in ("nodes", "sources", "functions")
        for node in project_manifest[kind].values()
        if node["resource_type"] in ("model", "seed", "snapshot", "source", "function")
    ]
    assert len(nodes) > 30
    without = [
        node["name"] for node in nodes if not node["description"].startswith("One row ")
    ]
    assert without == []


def test_tests_and_materializations_are_described_too(
    project_manifest: Manifest,
) -> None:
    """Whatever has a page of its own has something on it.

    Of macros, those that people name in YAML and config; `python -m review` looks at
    those that another file calls.
    """
    named = ("materialization_", "test_")
    empty = [
        node["name"]
        for kind in ("macros", "nodes", "groups", "exposures", "docs")
        for node in project_manifest[kind].values()
        if node["package_name"] == "vigil"
        # Generic tests stand on the page of what they test.
        and not (node["resource_type"] == "test" and node.get("test_metadata"))
        and node["resource_type"] != "operation"
        and (node["resource_type"] != "macro" or node["name"].startswith(named))
        and not (node.get("description") or node.get("block_contents") or "").strip()
    ]
    assert empty == []


@pytest.mark.parametrize(
    ("exposure", "code"),
    [
        (
            "headlines",
            [f"headlines/{name}.py" for name in ("__main__", "classes", "market")],
        ),
        # The report has the query of the scorecards from there.
        ("report", ["report/**/*.py"]),
        ("scorecards", ["headlines/scorecards.py"]),
    ],
)
def test_an_exposure_names_what_its_code_reads(
    exposure: str, code: list[str], project_manifest: Manifest
) -> None:
    relations = _relations(project_manifest)
    files = [path for pattern in code for path in PROJECT_DIR.glob(pattern)]
    assert files
    text = "\n".join(path.read_text("utf-8") for path in files)
    read = {
        unique_id
        for name, unique_id in relations.items()
        if re.search(rf"\b{re.escape(name)}\b", text)
    }
    assert read
    found = project_manifest["exposures"][f"exposure.vigil.{exposure}"]
    assert set(found["depends_on"]["nodes"]) == read


def test_the_headlines_count_what_their_exposure_names(
    project_manifest: Manifest,
) -> None:
    relations = _relations(project_manifest)
    found = project_manifest["exposures"]["exposure.vigil.headlines"]
    assert {relations[name] for name in headlines.RELATIONS} <= set(
        found["depends_on"]["nodes"]
    )


def test_every_public_model_has_a_use(project_manifest: Manifest) -> None:
    used = {
        unique_id
        for exposure in project_manifest["exposures"].values()
        for unique_id in exposure["depends_on"]["nodes"]
    }
    public = {
        node["unique_id"]
        for node in project_manifest["nodes"].values()
        if node["resource_type"] == "model" and node["access"] == "public"
    }
    assert public
    assert public - used == set()


def _drawn(path: Path) -> Iterator[ET.Element]:
    return ET.fromstring(path.read_text("utf-8")).iter()


def test_the_drawings_show_every_public_model(project_manifest: Manifest) -> None:
    links = {
        element.attrib["href"].split("/", 2)[-1]
        for path in DRAWINGS
        for element in _drawn(path)
        if element.tag == f"{SVG}a"
    }
    known = project_manifest["nodes"].keys() | project_manifest["sources"].keys()
    public = {
        node["unique_id"]
        for node in project_manifest["nodes"].values()
        if node["resource_type"] == "model" and node["access"] == "public"
    }
    assert links <= known
    assert public <= links


def _drawn_parents(manifest: Manifest) -> dict[str, set[str]]:
    """What each node reads; in the place of staging and steps, what those read."""

    def read_by(unique_id: str) -> set[str]:
        found: set[str] = set()
        for parent in manifest["parent_map"][unique_id]:
            path = manifest["nodes"].get(parent, {}).get("original_file_path", "")
            is_step = path.startswith(("models/staging/", "models/intermediate/"))
            found |= read_by(parent) if is_step else {parent}
        return found

    return {unique_id: read_by(unique_id) for unique_id in manifest["parent_map"]}


def test_the_drawings_agree_with_the_lineage(project_manifest: Manifest) -> None:
    ids = {
        **{n["name"]: i for i, n in project_manifest["nodes"].items()},
        **{
            f"{n['source_name']}.{n['name']}": i
            for i, n in project_manifest["sources"].items()
        },
    }
    parents = _drawn_parents(project_manifest)
    arrows = 0
    for path in DRAWINGS:
        for element in _drawn(path):
            for target in element.attrib.get("data-to", "").split():
                for source in element.attrib["data-from"].split():
                    arrows += 1
                    if source != "files":
                        assert ids[source] in parents[ids[target]], (source, target)
    assert arrows > 20


def test_the_overview_shows_the_drawings_and_leads_to_pages_that_exist(
    project_manifest: Manifest,
) -> None:
    overview = project_manifest["docs"]["doc.vigil.__overview__"]["block_contents"]
    assert set(re.findall(r"\]\((docs/site/[^)]+)\)", overview)) == {
        f"docs/site/{path.name}" for path in DRAWINGS
    }
    links = re.findall(r"\]\(#!/(?:model|source)/([^)]+)\)", overview)
    assert len(links) >= 9
    known = project_manifest["nodes"].keys() | project_manifest["sources"].keys()
    assert set(links) <= known
    for file in re.findall(r"`(docs/[a-z./]+)`", overview):
        assert (PROJECT_DIR / file).exists(), file
