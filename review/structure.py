"""Rules of names and folders."""

from __future__ import annotations

from pathlib import PurePosixPath

from review.manifest import Manifest, Node, folder_of, layer
from review.rules import each

# Prefixes of dbt's guides. Here only staging and intermediate models have one; the
# other names are the user's (ADR 0004).
_PREFIXES = ("base_", "int_", "fct_", "dim_", "rpt_")
_SOURCES = "models/sources"


@each("model")
def model_naming_conventions(manifest: Manifest, model: Node) -> str | None:
    """Demand that staging is named after its source, an intermediate after its folder.

    Other models have no prefix.
    """
    name = model["name"]
    if layer(model) == "staging":
        wanted = [
            f"stg_{source['source_name']}__{source['name']}"
            for source in manifest.parents(model, "source")
        ]
        return None if name in wanted else f"is to be called {wanted}"
    if layer(model) == "intermediate":
        prefix = f"int_{PurePosixPath(model['original_file_path']).parent.name}__"
        return None if name.startswith(prefix) else f"is to be called {prefix}…"
    prefixed = name.startswith((*_PREFIXES, "stg_"))
    return "has the prefix of another layer" if prefixed else None


@each("model")
def model_directories(manifest: Manifest, model: Node) -> str | None:
    """Demand that models are in their layer's folder, staging in that of its source."""
    folder = folder_of(model["original_file_path"])
    if (model["language"] == "python") != (folder == "python_jobs"):
        return f"is {model['language']}, and lies in {folder}"
    if layer(model) == "staging":
        wanted = {
            f"models/staging/{source['source_name']}"
            for source in manifest.parents(model, "source")
        }
        if folder not in wanted:
            return f"lies in {folder}, not in {', '.join(sorted(wanted))}"
    return "lies in no layer's folder" if layer(model) == "other" else None


@each("source")
def source_directories(manifest: Manifest, source: Node) -> str | None:
    """Demand that sources are declared in the file of their name in one folder."""
    wanted = f"{_SOURCES}/_{source['source_name']}__sources.yml"
    found = source["original_file_path"]
    return None if found == wanted else f"is declared in {found}, not in {wanted}"


@each("model")
def test_directories(manifest: Manifest, model: Node) -> str | None:
    """Demand that a model is described and tested in YAML beside it."""
    folder = folder_of(model["original_file_path"])
    tests = manifest.tests_of(model) + manifest.children(model, "unit_test")
    files = [model["patch_path"], *(test["original_file_path"] for test in tests)]
    elsewhere = sorted(
        {file for file in files if file is None or folder_of(file) != folder},
        key=str,
    )
    return f"is described in {elsewhere}" if elsewhere else None
