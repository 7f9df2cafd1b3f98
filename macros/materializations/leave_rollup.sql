{#
    For models that are something else now and may have been rollups before: forgets the
    record of the rollup, so that becoming one again builds it from nothing. Stops where
    the rollup holds buckets whose raw rows are gone: what takes its place is computed from
    the source alone and would lose them.

    `drops` is for materializations that would go on with the rows that are there
    (incremental, which takes any relation but a view for its table) or take a continuous
    aggregate for a materialized view: the old relation goes first.
#}
{% macro leave_rollup(drops=false) -%}
    {%- set consumer = this.schema ~ '.' ~ this.identifier -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none -%}
        {{ return('') }}
    {%- endif -%}
    {%- set is_on_record = consumer in rollups_on_record() -%}
    {%- if is_on_record -%}
        {%- do assert_no_history_lost(consumer) -%}
    {%- endif -%}

    {#- In a transaction of its own: should the build fail, a rollup is only rebuilt. -#}
    {%- set is_mistaken = drops and existing.type == 'materialized_view' and (
        config.get('materialized') == 'incremental' or is_continuous_aggregate(existing)
    ) -%}
    {%- if is_on_record or is_mistaken -%}
        {%- call statement('forget_rollup') -%}
            delete from ops.model_state where model = '{{ consumer }}'
        {%- endcall -%}
        {%- if drops -%}
            {%- do adapter.drop_relation(existing) -%}
        {%- endif -%}
        {%- do adapter.commit() -%}
    {%- endif -%}
{%- endmacro %}


{#
    Stops where rows of the rollup's source are gone.
#}
{% macro assert_no_history_lost(consumer) -%}
    {%- set forgotten = var('forget_history', []) -%}
    {%- set forgotten = [forgotten] if forgotten is string else forgotten -%}
    {%- for unique_id in model.depends_on.nodes if consumer not in forgotten -%}
        {%- set input = graph.sources.get(unique_id) or graph.nodes[unique_id] -%}
        {%- set name = input.schema ~ '.' ~ (input.identifier or input.alias) -%}
        {%- set settings = input.config.get('meta', {}).get('timescale', {}) -%}
        {%- set retained = none -%}
        {%- if settings.get('time_column') is not none or settings.get('bucket') is not none
        -%}
            {%- set retained = retained_from(name) -%}
        {%- endif -%}
        {%- if retained is not none -%}
            {%- do exceptions.raise_compiler_error(
                consumer ~ " is a rollup with history that cannot be computed again: "
                ~ name ~ " has dropped its rows before "
                ~ retained_instant(retained, guarded_table(name)['time_unit']) ~ ". As "
                ~ config.get('materialized') ~ " it would lose that. Nothing was changed."
                ~ " Keep materialized: continuous_aggregate, or give the new model a name"
                ~ " of its own, or give that history up: --vars '{forget_history: ["
                ~ consumer ~ "]}'"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#
    The names (`schema.name`) of all rollups that were ever built here, asked once per run
    and kept in `graph` like the edition.
#}
{% macro rollups_on_record() -%}
    {%- if 'rollups_on_record' not in graph -%}
        {%- set names = [] -%}
        {%- if run_query("select to_regclass('ops.model_state')").rows[0][0] -%}
            {%- for row in run_query(
                "select model from ops.model_state where fingerprint like 'rollup:%'"
            ).rows -%}
                {%- do names.append(row[0]) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do graph.update({'rollups_on_record': names}) -%}
    {%- endif -%}
    {{ return(graph['rollups_on_record']) }}
{%- endmacro %}
