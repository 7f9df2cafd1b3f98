{#
    dbt's CREATE OR REPLACE FUNCTION, after a DROP: the server does not replace a function
    whose columns are others now. Both are one transaction.
#}
{% macro postgres__scalar_function_create_replace_signature_sql(target_relation) %}
    drop function if exists {{ target_relation.render() }} (
        {{- model.arguments | map(attribute='data_type') | join(', ') -}}
    );
    {{ default__scalar_function_create_replace_signature_sql(target_relation) }}
{% endmacro %}
