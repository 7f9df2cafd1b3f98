{#
    What a build has to do, by what is there and what is on record: 'all' rows are to be
    computed, or those that 'new' loads made stale, or 'nothing'. `wanted` is the kind that
    the relation is to be. Why all are computed, it writes into state['reason'] and, of a
    model that is there, into dbt's log.
#}
{% macro what_to_do(spec, state, wanted='table') -%}
    {%- if state['kind'] is none -%}
        {%- do state.update({'reason': 'first build'}) -%}
        {{ return('all') }}
    {%- endif -%}

    {#- `--empty` is a dry run of the graph: it does not empty what is there. -#}
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
        {#- A rollup whose rollup below was built anew still holds the rows of the old one. -#}
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
        {{ return('new' if state['loads'] | length > 0 else 'nothing') }}
    {%- endif -%}
    {%- do state.update({'reason': reason}) -%}
    {%- do say_why_built(spec['consumer'], reason) -%}
    {{ return('all') }}
{%- endmacro %}


{#
    Whether a model whose query is another one now is left alone, as its
    on_configuration_change says.
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
    Says in one line of dbt's log why a model that is there is computed whole again.
#}
{% macro say_why_built(consumer, reason) -%}
    {%- do log(consumer ~ ': all of it is computed again: ' ~ reason, info=true) -%}
{%- endmacro %}
