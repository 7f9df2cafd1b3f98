{#
    What a run has to do with a rollup: 'build' it from nothing, 'refresh' what new loads
    touched, or 'none'. `is_same_kind` says whether the existing relation is what this
    edition would make.
#}
{% macro rollup_action(spec, state, existing, is_same_kind) -%}
    {%- if existing is none or not is_same_kind or should_full_refresh() -%}
        {{ return('build') }}
    {%- endif -%}

    {#- `--empty` is a dry run of the graph: it does not empty what is there. -#}
    {%- if flags.EMPTY -%}
        {{ return('none') }}
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

    {{ return('refresh' if state['loads'] | length > 0 else 'none') }}
{%- endmacro %}


{#
    Records what a rollup now contains, in the transaction of its rows. Loads applied
    earlier stay recorded: their rows are still in the source, so in every rebuild.
#}
{% macro record_rollup(spec, state) -%}
    {%- if not flags.EMPTY -%}
        {%- do mark_loads_applied(spec['consumer'], state['loads']) -%}
    {%- endif -%}
    {%- if state['fingerprint'] != spec['fingerprint'] -%}
        {%- do set_fingerprint(spec['consumer'], spec['fingerprint']) -%}
    {%- endif -%}
{%- endmacro %}


{% macro report_unchanged() -%}
    {%- call noop_statement('main', 'REFRESH 0', 'REFRESH', 0) -%}
        -- No load has arrived since the last run.
    {%- endcall -%}
{%- endmacro %}
