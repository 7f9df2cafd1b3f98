"""Rules of names and folders."""

from __future__ import annotations

from review.manifest import Manifest, folder_of, label, layer
from review.rules import Checks

# What others put before the names of models. Here staging has one; the rest are called
# as in the user's guide (ADR 0004).
_PREFIXES = ("base_", "int_", "fct_", "dim_", "rpt_")
_SOURCES = "models/sources"


def model_naming_conventions(manifest: Manifest) -> Checks:
    """Demand that staging is called after its source, and the rest have no prefix."""
    for model in manifest.nodes("model"):
        name = model["name"]
        if layer(model) == "staging":
            wanted = [
                f"stg_{source['source_name']}__{source['name']}"
                for source in manifest.parents(model, "source")
            ]
            problem = None if name in wanted else f"is to be called {wanted}"
        else:
            prefixed = name.startswith((*_PREFIXES, "stg_"))
            problem = "has the prefix of another layer" if prefixed else None
        yield name, problem


def model_directories(manifest: Manifest) -> Checks:
    """Demand that models lie in their layer's folder, staging in that of its source."""
    for model in manifest.nodes("model"):
        folder = folder_of(model["original_file_path"])
        problem = "lies in no layer's folder" if layer(model) == "other" else None
        if layer(model) == "staging":
            wanted = {
                f"models/staging/{source['source_name']}"
                for source in manifest.parents(model, "source")
            }
            if folder not in wanted:
                problem = f"lies in {folder}, not in {', '.join(sorted(wanted))}"
        if (model["language"] == "python") != (folder == "python_jobs"):
            problem = f"is {model['language']}, and lies in {folder}"
        yield label(model), problem


def source_directories(manifest: Manifest) -> Checks:
    """Demand that sources are declared in the file of their name in one folder."""
    for source in manifest.nodes("source"):
        wanted = f"{_SOURCES}/_{source['source_name']}__sources.yml"
        found = source["original_file_path"]
        yield (
            label(source),
            None if found == wanted else f"is declared in {found}, not in {wanted}",
        )


def test_directories(manifest: Manifest) -> Checks:
    """Demand that a model is described and tested in YAML beside it."""
    for model in manifest.nodes("model"):
        folder = folder_of(model["original_file_path"])
        tests = manifest.tests_of(model) + manifest.children(model, "unit_test")
        files = [model["patch_path"], *(test["original_file_path"] for test in tests)]
        elsewhere = sorted(
            {file for file in files if file is None or folder_of(file) != folder},
            key=str,
        )
        yield label(model), f"is described in {elsewhere}" if elsewhere else None
