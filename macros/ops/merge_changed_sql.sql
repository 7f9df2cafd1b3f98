{#
    An INSERT that brings `fresh` into `target` by unique_key, of which the target has a
    unique index: new rows come in, those that differ take the place of the old ones, and
    those that are equal are only read. Two fresh rows of one key are an error.

    Not a MERGE: TimescaleDB takes none into compressed chunks. Of those it decompresses
    what the inserted keys meet; what an UPDATE with a join may meet would be everything.
#}
{% macro merge_changed_sql(target, fresh, unique_key, columns) %}
    {%- set names = quoted_names(columns) %}
    {%- set keys = quoted_names(unique_key) %}
    {%- set values = columns | reject('in', unique_key) | list %}
    insert into {{ target }} ({{ names }})
    select {{ names }}
    from {{ fresh }} as fresh
    where not exists (
        select 1
        from {{ target }} as old
        where
            {%- for column in unique_key %}
            {{ 'and ' if not loop.first }}old.{{ adapter.quote(column) }}
            = fresh.{{ adapter.quote(column) }}
            {%- endfor %}
            {%- for column in values %}
            and old.{{ adapter.quote(column) }}
            is not distinct from fresh.{{ adapter.quote(column) }}
            {%- endfor %}
    )
    on conflict ({{ keys }}) do
    {%- if values | length == 0 %} nothing
    {%- else %} update set
        {%- for column in values %}
        {{ adapter.quote(column) }} = excluded.{{ adapter.quote(column) }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {%- endif %}
{% endmacro %}
