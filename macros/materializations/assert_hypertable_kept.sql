{#
    Stops if dbt would rebuild a model that has been a hypertable until now: its rows may
    exist nowhere else. `incremental` keeps the existing rows, except with --full-refresh.
    The variable rebuild_hypertables allows the rebuild.
#}
{% macro assert_hypertable_kept() -%}
    {%- set relation = this.schema ~ '.' ~ this.identifier -%}
    {%- set kind = config.get('materialized') -%}
    {%- set is_hypertable = models_on_record().get(relation, {}).get('kind') == 'hypertable'
        and load_cached_relation(this) is not none -%}
    {%- if is_hypertable and not is_hypertable_rebuild()
        and (kind != 'incremental' or should_full_refresh())
    -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ " is a hypertable, whose rows may exist nowhere else. As " ~ kind
            ~ " it would be built anew from its query, and they would be gone. Nothing was"
            ~ " changed. Keep materialized: hypertable, or give the new model an alias of"
            ~ " its own, or give those rows up: --vars '{rebuild_hypertables: ["
            ~ model.name ~ "]}'"
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Records that a model is a hypertable: on a server without TimescaleDB nothing else
    distinguishes it from a table that dbt may drop.
#}
{% macro record_hypertable(relation) -%}
    {%- if models_on_record().get(relation, {}).get('kind') != 'hypertable' -%}
        {%- do set_fingerprint(relation, 'hypertable') -%}
    {%- endif -%}
{%- endmacro %}
