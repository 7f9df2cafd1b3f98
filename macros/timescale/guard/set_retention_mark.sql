{#
    Remembers that rows of `relation` before an instant are dropped, or about to be: in the
    transaction of the drop, or before it. A mark only ever moves forward. `dropped_before`
    is an SQL expression of type timestamptz, or of the table's integer time when `unit` is
    given.
#}
{% macro set_retention_mark(relation, dropped_before, unit=none) -%}
    {%- do run_query(set_retention_mark_sql(relation, dropped_before, unit)) -%}
{%- endmacro %}


{% macro set_retention_mark_sql(relation, dropped_before, unit=none) %}
    insert into ops.retention_marks as marks (relation, dropped_before)
    select '{{ relation }}', dropped.before
    from (select {{ mark_time(dropped_before, unit) }} as before) as dropped
    where dropped.before is not null
    on conflict (relation) do update set
        dropped_before = excluded.dropped_before,
        updated_at = now()
    where marks.dropped_before < excluded.dropped_before
{% endmacro %}


{#
    A time of a table in the timestamptz of the marks; the inverse of load_time. Exact: no
    detour through floating point.
#}
{% macro mark_time(expression, unit=none) -%}
    {%- if unit is none -%}
        ({{ expression }})::timestamptz
    {%- else -%}
        timestamptz '1970-01-01 00:00:00+00'
        + ({{ expression }}) * interval '1 microsecond'
        * {{ 1000000 // interval_units('1 second', unit) }}
    {%- endif -%}
{%- endmacro %}
