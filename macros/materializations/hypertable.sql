{#
    A model as a hypertable that is never rebuilt: the first run creates it and inserts,
    later runs merge by unique_key, append, or `sync`. A plain table under its name is
    converted with its rows. `--full-refresh` selects everything again and merges it; it
    drops nothing. Only `--vars 'rebuild_hypertables: [name]'` does. Without TimescaleDB it
    is a table with the same indexes. See hypertable_spec for what a model declares.
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
        {%- set columns = quoted_names(
            adapter.get_columns_in_relation(target) | map(attribute='name') | list
        ) -%}
        {%- call statement('main') -%}
            insert into {{ target }} ({{ columns }})
            select {{ columns }} from (
            {{ sql }}
            ) as model_rows
        {%- endcall -%}
    {%- elif flags.EMPTY -%}
        {%- call noop_statement('main', 'EMPTY', 'EMPTY', 0) -%}
            -- A dry run of the graph leaves the rows that are there.
        {%- endcall -%}
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
    Makes an existing table the hypertable that is declared, with its indexes.
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
    Brings the model's rows into a hypertable that has rows already.
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
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set gone = 0 -%}
    {%- if table['strategy'] == 'sync' -%}
        {%- do assert_same_columns(target, fresh, names) -%}
        {%- set gone = delete_gone(target, fresh, table['unique_key']) -%}
    {%- endif -%}
    {%- set arguments = {
        'target_relation': target,
        'temp_relation': fresh,
        'unique_key': table['unique_key'] or none,
        'dest_columns': columns,
        'incremental_predicates': config.get('incremental_predicates'),
    } -%}
    {%- call statement('main') -%}
        {%- if table['strategy'] in ['merge', 'sync'] -%}
            {{ merge_changed_sql(target, fresh, table['unique_key'], names) }}
        {%- else -%}
            {{ adapter.get_incremental_strategy_macro(context, table['strategy'])(
                arguments
            ) }}
        {%- endif -%}
    {%- endcall -%}
    {%- if table['strategy'] in ['merge', 'sync'] -%}
        {%- set rows = gone + load_result('main')['response']['rows_affected'] -%}
        {%- set code = table['strategy'] | upper -%}
        {%- do store_raw_result(
            name='main', message=code ~ ' ' ~ rows, code=code, rows_affected=rows
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Deletes the rows whose keys the model returns no more, and says how many. In a statement
    of its own: on compressed chunks another change in the same one would not see what this
    one decompresses. It decompresses all that it reads, so it is not even tried in vain.
#}
{% macro delete_gone(target, fresh, unique_key) -%}
    {%- set same_key = [] -%}
    {%- for column in unique_key -%}
        {%- set name = adapter.quote(column) -%}
        {%- do same_key.append('old.' ~ name ~ ' = fresh.' ~ name) -%}
    {%- endfor -%}
    {%- set is_gone = 'not exists (select 1 from ' ~ fresh ~ ' as fresh where '
        ~ same_key | join(' and ') ~ ')' -%}
    {%- set any_gone = run_query(
        'select exists(select 1 from ' ~ target ~ ' as old where ' ~ is_gone ~ ')'
    ).rows[0][0] -%}
    {%- if not any_gone -%}
        {{ return(0) }}
    {%- endif -%}
    {%- call statement('gone') -%}
        delete from {{ target }} as old where {{ is_gone }}
    {%- endcall -%}
    {{ return(load_result('gone')['response']['rows_affected']) }}
{%- endmacro %}
