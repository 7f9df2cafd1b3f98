"""Rules of cost: what every query computes again."""

from __future__ import annotations

from review.manifest import Manifest, Node, label
from review.rules import Checks, each

# As in dbt-project-evaluator.
LONG_CHAIN = 5
_VIEWS = ("view", "ephemeral")
_STORED = ("table", "incremental", "continuous_aggregate", "hypertable")


@each("model")
def chained_views_dependencies(manifest: Manifest, model: Node) -> str | None:
    """Limit the length of chains of views."""
    chain = _views_below(manifest, model)
    return f"stands on a chain of {chain} views" if chain >= LONG_CHAIN else None


def exposure_parents_materializations(manifest: Manifest) -> Checks:
    """Demand that exposures read stored models: no source, no view."""
    for exposure in manifest.nodes("exposure"):
        for parent in manifest.parents(exposure, "model", "source"):
            how = (
                "a source"
                if parent["resource_type"] == "source"
                else parent["config"]["materialized"]
            )
            yield (
                f"{label(exposure)} on {label(parent)}",
                None if how in _STORED else f"is {how}, not stored",
            )


def _views_below(manifest: Manifest, model: Node) -> int:
    """Return how many views follow each other below a model."""
    views = [
        parent
        for parent in manifest.parents(model, "model")
        if parent["config"]["materialized"] in _VIEWS
    ]
    return max((1 + _views_below(manifest, view) for view in views), default=0)
