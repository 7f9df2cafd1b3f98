"""Rules of lineage: which layer may read which."""

from __future__ import annotations

from review.manifest import Manifest, Node, label, layer, names
from review.references import hard_coded, known_relations
from review.rules import Checks, each

# As in dbt-project-evaluator.
MANY_PARENTS = 7
LONG_CHAIN = 5
# Layers that may read a source: rollups by ADR 0002, views of ops over bookkeeping.
READERS = ("staging", "rollups", "ops")


@each("model")
def direct_source_reads(manifest: Manifest, model: Node) -> str | None:
    """Demand that only staging, rollups and ops read sources, and then no models."""
    sources = manifest.parents(model, "source")
    if sources and layer(model) not in READERS:
        return f"reads {names(sources)}: read a staging model or a rollup"
    models = manifest.parents(model, "model")
    if models and (sources or layer(model) == "staging"):
        return f"reads {names(models)} beside sources, or instead"
    return None


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


@each("model")
def chained_views(manifest: Manifest, model: Node) -> str | None:
    """Limit the length of chains of views, which every query computes again."""
    chain = _views_below(manifest, model)
    return f"stands on a chain of {chain} views" if chain >= LONG_CHAIN else None


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


def _views_below(manifest: Manifest, model: Node) -> int:
    """Return how many views follow each other below a model."""
    views = [
        parent
        for parent in manifest.parents(model, "model")
        if parent["config"]["materialized"] in ("view", "ephemeral")
    ]
    return max((1 + _views_below(manifest, view) for view in views), default=0)
