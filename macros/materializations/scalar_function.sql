{#
    dbt's CREATE OR REPLACE FUNCTION, after a DROP in the same transaction: the server does
    not replace a function whose result columns have changed.
#}
{% macro postgres__scalar_function_create_replace_signature_sql(target_relation) %}
    drop function if exists {{ target_relation.render() }} (
        {{- model.arguments | map(attribute='data_type') | join(', ') -}}
    );
    {{ default__scalar_function_create_replace_signature_sql(target_relation) }}
{% endmacro %}
