{#
    Fails with every combination of `columns` that occurs more than once. NULLs count as
    equal, so a key that is NULL twice fails too.
#}
{% test unique_combination(model, columns) %}

{%- if columns is string or columns | length == 0 %}
    {%- do exceptions.raise_compiler_error(
        "unique_combination on " ~ model ~ ": columns must be a list of column names."
    ) %}
{%- endif %}

select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
