{% macro postgres__apply_grants(relation, grant_config, should_revoke=true) -%}
    {%- set missing = var('timescale_roles', []) | reject('in', existing_roles()) | list -%}
    {%- set granted = {} -%}
    {%- for privilege, grantees in (grant_config or {}).items() -%}
        {%- set there = grantees | reject('in', missing) | list -%}
        {#- A declared empty list revokes all grants; a list that only has missing roles is
            skipped. -#}
        {%- if there | length > 0 or grantees | length == 0 -%}
            {%- do granted.update({privilege: there}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(default__apply_grants(relation, granted, should_revoke)) }}
{%- endmacro %}
