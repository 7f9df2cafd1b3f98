{#
    What a run has to do with a rollup: 'build' it from nothing, 'refresh' what new loads
    touched, or 'none'. `is_same_kind` says whether the existing relation is what this
    edition would make.
#}
{% macro rollup_action(spec, state, existing, is_same_kind) -%}
    {%- if existing is none -%}
        {{ return('build') }}
    {%- endif -%}

    {#- `--empty` is a dry run of the graph: it does not empty what is there. -#}
    {%- set is_on_record = state['fingerprint'] is not none -%}
    {%- if flags.EMPTY and (is_same_kind or is_on_record) -%}
        {{ return('none') }}
    {%- endif -%}
    {%- if should_full_refresh() or not is_same_kind or not is_on_record -%}
        {{ return('build') }}
    {%- endif -%}

    {%- if state['fingerprint'] != spec['fingerprint'] -%}
        {%- set on_change = config.get('on_configuration_change') -%}
        {%- set finding = "The query of " ~ spec['consumer'] ~ " is not the one its rows"
            ~ " were computed with" -%}
        {%- if on_change == 'fail' -%}
            {%- do exceptions.raise_fail_fast_error(
                finding ~ ", and on_configuration_change is 'fail'. Put the old query"
                ~ " back, or rebuild with: dbt run --full-refresh --select " ~ model.name
            ) -%}
        {%- elif on_change == 'continue' -%}
            {%- do exceptions.warn(
                finding ~ ", and on_configuration_change is 'continue': it stays as it is"
                ~ " and takes in no new loads."
            ) -%}
            {{ return('none') }}
        {%- endif -%}
        {{ return('build') }}
    {%- endif -%}

    {#- The rollup below was built anew: this one still holds the rows of the old one. -#}
    {%- if spec['parent'] is not none and state['built_on'] != state['parent_built'] -%}
        {{ return('build') }}
    {%- endif -%}

    {{ return('refresh' if state['loads'] | length > 0 else 'none') }}
{%- endmacro %}


{#
    Records what a rollup now contains, in the transaction of its rows. Loads applied
    earlier stay recorded: their rows are still in the source, so in every rebuild. After
    an `--empty` build nothing is on record: the next run builds it.
#}
{% macro record_rollup(spec, state, action) -%}
    {%- if flags.EMPTY -%}
        {%- do run_query(
            "delete from ops.model_state where model = '" ~ spec['consumer'] ~ "'"
        ) -%}
        {{ return('') }}
    {%- endif -%}
    {%- do mark_loads_applied(spec['consumer'], state['loads']) -%}
    {%- if action == 'build' -%}
        {%- do set_fingerprint(
            spec['consumer'], spec['fingerprint'] ~ '@' ~ state['parent_built']
        ) -%}
        {%- do run_query(record_build_sql(spec)) -%}
    {%- endif -%}
    {%- do record_first_bucket(spec) -%}
{%- endmacro %}


{% macro report_unchanged() -%}
    {%- call noop_statement('main', 'REFRESH 0', 'REFRESH', 0) -%}
        -- No load has arrived since the last run.
    {%- endcall -%}
{%- endmacro %}
