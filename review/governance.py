"""Rules of public models and exposures."""

from __future__ import annotations

from review.manifest import Manifest, Node, label, undescribed_columns
from review.rules import Checks, each


def public_models_without_contract(manifest: Manifest) -> Checks:
    """Demand a contract of public models."""
    for model in _public(manifest):
        enforced = model["config"]["contract"]["enforced"]
        yield label(model), None if enforced else "is public and has no contract"


def undocumented_public_models(manifest: Manifest) -> Checks:
    """Demand that a public model and all its columns are described."""
    for model in _public(manifest):
        missing = list(undescribed_columns(model))
        if not model["description"].strip() or not model["columns"]:
            missing.append("the model")
        yield label(model), f"{missing} lack a description" if missing else None


def exposures_dependent_on_private_models(manifest: Manifest) -> Checks:
    """Demand that exposures depend on public models only."""
    for exposure in manifest.nodes("exposure"):
        for parent in manifest.parents(exposure, "model"):
            yield (
                f"{label(exposure)} on {label(parent)}",
                None
                if parent["access"] == "public"
                else f"is {parent['access']}, not public",
            )


@each("model")
def models_without_group(manifest: Manifest, model: Node) -> str | None:
    """Demand that every model has a group."""
    return None if model["group"] else "belongs to no group"


def _public(manifest: Manifest) -> list[Node]:
    return [node for node in manifest.nodes("model") if node["access"] == "public"]
