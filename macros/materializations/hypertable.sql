{#
    A model as a hypertable that is never rebuilt: the first run creates it and inserts,
    later runs merge by unique_key, append, or `sync`. An existing plain table is converted
    with its rows. `--full-refresh` selects everything again and merges it; it drops
    nothing. Only `--vars 'rebuild_hypertables: [name]'` drops the table. Without TimescaleDB
    it is a table with the same indexes. See hypertable_spec for the config.
#}
{% materialization hypertable, adapter='postgres' %}
    {%- set table = hypertable_spec() -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set is_rebuild = is_hypertable_rebuild() -%}
    {%- if existing is not none and not existing.is_table and not existing.is_view -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ " is to be a hypertable, but " ~ this ~ " is a " ~ existing.type
            ~ " whose rows may exist nowhere else. Drop it yourself, or give the model"
            ~ " another alias."
        ) -%}
    {%- endif -%}

    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {%- do begin_alone(table['relation']) -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}

    {%- set is_new = existing is none or existing.is_view or is_rebuild -%}
    {%- if is_new -%}
        {%- if existing is not none -%}
            {%- if is_rebuild -%}
                {%- do say_why_built(
                    table['relation'], 'the variable rebuild_hypertables names it'
                ) -%}
            {%- endif -%}
            {%- do table.update({'paused': paused_policies(table['relation'])}) -%}
            {%- do adapter.drop_relation(existing) -%}
        {%- endif -%}
        {%- do run_query(get_create_table_as_sql(
            False, target, 'select * from (\n' ~ sql ~ '\n) as model_rows where false'
        )) -%}
    {%- endif -%}
    {%- do change_hypertable(table) -%}
    {%- if is_new -%}
        {%- call statement('main') -%}
            {{ insert_rows_sql(target, adapter.get_columns_in_relation(target), sql) }}
        {%- endcall -%}
    {%- elif flags.EMPTY -%}
        {#- `--empty` is a dry run of the graph: it keeps the existing rows. -#}
        {%- do report('EMPTY', 0, 'EMPTY') -%}
    {%- else -%}
        {%- do add_to_hypertable(table, target, existing) -%}
    {%- endif -%}
    {%- do ensure_policies(table) -%}
    {%- do record_hypertable(table['relation']) -%}

    {{- finish_model(existing, target, is_rebuild) -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{#
    Whether the variable rebuild_hypertables names this model.
#}
{% macro is_hypertable_rebuild() -%}
    {%- set names = var('rebuild_hypertables', []) -%}
    {%- set names = [names] if names is string else names or [] -%}
    {{ return(model.name in names) }}
{%- endmacro %}


{#
    Converts an existing table to the declared hypertable, with its indexes.
#}
{% macro change_hypertable(table) -%}
    {%- set server = describe_tables([table])[table['relation']] -%}
    {%- do assert_same_shape(table, server) -%}
    {%- for change in hypertable_changes(table, server)
        + index_changes(table, server)
        + undeclared_indexes(table, server)
    -%}
        {%- do log(model.name ~ ': ' ~ change['summary'], info=true) -%}
        {%- do run_query(change['sql']) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    Writes the model's rows to an existing hypertable.
#}
{% macro add_to_hypertable(table, target, existing) -%}
    {%- set fresh = make_temp_relation(target) -%}
    {%- do run_query(get_create_table_as_sql(True, fresh, sql)) -%}
    {%- do adapter.expand_target_column_types(from_relation=fresh, to_relation=target) -%}
    {%- set changed = process_schema_changes(
        incremental_validate_on_schema_change(
            config.get('on_schema_change'), default='ignore'
        ),
        fresh,
        existing
    ) -%}
    {%- set columns = changed or adapter.get_columns_in_relation(existing) -%}
    {%- if table['strategy'] in ['merge', 'sync'] -%}
        {%- do assert_one_row_per_key(fresh, table['unique_key']) -%}
        {%- set scope = none -%}
        {%- if table['strategy'] == 'sync' -%}
            {%- do assert_same_columns(target, fresh, columns) -%}
            {%- set scope = 'true' -%}
        {%- endif -%}
        {%- set changed = write_differences(
            target, fresh, table['unique_key'], columns, scope
        ) -%}
        {%- do report(table['strategy'] | upper, changed, query=sql) -%}
        {{ return('') }}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ adapter.get_incremental_strategy_macro(context, table['strategy'])({
            'target_relation': target,
            'temp_relation': fresh,
            'unique_key': table['unique_key'] or none,
            'dest_columns': columns,
            'incremental_predicates': config.get('incremental_predicates'),
        }) }}
    {%- endcall -%}
{%- endmacro %}
