{#
    What a build must do: 'rebuild' computes all rows, 'apply_loads' recomputes the rows that
    unapplied loads made stale, 'nothing' does nothing. `wanted` is the kind that the
    relation must have. The reason for a rebuild goes into state['reason'], and into dbt's
    log if the model existed.
#}
{% macro what_to_do(spec, state, wanted='table') -%}
    {%- if state['kind'] is none -%}
        {%- do state.update({'reason': 'first build'}) -%}
        {{ return('rebuild') }}
    {%- endif -%}

    {#- `--empty` is a dry run of the graph: it keeps the existing rows. -#}
    {%- if flags.EMPTY and (state['kind'] == wanted or state['is_on_record']) -%}
        {{ return('nothing') }}
    {%- endif -%}
    {%- if should_full_refresh() -%}
        {%- set reason = 'full refresh' -%}
    {%- elif state['kind'] != wanted -%}
        {%- set reason = 'it is a ' ~ state['kind'] | replace('_', ' ') ~ ', and is to be a '
            ~ wanted | replace('_', ' ') -%}
    {%- elif not state['is_on_record'] -%}
        {%- set reason = 'ops.model_state has no record of what it was built from' -%}
    {%- elif state['changes'] | length > 0 -%}
        {%- if leaves_as_it_is(spec, state) -%}
            {{ return('nothing') }}
        {%- endif -%}
        {%- set reason = state['changes'] | join('; ') -%}
    {%- elif state['built_on'] != state['upstream'] -%}
        {#- If the rollup that this one reads was rebuilt, this one still holds sums of the
            old rows. -#}
        {%- set reason = spec['upstream'] | join(' or ') ~ (
            ', which it is made of, was built anew' if spec['follows_builds']
            else ' has other rules'
        ) -%}
    {%- else -%}
        {%- if state['made_of'] is none -%}
            {%- do record_build(
                spec['consumer'], state['definition'], 'on record', spec['made_of']
            ) -%}
        {%- endif -%}
        {{ return('apply_loads' if state['loads'] | length > 0 else 'nothing') }}
    {%- endif -%}
    {%- do state.update({'reason': reason}) -%}
    {%- do say_why_built(spec['consumer'], reason) -%}
    {{ return('rebuild') }}
{%- endmacro %}


{#
    Whether a model whose query has changed keeps its rows, by on_configuration_change.
#}
{% macro leaves_as_it_is(spec, state) -%}
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
    {%- endif -%}
    {{ return(on_change == 'continue') }}
{%- endmacro %}


{#
    Writes to dbt's log why an existing model is rebuilt.
#}
{% macro say_why_built(consumer, reason) -%}
    {%- do log(consumer ~ ': all of it is computed again: ' ~ reason, info=true) -%}
{%- endmacro %}
