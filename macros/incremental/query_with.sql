{#
    The query of the model that is being built, rendered again with `condition` in the place
    of rollup_filter() or touched_rows(), where `{}` stands for their column. In parentheses,
    and on one line, so that it stays whole in a line comment too.
#}
{% macro query_with(condition) -%}
    {{ return(rendered_with('(' ~ condition.split() | join(' ') ~ ')')['query']) }}
{%- endmacro %}


{#
    Renders the model again and returns its query and the columns that its filter macros
    name. The key in `graph` contains the model's id, because threads share `graph`.
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
    The text of a filter macro in a model's WHERE: `true`, or the condition on `column` if
    the model is being rendered again with one.
#}
{% macro condition_on(column) -%}
    {%- set asked = graph.get('condition of ' ~ model.unique_id) if execute else none -%}
    {%- if asked is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- do asked['columns'].append(column) -%}
    {{ return(asked['condition'].replace('{}', column)) }}
{%- endmacro %}
