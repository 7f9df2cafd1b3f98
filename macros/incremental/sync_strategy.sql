{% macro get_incremental_sync_sql(arg_dict) %}
    {%- set unique_key = arg_dict['unique_key'] or [] -%}
    {%- set unique_key = [unique_key] if unique_key is string else unique_key -%}
    {%- if unique_key | length == 0 -%}
        {%- do exceptions.raise_compiler_error(
            "incremental_strategy 'sync' finds differing rows by unique_key: set"
            ~ " unique_key to the columns of the grain."
        ) -%}
    {%- endif -%}
    {%- if flags.EMPTY -%}
        {#- `--empty` is a dry run of the graph: it keeps the existing rows. -#}
        {{ return('select 1 where false') }}
    {%- endif -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set fresh = arg_dict['temp_relation'] -%}
    {%- do assert_same_columns(target, fresh, arg_dict['dest_columns']) -%}
    {%- do assert_one_row_per_key(fresh, unique_key) -%}
    {%- do sync_indexes(target, unique_key) -%}
    {%- set gone = delete_gone(target, fresh, unique_key) -%}
    {%- do store_raw_result('sync_gone', code='DELETE', rows_affected=gone) -%}
    {{ return(merge_changed_sql(target, fresh, unique_key, arg_dict['dest_columns'])) }}
{% endmacro %}


{#
    Sets dbt's message to `SYNC n`: the number of rows written and deleted. For the end of
    the incremental materialization.
#}
{% macro report_sync() %}
    {%- set main = load_result('main') -%}
    {%- if config.get('incremental_strategy') == 'sync'
        and main is not none and main['response']['code'] == 'INSERT'
        and is_incremental()
    -%}
        {%- set rows = load_result('sync_gone')['response']['rows_affected']
            + main['response']['rows_affected'] -%}
        {%- do store_raw_result(
            'main', message='SYNC ' ~ rows, code='SYNC', rows_affected=rows
        ) -%}
    {%- endif -%}
{% endmacro %}
