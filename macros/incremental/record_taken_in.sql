{#
    Writes down what a model has taken in, in the transaction of its rows: the loads, and
    where all of its rows were computed, from what and why. Loads applied earlier stay
    recorded: their rows are still in the source, so in every rebuild. After an `--empty`
    build nothing is on record: the next run builds it.
#}
{% macro record_taken_in(spec, state, action) -%}
    {%- set consumer = spec['consumer'] -%}
    {%- if flags.EMPTY -%}
        {%- do run_query(forget_model_sql(consumer)) -%}
        {{ return('') }}
    {%- endif -%}
    {%- do mark_loads_applied(consumer, state['loads']) -%}
    {%- if action == 'all' -%}
        {%- do set_fingerprint(consumer, state['definition'] ~ '@' ~ state['upstream']) -%}
        {%- do record_build(
            consumer, state['definition'], state['reason'], spec['made_of']
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    The loads are in the consumer, `schema.name`.
#}
{% macro mark_loads_applied(consumer, load_ids) %}
    {%- if load_ids | length > 0 -%}
        {%- do run_query(
            'insert into ingestion.applied_loads (consumer, load_id) select '
            ~ text_literal(consumer) ~ ", unnest('{" ~ load_ids | join(',')
            ~ "}'::bigint[]) on conflict do nothing"
        ) -%}
    {%- endif -%}
{% endmacro %}


{#
    What the consumer's rows were computed with.
#}
{% macro set_fingerprint(consumer, fingerprint) %}
    {%- do run_query(
        'insert into ops.model_state (model, fingerprint) values ('
        ~ text_literal(consumer) ~ ', ' ~ text_literal(fingerprint)
        ~ ') on conflict (model) do update'
        ~ ' set fingerprint = excluded.fingerprint, updated_at = now()'
    ) -%}
{% endmacro %}


{#
    Writes down that a model was computed whole, why, and what it was made of. `fingerprint`
    is what ops.model_state holds before its '@'.
#}
{% macro record_build(consumer, fingerprint, reason, made_of) -%}
    {%- do run_query(
        'insert into ops.model_builds (model, fingerprint, reason, made_of) values ('
        ~ text_literal(consumer) ~ ', ' ~ text_literal(fingerprint) ~ ', '
        ~ text_literal(reason) ~ ', ' ~ text_literal(tojson(made_of))
        ~ ') on conflict (model, built_at) do nothing'
    ) -%}
{%- endmacro %}


{#
    The next build computes all of the consumer's rows.
#}
{% macro forget_model_sql(consumer) -%}
    delete from ops.model_state where model = {{ text_literal(consumer) }}
{%- endmacro %}


{#
    A text as a literal of SQL.
#}
{% macro text_literal(text) -%}
    {{ return(dbt.string_literal(dbt.escape_single_quotes(text))) }}
{%- endmacro %}
