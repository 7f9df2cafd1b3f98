"""Rules of what others read: public models and exposures."""

from __future__ import annotations

from review.manifest import Manifest, Node, label
from review.rules import Checks, each

_STORED = ("table", "incremental", "continuous_aggregate", "hypertable")


@each("model")
def public_models_without_contract(manifest: Manifest, model: Node) -> str | None:
    """Demand a contract of public models."""
    is_free = (
        model["access"] == "public" and not model["config"]["contract"]["enforced"]
    )
    return "is public and has no contract" if is_free else None


@each("model")
def models_without_group(manifest: Manifest, model: Node) -> str | None:
    """Demand that every model has a group."""
    return None if model["group"] else "belongs to no group"


def exposures_of_other_than_stored_public_models(manifest: Manifest) -> Checks:
    """Demand that exposures read public, stored models: no source, no view."""
    for exposure in manifest.nodes("exposure"):
        for parent in manifest.parents(exposure, "model", "source"):
            yield f"{label(exposure)} on {label(parent)}", _why_not_exposed(parent)


def _why_not_exposed(parent: Node) -> str | None:
    if parent["resource_type"] == "source":
        return "is a source"
    if parent["access"] != "public":
        return f"is {parent['access']}, not public"
    how = parent["config"]["materialized"]
    return None if how in _STORED else f"is {how}, not stored"
