"""Rules of lineage: which layer reads which, and what reads the same thing twice."""

from __future__ import annotations

from collections import defaultdict

from review.manifest import Manifest, label, layer, names
from review.references import hard_coded, known_relations
from review.rules import Checks

# As in dbt-project-evaluator.
MANY_LEAVES = 3
MANY_PARENTS = 7
# Who may read a source; rollups by ADR 0002, what runs on the server beside it.
READERS = ("staging", "rollups", "ops")


def direct_join_to_source(manifest: Manifest) -> Checks:
    """Demand that a model reads models or sources, not both."""
    for model in manifest.nodes("model"):
        sources = manifest.parents(model, "source")
        mixed = sources and manifest.parents(model, "model")
        yield (
            label(model),
            f"reads {names(sources)} beside models: read a staging model"
            if mixed
            else None,
        )


def marts_dependent_on_source(manifest: Manifest) -> Checks:
    """Demand that no mart reads a source: staging does, rollups and views of ops."""
    for model in manifest.nodes("model"):
        sources = manifest.parents(model, "source")
        yield (
            label(model),
            f"reads {names(sources)}: read a staging model or a rollup"
            if sources and layer(model) not in READERS
            else None,
        )


def duplicate_sources(manifest: Manifest) -> Checks:
    """Demand that a table is one source."""
    tables = defaultdict(list)
    for source in manifest.nodes("source"):
        tables[source["schema"], source["identifier"]].append(source)
    for (schema, table), sources in tables.items():
        yield (
            f"{schema}.{table}",
            f"is declared as {names(sources)}" if len(sources) > 1 else None,
        )


def hard_coded_references(manifest: Manifest) -> Checks:
    """Demand that code names relations by `ref` and `source`."""
    known = known_relations(manifest)
    for node in manifest.nodes("model", "test", "function"):
        if node.get("test_metadata") is None:
            found = hard_coded(node, known)
            yield (
                label(node),
                f"names {', '.join(found)}: say ref() or source()" if found else None,
            )


def model_fanout(manifest: Manifest) -> Checks:
    """Demand that few models that nothing reads hang on one model."""
    for model in manifest.nodes("model"):
        leaves = [
            child
            for child in manifest.children(model, "model")
            if not manifest.children(child, "model", "snapshot", "function")
        ]
        yield (
            label(model),
            f"is read by {len(leaves)} models that no other reads: {names(leaves)}"
            if len(leaves) >= MANY_LEAVES
            else None,
        )


def multiple_sources_joined(manifest: Manifest) -> Checks:
    """Demand that a model reads one source."""
    for model in manifest.nodes("model"):
        sources = manifest.parents(model, "source")
        yield (
            label(model),
            f"reads {names(sources)}: one staging model for each"
            if len(sources) > 1
            else None,
        )


def rejoining_of_upstream_concepts(manifest: Manifest) -> Checks:
    """Demand that a model serves more than one that reads what it reads, too."""
    kinds = ("model", "source", "seed", "snapshot")
    for between in manifest.nodes("model"):
        children = manifest.children(between, *kinds, "function")
        again = []
        if len(children) == 1 and children[0]["resource_type"] == "model":
            below = {node["unique_id"] for node in manifest.parents(between, *kinds)}
            again = [
                node
                for node in manifest.parents(children[0], *kinds)
                if node["unique_id"] in below
            ]
        yield (
            label(between),
            f"serves {names(children)} only, which reads {names(again)} as well"
            if again
            else None,
        )


def root_models(manifest: Manifest) -> Checks:
    """Demand that every model reads something."""
    for model in manifest.nodes("model"):
        parents = manifest.parents(model, "model", "source", "seed", "snapshot")
        yield label(model), None if parents else "reads nothing"


def source_fanout(manifest: Manifest) -> Checks:
    """Demand that a source is read by one model."""
    for source in manifest.nodes("source"):
        models = manifest.children(source, "model")
        yield (
            label(source),
            f"is read by {names(models)}: let staging read it"
            if len(models) > 1
            else None,
        )


def staging_dependent_on_downstream(manifest: Manifest) -> Checks:
    """Demand that staging reads nothing that is made of it."""
    for model in _staging(manifest):
        above = [
            node
            for node in manifest.parents(model, "model")
            if layer(node) != "staging"
        ]
        yield label(model), f"reads {names(above)}" if above else None


def staging_dependent_on_staging(manifest: Manifest) -> Checks:
    """Demand that staging models do not read each other."""
    for model in _staging(manifest):
        beside = [
            node
            for node in manifest.parents(model, "model")
            if layer(node) == "staging"
        ]
        yield label(model), f"reads {names(beside)}" if beside else None


def unused_sources(manifest: Manifest) -> Checks:
    """Demand that every source is read."""
    for source in manifest.nodes("source"):
        readers = manifest.children(
            source, "model", "snapshot", "exposure", "function", "seed"
        )
        yield label(source), None if readers else "is read by no model"


def too_many_joins(manifest: Manifest) -> Checks:
    """Demand that a model reads few others."""
    for model in manifest.nodes("model"):
        parents = manifest.parents(model, "model", "source", "seed", "snapshot")
        yield (
            label(model),
            f"reads {len(parents)} relations: {names(parents)}"
            if len(parents) >= MANY_PARENTS
            else None,
        )


def _staging(manifest: Manifest) -> list[dict[str, object]]:
    return [node for node in manifest.nodes("model") if layer(node) == "staging"]
