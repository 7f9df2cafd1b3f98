"""All rules, in the order of dbt-project-evaluator's chapters."""

from __future__ import annotations

from review import (
    documentation,
    governance,
    modeling,
    performance,
    structure,
    testing,
)
from review.rules import Rule

RULES: tuple[Rule, ...] = (
    modeling.direct_join_to_source,
    modeling.marts_dependent_on_source,
    modeling.duplicate_sources,
    modeling.hard_coded_references,
    modeling.model_fanout,
    modeling.multiple_sources_joined,
    modeling.rejoining_of_upstream_concepts,
    modeling.root_models,
    modeling.source_fanout,
    modeling.staging_dependent_on_downstream,
    modeling.staging_dependent_on_staging,
    modeling.unused_sources,
    modeling.too_many_joins,
    testing.missing_primary_key_tests,
    testing.missing_source_keys,
    testing.sources_without_freshness,
    testing.test_coverage,
    documentation.undocumented_models,
    documentation.undocumented_source_tables,
    documentation.undocumented_sources,
    documentation.undocumented_columns,
    documentation.untyped_columns,
    documentation.undocumented_macros,
    documentation.macro_arguments,
    structure.model_naming_conventions,
    structure.model_directories,
    structure.source_directories,
    structure.test_directories,
    performance.chained_views_dependencies,
    performance.exposure_parents_materializations,
    governance.public_models_without_contract,
    governance.undocumented_public_models,
    governance.exposures_dependent_on_private_models,
    governance.models_without_group,
)
