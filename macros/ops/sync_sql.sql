{#
    One statement that makes `target` equal to `fresh` and touches nothing that is equal
    already: rows that are gone are deleted, rows that differ are updated, new ones are
    inserted. `scope`, a condition on the target's rows under the alias `old`, limits it
    to a part of the target of which `fresh` is the whole content.

    With `report='count'` the statement returns the number of changed rows, with 'rows' one
    row for each, so that the server's own status says how many.
#}
{% macro sync_sql(target, fresh, unique_key, columns, scope='true', report='count') %}
    {%- set keys = [unique_key] if unique_key is string else unique_key %}
    {%- set values = columns | reject('in', keys) | list %}
    {%- set same_key = [] %}
    {%- for key in keys -%}
        {%- do same_key.append('old.' ~ adapter.quote(key) ~ ' = fresh.' ~ adapter.quote(key))
        -%}
    {%- endfor %}
    with

    gone as (
        delete from {{ target }} as old
        where
            ({{ scope }})
            and not exists (
                select 1 from {{ fresh }} as fresh where {{ same_key | join(' and ') }}
            )
        returning 1 as changed
    ),

    {% if values | length > 0 -%}
    updated as (
        update {{ target }} as old
        set
            {%- for column in values %}
            {{ adapter.quote(column) }} = fresh.{{ adapter.quote(column) }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from {{ fresh }} as fresh
        where
            ({{ scope }})
            and {{ same_key | join(' and ') }}
            and (
                {%- for column in values %}
                old.{{ adapter.quote(column) }}
                is distinct from fresh.{{ adapter.quote(column) }}
                {{- ' or' if not loop.last }}
                {%- endfor %}
            )
        returning 1 as changed
    ),
    {%- endif %}

    added as (
        insert into {{ target }} ({{ quoted_names(columns) }})
        select {{ quoted_names(columns) }}
        from {{ fresh }} as fresh
        where not exists (
            select 1
            from {{ target }} as old
            where ({{ scope }}) and {{ same_key | join(' and ') }}
        )
        returning 1 as changed
    ),

    changes as (
        select changed from gone
        {%- if values | length > 0 %}
        union all
        select changed from updated
        {%- endif %}
        union all
        select changed from added
    )

    {% if report == 'rows' -%}
    select changed from changes
    {%- else -%}
    select count(*) as changed from changes
    {%- endif %}
{% endmacro %}


{% macro quoted_names(names) -%}
    {%- for name in names -%}
        {{ adapter.quote(name) }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
