{#
    Stops if a model with an enforced contract selects other columns or types than its YAML,
    or if its existing table has other types. dbt itself checks only when it creates a
    relation, but the tables of this project are updated in place.
#}
{% macro assert_contract(existing=none) -%}
    {%- set contract = config.get('contract') -%}
    {%- if contract is none or not contract.enforced -%}
        {{ return('') }}
    {%- endif -%}
    {%- do get_assert_columns_equivalent(sql) -%}
    {%- if existing is not none -%}
        {%- set declared = column_types(get_empty_schema_sql(model.columns)) -%}
        {%- set there = column_types('select * from ' ~ existing) -%}
        {%- for name, type in there.items() if declared[name] | default(type) != type -%}
            {%- do exceptions.raise_compiler_error(
                "The contract of " ~ model.name ~ " says that " ~ name ~ " is "
                ~ declared[name] ~ ", but in " ~ existing ~ " it is " ~ type
                ~ ". Types are not changed in place: build the model once with"
                ~ " --full-refresh, or put the old type back."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#
    Types of a query's columns by name, spelled as in dbt's own check of contracts.
#}
{% macro column_types(query) -%}
    {%- set types = {} -%}
    {%- for column in format_columns(get_column_schema_from_query(query)) -%}
        {%- do types.update({column['name']: column['data_type']}) -%}
    {%- endfor -%}
    {{ return(types) }}
{%- endmacro %}
