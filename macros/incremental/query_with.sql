{#
    The query of the model that is being built, rendered again with `condition` in the place
    of rollup_filter() or touched_rows(), where `{}` stands for their column. In parentheses,
    and on one line, so that it stays whole in a line comment too.
#}
{% macro query_with(condition) -%}
    {{ return(rendered_with('(' ~ condition.split() | join(' ') ~ ')')['query']) }}
{%- endmacro %}


{#
    Renders the model again: its query, and the columns that it wants conditions on. Each
    model has a key of its own in `graph`, which threads share.
#}
{% macro rendered_with(condition) -%}
    {%- set asked = {'condition': condition, 'columns': []} -%}
    {%- set key = 'condition of ' ~ model.unique_id -%}
    {%- do graph.update({key: asked}) -%}
    {%- set query = render(model.raw_code) -%}
    {%- do graph.pop(key) -%}
    {{ return({'query': query, 'columns': asked['columns']}) }}
{%- endmacro %}


{#
    What stands in a model's WHERE for a condition on `column`: true, unless it is rendered
    again with one.
#}
{% macro condition_on(column) -%}
    {%- set asked = graph.get('condition of ' ~ model.unique_id) if execute else none -%}
    {%- if asked is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- do asked['columns'].append(column) -%}
    {{ return(asked['condition'].replace('{}', column)) }}
{%- endmacro %}
