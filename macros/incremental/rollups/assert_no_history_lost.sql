{#
    Stops the build if old rows of a model cannot be computed again, because one of its
    inputs has dropped rows: `input`, the table that it was built from, or one of `names`,
    by default all tables that its new query reads. Returns a statement that checks again
    in the transaction of the build and locks out drops until it ends; none if the variable
    forget_history names the model.
#}
{% macro assert_no_history_lost(consumer, input=none, names=none) -%}
    {%- set forgotten = var('forget_history', []) -%}
    {%- set forgotten = [forgotten] if forgotten is string else forgotten -%}
    {%- if consumer in forgotten -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set names = history_inputs(model.depends_on.nodes) if names is none else names -%}
    {%- for name in names -%}
        {%- set retained = retained_from(name) -%}
        {%- if retained is not none -%}
            {%- set unit = guarded_table(name)['time_unit'] -%}
            {%- do refuse_to_leave(consumer, name, retained_instant(retained, unit)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if input is not none and input not in names -%}
        {%- do names.append(input) -%}
        {%- set answer = run_query(retained_from_sql({'relation': input, 'time_unit': none})) -%}
        {%- if answer.rows | length > 0 -%}
            {%- do refuse_to_leave(consumer, input, answer.rows[0][0]) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(nothing_dropped_sql(consumer, names)) }}
{%- endmacro %}


{#
    The tables with a time column that a model's rows come from, directly or through other
    models, as `schema.name`: sources, hypertables and rollups. It stops at a rollup, which
    stores its own rows.
#}
{% macro history_inputs(unique_ids) -%}
    {%- set names = [] -%}
    {%- for unique_id in unique_ids -%}
        {%- set node = graph.sources.get(unique_id) or graph.nodes.get(unique_id) or {} -%}
        {%- set settings = node.get('config', {}).get('meta', {}).get('timescale', {}) -%}
        {%- set found = [] -%}
        {%- if settings.get('time_column') is not none
            or settings.get('bucket') is not none
        -%}
            {%- do found.append(node.schema ~ '.' ~ (node.identifier or node.alias)) -%}
        {%- elif unique_id in graph.nodes -%}
            {%- do found.extend(history_inputs(node.depends_on.get('nodes', []))) -%}
        {%- endif -%}
        {%- do names.extend(found | reject('in', names) | list) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}


{% macro refuse_to_leave(consumer, input, instant) -%}
    {%- do exceptions.raise_compiler_error(
        consumer ~ " has history that cannot be computed again: " ~ input
        ~ " has dropped its rows before " ~ instant ~ ". Built as it is declared now, it"
        ~ " would lose that. Nothing was changed. Put the old definition back, or give the"
        ~ " new one a name of its own (a rollup keeps its history, and so does what reads"
        ~ " it), or give that history up: --vars '{forget_history: ["
        ~ consumer ~ "]}'"
    ) -%}
{%- endmacro %}


{% macro nothing_dropped_sql(consumer, names) %}
    do $block$
    declare
        input text;
    begin
        foreach input in array '{ {{- names | join(',') -}} }'::text[] loop
            -- Only tables and views can have a retention.
            continue when not exists (
                select 1
                from pg_class
                where
                    pg_class.oid = to_regclass(input)
                    and pg_class.relkind in ('r', 'p', 'v')
            );
            execute format('lock table %s in row exclusive mode', input::regclass);
            if exists (
                select 1
                from ops.retention_marks as marks
                where marks.relation = input
            ) then
                raise exception '% drops rows just now that {{ consumer }} holds: run dbt again',
                    input;
            end if;
        end loop;
    end
    $block$
{% endmacro %}
