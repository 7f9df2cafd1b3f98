{#
    Deletes the rows of a plain table before `boundary`, so many pages at a time, each batch
    its own transaction: no long lock, and an interrupted run goes on where it stopped.
    Every page is visited once. Returns the number of rows.
#}
{% macro delete_in_batches(table, boundary) -%}
    {%- set relation = table['relation'] -%}
    {%- set condition = table['time_column'] ~ ' < ' ~ boundary -%}
    {%- set pages = var('retention_batch_pages', 2000) | int -%}
    {%- set ends = run_query(
        "select split_part(trim('(' from min(ctid)::text), ',', 1)::bigint,"
        ~ " split_part(trim('(' from max(ctid)::text), ',', 1)::bigint"
        ~ " from " ~ relation ~ " where " ~ condition
    ).rows[0] -%}
    {%- set deleted = namespace(count=0) -%}
    {%- if ends[0] is not none -%}
        {%- for page in range(ends[0] | int, (ends[1] | int) + 1, pages) -%}
            {%- set answer = run_query(
                "with gone as (delete from " ~ relation ~ " where " ~ condition
                ~ " and ctid >= '(" ~ page ~ ",0)'::tid and ctid < '(" ~ (page + pages)
                ~ ",0)'::tid returning 1) select count(*) from gone"
            ) -%}
            {%- set deleted.count = deleted.count + (answer.rows[0][0] | int) -%}
            {%- do run_query('commit') -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(deleted.count) }}
{%- endmacro %}
