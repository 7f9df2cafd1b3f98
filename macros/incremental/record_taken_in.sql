{#
    Records the applied loads of a model in the transaction that writes its rows. After a
    full computation it also records the definition and the reason. Loads applied earlier
    stay recorded: a rebuild reads their rows again from the source. An `--empty` build
    deletes the record, so the next run builds the model.
#}
{% macro record_taken_in(spec, state, action) -%}
    {%- set consumer = spec['consumer'] -%}
    {%- if flags.EMPTY -%}
        {%- do run_query(forget_model_sql(consumer)) -%}
        {{ return('') }}
    {%- endif -%}
    {%- do mark_loads_applied(consumer, state['loads']) -%}
    {%- if action == 'rebuild' -%}
        {%- do set_fingerprint(consumer, state['definition'] ~ '@' ~ state['upstream']) -%}
        {%- do record_build(
            consumer, state['definition'], state['reason'], spec['made_of']
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Records that these loads are applied to the model `consumer`, `schema.name`.
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
    Stores the fingerprint of the definition that the model's rows were computed with.
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
    Records a full computation of a model with its reason and its definition. `fingerprint`
    is the part before '@' of the fingerprint in ops.model_state.
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
    Deletes the record of a model: the next build computes all of its rows.
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
