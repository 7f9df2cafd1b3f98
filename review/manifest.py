"""A dbt manifest for the rules: nodes, layers, and lineage."""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

Node = dict[str, Any]

# Layers by folder. Python models are marts, too.
LAYERS = {
    "models/staging": "staging",
    "models/rollups": "rollups",
    "models/intermediate": "intermediate",
    "models/marts": "marts",
    "models/ops": "ops",
    "python_jobs": "marts",
}


class Manifest:
    """A dbt manifest, narrowed to the project itself.

    Parameters
    ----------
    content
        ``target/manifest.json``, decoded.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.package = content["metadata"]["project_name"]

    def nodes(self, *kinds: str) -> list[Node]:
        """Return the nodes of some kinds (``model``, ``seed``, …), in order of name."""
        return [node for node in self._own.values() if node["resource_type"] in kinds]

    def parents(self, node: Node, *kinds: str) -> list[Node]:
        """Return the nodes of some kinds that a node reads."""
        return self._of(self._parents.get(node["unique_id"], ()), kinds)

    def children(self, node: Node, *kinds: str) -> list[Node]:
        """Return the nodes of some kinds that read a node."""
        return self._of(self._children.get(node["unique_id"], ()), kinds)

    def tests_of(self, node: Node) -> list[Node]:
        """Return the generic tests of a node, those of its columns among them."""
        return self._tests.get(node["unique_id"], [])

    @cached_property
    def _own(self) -> dict[str, Node]:
        content = self.content
        found = (
            node
            for kind in ("nodes", "sources", "exposures", "functions", "unit_tests")
            for node in content.get(kind, {}).values()
            if node["package_name"] == self.package
        )
        return {node["unique_id"]: node for node in sorted(found, key=label)}

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        return {
            key: sorted(set(node.get("depends_on", {}).get("nodes", ())))
            for key, node in self._own.items()
        }

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {}
        for child, parents in self._parents.items():
            for parent in parents:
                children.setdefault(parent, []).append(child)
        return children

    @cached_property
    def _tests(self) -> dict[str, list[Node]]:
        tests: dict[str, list[Node]] = {}
        for test in self.nodes("test"):
            if test.get("attached_node"):
                tests.setdefault(test["attached_node"], []).append(test)
        return tests

    def _of(self, ids: Any, kinds: tuple[str, ...]) -> list[Node]:
        found = (self._own[key] for key in ids if key in self._own)
        return [node for node in found if node["resource_type"] in kinds]


def label(node: Node) -> str:
    """Return the name of a node; of a source with its schema."""
    if node["resource_type"] == "source":
        return f"{node['source_name']}.{node['name']}"
    return str(node["name"])


def layer(model: Node) -> str:
    """Return the layer of a model: a value of `LAYERS`, or ``other``."""
    path = model["original_file_path"]
    return next(
        (name for folder, name in LAYERS.items() if path.startswith(f"{folder}/")),
        "other",
    )


def folder_of(path: str) -> str:
    """Return the folder of a file, of a patch (``package://path``) too."""
    return str(PurePosixPath(path.split("://")[-1]).parent)


def names(nodes: list[Node]) -> str:
    """Return the names of nodes, for a sentence."""
    return ", ".join(sorted(map(label, nodes)))
