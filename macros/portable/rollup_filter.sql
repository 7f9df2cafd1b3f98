{#
    Stands in the WHERE of every rollup and is true by itself. Where the server does not
    maintain the rollup, the materialization renders the model again for the time ranges to
    recompute (rollup_query): the filter is then a condition that holds in them, so that a
    refresh reads nothing else.
#}
{% macro rollup_filter(time_column) -%}
    {%- set filters = graph.get('rollup_filters', {}) if execute else {} -%}
    {%- set asked = filters.get(model.unique_id) -%}
    {%- if asked is none -%}
        true
    {%- else -%}
        {%- do asked['columns'].append(time_column) -%}
        {{ asked['condition'] }}
    {%- endif -%}
{%- endmacro %}


{#
    The query of the model that is being built, with a condition for rollup_filter(): in
    parentheses, and on one line, so that it stays whole in a line comment too.
#}
{% macro rollup_query(condition) -%}
    {{ return(rendered_with_filter('(' ~ condition.split() | join(' ') ~ ')')['query']) }}
{%- endmacro %}


{#
    Renders the model again: its query, and the columns that rollup_filter() was given.
#}
{% macro rendered_with_filter(condition) -%}
    {%- set asked = {'condition': condition, 'columns': []} -%}
    {%- if 'rollup_filters' not in graph -%}
        {%- do graph.update({'rollup_filters': {}}) -%}
    {%- endif -%}
    {%- do graph['rollup_filters'].update({model.unique_id: asked}) -%}
    {%- set query = render(model.raw_code) -%}
    {%- do graph['rollup_filters'].pop(model.unique_id) -%}
    {{ return({'query': query, 'columns': asked['columns']}) }}
{%- endmacro %}
