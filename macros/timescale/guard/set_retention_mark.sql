{% macro set_retention_mark(relation, dropped_before, unit=none) -%}
    {%- do run_query(set_retention_mark_sql(relation, dropped_before, unit)) -%}
{%- endmacro %}


{% macro set_retention_mark_sql(relation, dropped_before, unit=none) %}
    insert into {{ var('timescale_schema') }}.retention_marks as marks (relation, dropped_before)
    select '{{ relation }}', dropped.before
    from (select {{ mark_time(dropped_before, unit) }} as before) as dropped
    where dropped.before is not null
    on conflict (relation) do update set
        dropped_before = excluded.dropped_before,
        updated_at = now()
    where marks.dropped_before < excluded.dropped_before
{% endmacro %}
