"""Rules of lineage: which layer may read which."""

from __future__ import annotations

from collections import defaultdict

from review.manifest import Manifest, Node, label, layer, names
from review.references import hard_coded, known_relations
from review.rules import Checks, each

# As in dbt-project-evaluator.
MANY_LEAVES = 3
MANY_PARENTS = 7
# Layers that may read a source: rollups by ADR 0002, views of ops over bookkeeping.
READERS = ("staging", "rollups", "ops")


@each("model")
def direct_join_to_source(manifest: Manifest, model: Node) -> str | None:
    """Demand that a model reads models or sources, not both."""
    sources = manifest.parents(model, "source")
    if sources and manifest.parents(model, "model"):
        return f"reads {names(sources)} beside models: read a staging model"
    return None


@each("model")
def marts_dependent_on_source(manifest: Manifest, model: Node) -> str | None:
    """Demand that no mart reads a source: staging does, rollups and views of ops."""
    sources = manifest.parents(model, "source")
    if sources and layer(model) not in READERS:
        return f"reads {names(sources)}: read a staging model or a rollup"
    return None


def duplicate_sources(manifest: Manifest) -> Checks:
    """Demand that a table is declared as one source only."""
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


@each("model")
def model_fanout(manifest: Manifest, model: Node) -> str | None:
    """Limit how many models without readers depend on one model."""
    leaves = [
        child
        for child in manifest.children(model, "model")
        if not manifest.children(child, "model", "snapshot", "function")
    ]
    if len(leaves) >= MANY_LEAVES:
        return f"is read by {len(leaves)} models that no other reads: {names(leaves)}"
    return None


@each("model")
def multiple_sources_joined(manifest: Manifest, model: Node) -> str | None:
    """Demand that a model reads at most one source."""
    sources = manifest.parents(model, "source")
    if len(sources) > 1:
        return f"reads {names(sources)}: one staging model for each"
    return None


@each("model")
def rejoining_of_upstream_concepts(manifest: Manifest, between: Node) -> str | None:
    """Demand a second reader of a model whose only reader also reads its parents.

    Ephemeral models are exempt: they are a part of their reader's query.
    """
    if between["config"]["materialized"] == "ephemeral":
        return None
    kinds = ("model", "source", "seed", "snapshot")
    children = manifest.children(between, *kinds, "function")
    if len(children) != 1 or children[0]["resource_type"] != "model":
        return None
    below = manifest.parents(between, *kinds)
    again = [node for node in manifest.parents(children[0], *kinds) if node in below]
    if again:
        return f"serves {names(children)} only, which reads {names(again)} as well"
    return None


@each("model")
def root_models(manifest: Manifest, model: Node) -> str | None:
    """Demand that every model reads something."""
    parents = manifest.parents(model, "model", "source", "seed", "snapshot")
    return None if parents else "reads nothing"


@each("source")
def source_fanout(manifest: Manifest, source: Node) -> str | None:
    """Demand that at most one model reads a source."""
    models = manifest.children(source, "model")
    if len(models) > 1:
        return f"is read by {names(models)}: let staging read it"
    return None


def staging_dependent_on_downstream(manifest: Manifest) -> Checks:
    """Demand that staging reads no model of a later layer."""
    for model, parents in _read_by_staging(manifest):
        above = [node for node in parents if layer(node) != "staging"]
        yield label(model), f"reads {names(above)}" if above else None


def staging_dependent_on_staging(manifest: Manifest) -> Checks:
    """Demand that staging models do not read each other."""
    for model, parents in _read_by_staging(manifest):
        beside = [node for node in parents if layer(node) == "staging"]
        yield label(model), f"reads {names(beside)}" if beside else None


@each("source")
def unused_sources(manifest: Manifest, source: Node) -> str | None:
    """Demand that every source is read."""
    readers = manifest.children(
        source, "model", "snapshot", "exposure", "function", "seed"
    )
    return None if readers else "is read by no model"


@each("model")
def too_many_joins(manifest: Manifest, model: Node) -> str | None:
    """Demand that a model reads few others."""
    parents = manifest.parents(model, "model", "source", "seed", "snapshot")
    if len(parents) >= MANY_PARENTS:
        return f"reads {len(parents)} relations: {names(parents)}"
    return None


def _read_by_staging(manifest: Manifest) -> list[tuple[Node, list[Node]]]:
    """Return the models of staging, each with the models it reads."""
    return [
        (model, manifest.parents(model, "model"))
        for model in manifest.nodes("model")
        if layer(model) == "staging"
    ]
