"""Rules of documentation: everything that readers see has a description and a type."""

from __future__ import annotations

import ast
import re
from typing import Any

from dbt.parser.schemas import is_valid_type

from review.manifest import Manifest, Node, label
from review.rules import Checks, each


@each("model", "seed", "snapshot", "source", "function", "exposure", "unit_test")
def undocumented_nodes(manifest: Manifest, node: Node) -> str | None:
    """Demand a description of models, sources, unit tests, exposures and the like."""
    texts = [node["description"], node.get("source_description", "-")]
    return None if all((text or "").strip() for text in texts) else "has no description"


def undocumented_columns(manifest: Manifest) -> Checks:
    """Demand that columns are described, and relations have columns."""
    for node in manifest.nodes("model", "seed", "snapshot", "source"):
        if not node["columns"]:
            yield label(node), "declares no columns"
        for name, column in node["columns"].items():
            described = column["description"].strip()
            yield f"{label(node)}.{name}", None if described else "has no description"


def untyped_columns(manifest: Manifest) -> Checks:
    """Demand that columns have a type."""
    for node in manifest.nodes("model", "snapshot", "source"):
        for name, column in node["columns"].items():
            typed = column.get("data_type")
            yield f"{label(node)}.{name}", None if typed else "has no data_type"


def undocumented_macros(manifest: Manifest) -> Checks:
    """Demand that macros, tests, materializations and arguments are described.

    That is what dbt docs show: what models, tests and people call. A macro that only
    macros call has a comment above it, if it needs one, and the implementations of a
    dispatched macro are described by that one.
    """
    helpers = _helpers(manifest)
    for name, macro in _macros(manifest):
        described = macro["description"].strip() or name in helpers
        yield name, None if described else "has no description"
        for argument in macro["arguments"]:
            described = argument["description"].strip() and argument["type"]
            yield (
                f"{name}({argument['name']})",
                None if described else "has no type or no description",
            )


def macro_arguments(manifest: Manifest) -> Checks:
    """Demand that macros have the arguments that YAML says, of types dbt knows.

    dbt's own ``validate_macro_args`` takes the arguments of tests for none: it is off.
    """
    for name, macro in _macros(manifest):
        if macro["patch_path"] is None:
            continue
        described = [argument["name"] for argument in macro["arguments"]]
        taken = _arguments(macro["macro_sql"])
        unknown = [
            f"{argument['name']} is {argument['type']}"
            for argument in macro["arguments"]
            if argument["type"] and not is_valid_type(argument["type"])
        ]
        if described != taken:
            yield name, f"takes {taken}, described are {described}"
        else:
            yield name, f"{', '.join(unknown)}, no type of dbt's" if unknown else None


# The head of a macro or test; a materialization takes no arguments.
_HEAD = re.compile(r"\{%-?\s*(?:macro|test)\s+\w+\s*\((.*?)\)\s*-?%\}", re.DOTALL)


def _arguments(code: str) -> list[str]:
    """Return the names of the arguments of the macro that a text defines."""
    head = _HEAD.search(code)
    if head is None:
        return []
    [function] = ast.parse(f"def macro({head.group(1)}): ...").body
    assert isinstance(function, ast.FunctionDef)
    return [argument.arg for argument in function.args.args]


def _macros(manifest: Manifest) -> list[tuple[str, dict[str, Any]]]:
    return [
        (macro["name"], macro)
        for macro in manifest.content["macros"].values()
        if macro["package_name"] == manifest.package
    ]


def _helpers(manifest: Manifest) -> set[str]:
    """Return the macros that only other macros call, or that implement another."""
    macros = dict(_macros(manifest))
    callers: dict[str, set[str]] = {}
    for kind in ("macros", "nodes"):
        for caller in manifest.content[kind].values():
            for called in caller["depends_on"].get("macros", ()):
                callers.setdefault(called, set()).add(kind)
    return {
        name
        for name, macro in macros.items()
        if name.partition("__")[2] in macros
        or callers.get(macro["unique_id"]) == {"macros"}
    }
