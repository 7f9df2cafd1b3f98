{#
    Replaces the existing relation with the filled table, and renames its constraints. The
    caller's transaction covers all of it: readers see the old rows until its commit.
#}
{% macro swap_in(filled, target, existing) -%}
    {%- if existing is not none -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- do adapter.rename_relation(filled, target) -%}
    {%- for row in run_query(
        "select conname from pg_constraint where conrelid = '" ~ target ~ "'::regclass"
        ~ " and starts_with(conname, '" ~ filled.identifier ~ "')"
    ).rows -%}
        {%- set wanted = target.identifier ~ row[0][filled.identifier | length :] -%}
        {%- if wanted | length <= target.relation_max_name_length() -%}
            {%- do run_query(
                'alter table ' ~ target ~ ' rename constraint ' ~ adapter.quote(row[0])
                ~ ' to ' ~ adapter.quote(wanted)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do run_query('analyze ' ~ target) -%}
{%- endmacro %}
