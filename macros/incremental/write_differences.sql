{#
    Makes `target` equal to `fresh` by unique_key, on which the target has a unique index:
    deletes rows that are not in `fresh`, inserts new ones, updates those that differ. Equal
    rows are not written. Returns the number of changed rows.

    `scope` is a condition on the target's rows, alias `old`: it selects the rows that
    `fresh` replaces. With none, nothing is deleted.
#}
{% macro write_differences(target, fresh, unique_key, columns, scope='true') -%}
    {%- set gone = 0 if scope is none
        else delete_gone(target, fresh, unique_key, scope) -%}
    {%- call statement('written') -%}
        {{ merge_changed_sql(target, fresh, unique_key, columns) }}
    {%- endcall -%}
    {{ return(gone + load_result('written')['response']['rows_affected']) }}
{%- endmacro %}


{#
    Deletes the rows in `scope` whose keys are not in `fresh`, and returns their number. It
    counts first: a DELETE decompresses everything that it reads from a hypertable, even if
    it finds nothing to delete.
#}
{% macro delete_gone(target, fresh, unique_key, scope='true') -%}
    {%- set same_key = [] -%}
    {%- for column in unique_key -%}
        {%- set name = adapter.quote(column) -%}
        {%- do same_key.append('old.' ~ name ~ ' = fresh.' ~ name) -%}
    {%- endfor -%}
    {%- set gone -%}
        {{ target }} as old
        where
            ({{ scope }})
            and not exists (
                select 1 from {{ fresh }} as fresh where {{ same_key | join(' and ') }}
            )
    {%- endset -%}
    {#- count(*) and not EXISTS: for the first row only, PostgreSQL would choose a nested
        loop over all fresh rows. -#}
    {%- if run_query('select count(*) from ' ~ gone).rows[0][0] == 0 -%}
        {{ return(0) }}
    {%- endif -%}
    {%- call statement('gone') -%}
        delete from {{ gone }}
    {%- endcall -%}
    {{ return(load_result('gone')['response']['rows_affected']) }}
{%- endmacro %}


{#
    Stops if two fresh rows have the same key: if one of them equals the stored row, only the
    other would be written, and the next build would write the first one back.
#}
{% macro assert_one_row_per_key(fresh, unique_key) -%}
    {%- set key = quoted_names(unique_key) -%}
    {%- for row in run_query(
        'select count(*), concat_ws(\', \', ' ~ key ~ ') from ' ~ fresh
        ~ ' group by ' ~ key ~ ' having count(*) > 1 limit 1'
    ).rows -%}
        {%- do exceptions.raise_compiler_error(
            "The query of " ~ model.name ~ " yields " ~ row[0] ~ " rows of one key: ("
            ~ unique_key | join(', ') ~ ") = (" ~ row[1] ~ "). Nothing was written. Let it"
            ~ " yield one row per key, or add the column that tells them apart to"
            ~ " unique_key."
        ) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    An INSERT … ON CONFLICT of `fresh` into `target`; the keys of `fresh` must be unique.

    It is not a MERGE, because TimescaleDB does not support MERGE into compressed chunks. An
    INSERT decompresses only the segments with the inserted keys; an UPDATE with a join would
    decompress all.
#}
{% macro merge_changed_sql(target, fresh, unique_key, columns) %}
    {%- set names = quoted_names(columns | map(attribute='name')) %}
    {%- set values = columns | rejectattr('name', 'in', unique_key) | list %}
    insert into {{ target }} ({{ names }})
    select {{ names }}
    from {{ fresh }} as fresh
    where not exists (
        select 1
        from {{ target }} as old
        where
            {%- for name in unique_key %}
            {{ 'and ' if not loop.first }}old.{{ adapter.quote(name) }}
            = fresh.{{ adapter.quote(name) }}
            {%- endfor %}
            {%- for column in values %}
            {#- `json` has no equality of its own. #}
            {%- set text = '::text' if column.data_type | lower == 'json' else '' %}
            and old.{{ adapter.quote(column.name) }}{{ text }}
            is not distinct from fresh.{{ adapter.quote(column.name) }}{{ text }}
            {%- endfor %}
    )
    on conflict ({{ quoted_names(unique_key) }}) do
    {%- if values | length == 0 %} nothing
    {%- else %} update set
        {%- for column in values %}
        {{ adapter.quote(column.name) }} = excluded.{{ adapter.quote(column.name) }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {%- endif %}
{% endmacro %}


{#
    An INSERT of a query's rows, by the names of its columns.
#}
{% macro insert_rows_sql(target, columns, query) %}
    {%- set names = quoted_names(columns | map(attribute='name')) %}
    insert into {{ target }} ({{ names }})
    select {{ names }}
    from (
        {{ query }}
    ) as model_rows
{% endmacro %}


{#
    Stops if a table and the relation with its fresh rows have different columns.
#}
{% macro assert_same_columns(target, fresh, columns) %}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set selected = adapter.get_columns_in_relation(fresh)
        | map(attribute='name') | list -%}
    {%- set differing = names | reject('in', selected) | list
        + selected | reject('in', names) | list -%}
    {%- if differing | length > 0 -%}
        {#- A model that takes in loads does not look at on_schema_change. -#}
        {%- set change = "set on_schema_change='sync_all_columns'"
            if not model.config.meta.get('loads') else none -%}
        {%- set refresh = 'run dbt with --full-refresh'
            if model.config.materialized == 'incremental' else none -%}
        {%- do exceptions.raise_compiler_error(
            "The columns of " ~ target ~ " and of its SELECT are not the same: "
            ~ differing | join(', ') ~ ". Way out: "
            ~ [change, refresh] | select | join(', or ') ~ "."
        ) -%}
    {%- endif -%}
{% endmacro %}


{#
    Names of columns, quoted, for a list in SQL.
#}
{% macro quoted_names(names) -%}
    {%- for name in names -%}
        {{ adapter.quote(name) }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
