"""Rules of documentation: everything a reader meets is described, and typed."""

from __future__ import annotations

from review.manifest import Manifest, label, undescribed_columns
from review.rules import Checks


def undocumented_models(manifest: Manifest) -> Checks:
    """Demand that whatever dbt builds, tests by example or exposes is described."""
    kinds = ("model", "seed", "snapshot", "function", "exposure", "unit_test")
    for node in manifest.nodes(*kinds):
        described = (node["description"] or "").strip()
        yield label(node), None if described else "has no description"


def undocumented_source_tables(manifest: Manifest) -> Checks:
    """Demand that tables of sources are described."""
    for source in manifest.nodes("source"):
        described = source["description"].strip()
        yield label(source), None if described else "has no description"


def undocumented_sources(manifest: Manifest) -> Checks:
    """Demand that sources are described."""
    texts = {
        source["source_name"]: source["source_description"]
        for source in manifest.nodes("source")
    }
    for name, text in texts.items():
        yield name, None if text.strip() else "has no description"


def undocumented_columns(manifest: Manifest) -> Checks:
    """Demand that columns are described, and relations have columns."""
    for node in manifest.nodes("model", "seed", "snapshot", "source"):
        missing = set(undescribed_columns(node))
        if not node["columns"]:
            yield label(node), "declares no columns"
        for name in node["columns"]:
            yield (
                f"{label(node)}.{name}",
                "has no description" if name in missing else None,
            )


def untyped_columns(manifest: Manifest) -> Checks:
    """Demand that columns have a type."""
    for node in manifest.nodes("model", "snapshot", "source"):
        for name, column in node["columns"].items():
            typed = column.get("data_type")
            yield f"{label(node)}.{name}", None if typed else "has no data_type"


def undocumented_macros(manifest: Manifest) -> Checks:
    """Demand that macros and their arguments are described.

    Materializations and tests are described by the head of their file.
    """
    for macro in manifest.content["macros"].values():
        name = macro["name"]
        if macro["package_name"] != manifest.package or name.startswith(
            ("materialization_", "test_")
        ):
            continue
        yield name, None if macro["description"].strip() else "has no description"
        for argument in macro["arguments"]:
            described = argument["description"].strip() and argument["type"]
            yield (
                f"{name}({argument['name']})",
                None if described else "has no type or no description",
            )
