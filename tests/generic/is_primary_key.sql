{#
    Fails if the table has no primary key of exactly `columns` (or the column). Keys of big
    tables are tested in this way, because reading the catalog is fast for a table of any
    size.
#}
{% test is_primary_key(model, columns=none, column_name=none) %}

{%- set wanted = [column_name] if columns is none else columns %}

with

declared as (

    select array_agg(pg_attribute.attname::text order by pg_attribute.attname) as columns
    from pg_constraint
    inner join pg_attribute
        on
            pg_constraint.conrelid = pg_attribute.attrelid
            and pg_attribute.attnum = any(pg_constraint.conkey)
    where
        pg_constraint.conrelid = '{{ model }}'::regclass
        and pg_constraint.contype = 'p'
        and pg_constraint.convalidated

)

select
    '{{ wanted | sort | join(', ') }}' as wanted,
    declared.columns as found
from declared
where declared.columns is distinct from
    array['{{ wanted | sort | join("', '") }}']

{% endtest %}
