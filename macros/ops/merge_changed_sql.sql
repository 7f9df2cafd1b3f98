{#
    A MERGE of `fresh` into `target` by unique_key that updates only the rows that differ.
#}
{% macro merge_changed_sql(target, fresh, unique_key, columns) %}
    {%- set same_key = [] %}
    {%- set differs = [] %}
    {%- set set_values = [] %}
    {%- set values = [] %}
    {%- for column in columns -%}
        {%- set name = adapter.quote(column) -%}
        {%- do values.append('fresh.' ~ name) -%}
        {%- if column in unique_key -%}
            {%- do same_key.append('old.' ~ name ~ ' = fresh.' ~ name) -%}
        {%- else -%}
            {%- do differs.append('old.' ~ name ~ ' is distinct from fresh.' ~ name) -%}
            {%- do set_values.append(name ~ ' = fresh.' ~ name) -%}
        {%- endif -%}
    {%- endfor %}
    merge into {{ target }} as old
    using {{ fresh }} as fresh
    on {{ same_key | join(' and ') }}
    {%- if differs | length > 0 %}
    when matched and ({{ differs | join(' or ') }})
        then update set {{ set_values | join(', ') }}
    {%- endif %}
    when not matched
        then insert ({{ quoted_names(columns) }}) values ({{ values | join(', ') }})
{% endmacro %}
