{#
    What a run has to do with a rollup: 'build' it from nothing, 'refresh' what new loads
    touched, or 'none'. `is_same_kind` says whether the existing relation is what this
    edition would make. Why it is built, it writes into state['reason'] and, of a rollup that
    is there, into dbt's log.
#}
{% macro rollup_action(spec, state, existing, is_same_kind) -%}
    {%- if existing is none -%}
        {%- do state.update({'reason': 'first build'}) -%}
        {{ return('build') }}
    {%- endif -%}

    {#- `--empty` is a dry run of the graph: it does not empty what is there. -#}
    {%- if flags.EMPTY and (is_same_kind or state['is_on_record']) -%}
        {{ return('none') }}
    {%- endif -%}
    {%- if should_full_refresh() -%}
        {{ return(built_anew(spec, state, 'full refresh')) }}
    {%- elif not is_same_kind -%}
        {{ return(built_anew(
            spec, state, 'it is a ' ~ state['kind'] | replace('_', ' ') ~ ', and on edition '
            ~ timescale_edition() ~ ' a rollup is a ' ~ (
                'continuous aggregate' if timescale_edition() == 'community' else 'table'
            )
        )) }}
    {%- elif not state['is_on_record'] -%}
        {{ return(built_anew(
            spec, state, 'ops.model_state has no record of what it was built from'
        )) }}
    {%- endif -%}

    {%- if state['changes'] | length > 0 -%}
        {%- set on_change = config.get('on_configuration_change') -%}
        {%- set finding = "The query of " ~ spec['consumer'] ~ " is not the one its rows"
            ~ " were computed with (" ~ state['changes'] | join('; ') ~ ")" -%}
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
        {{ return(built_anew(spec, state, state['changes'] | join('; '))) }}
    {%- endif -%}
    {%- if state['made_of'] is none -%}
        {%- do record_build(
            spec['consumer'], state['definition'], 'on record', spec['made_of']
        ) -%}
    {%- endif -%}

    {#- The rollup below was built anew: this one still holds the rows of the old one. -#}
    {%- if spec['parent'] is not none and state['built_on'] != state['parent_built'] -%}
        {{ return(built_anew(
            spec, state, spec['parent'] ~ ', which it is made of, was built anew'
        )) }}
    {%- endif -%}

    {{ return('refresh' if state['loads'] | length > 0 else 'none') }}
{%- endmacro %}


{% macro built_anew(spec, state, reason) -%}
    {%- do state.update({'reason': reason}) -%}
    {%- do say_why_built(spec['consumer'], reason) -%}
    {{ return('build') }}
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
            spec['consumer'], state['definition'] ~ '@' ~ state['parent_built']
        ) -%}
        {%- do record_build(
            spec['consumer'], state['definition'], state['reason'], spec['made_of']
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
