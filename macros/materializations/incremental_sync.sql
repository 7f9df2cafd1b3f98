{#
    incremental_strategy='sync': the model's SELECT is its whole content, and only what
    differs from the table is written. Nothing different, nothing written.
#}
{% macro get_incremental_sync_sql(arg_dict) %}
    {%- set unique_key = arg_dict['unique_key'] -%}
    {%- if unique_key is none or unique_key | length == 0 -%}
        {%- do exceptions.raise_compiler_error(
            "incremental_strategy 'sync' finds differing rows by unique_key: set"
            ~ " unique_key to the columns of the grain."
        ) -%}
    {%- endif -%}

    {%- set target = arg_dict['target_relation'] -%}
    {%- set fresh = arg_dict['temp_relation'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='name') | list -%}
    {%- do assert_same_columns(target, fresh, columns) -%}
    {{ return(sync_sql(target, fresh, unique_key, columns, report='rows')) }}
{% endmacro %}


{#
    Stops where a table and what is to be its whole content have different columns.
#}
{% macro assert_same_columns(target, fresh, columns) %}
    {%- set selected = adapter.get_columns_in_relation(fresh)
        | map(attribute='name') | list -%}
    {%- set differing = columns | reject('in', selected) | list
        + selected | reject('in', columns) | list -%}
    {%- if differing | length > 0 -%}
        {%- do exceptions.raise_compiler_error(
            "The columns of " ~ target ~ " and of its SELECT are not the same: "
            ~ differing | join(', ') ~ ". Set on_schema_change='sync_all_columns'"
            ~ (", or run dbt with --full-refresh."
                if model.config.materialized == 'incremental' else ".")
        ) -%}
    {%- endif -%}
{% endmacro %}


{#
    Says `SYNC n` where the server's own status is that of a SELECT. For the end of the
    incremental materialization.
#}
{% macro report_sync() %}
    {%- set main = load_result('main') -%}
    {%- if config.get('incremental_strategy') == 'sync'
        and main is not none and main['response']['code'] == 'SELECT'
        and is_incremental()
    -%}
        {%- set rows = main['response']['rows_affected'] -%}
        {%- do store_raw_result(
            name='main', message='SYNC ' ~ rows, code='SYNC', rows_affected=rows
        ) -%}
    {%- endif -%}
{% endmacro %}
