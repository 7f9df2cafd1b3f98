{#
    Makes the server run the refresh policy that a rollup declares: added where there is
    none, altered where it differs, removed where none is declared. `spec` is the result of
    rollup_spec, with `refresh_policy` {start_offset, end_offset, schedule_interval} as
    human intervals, or none; `relation` is the continuous aggregate as it is named now.
#}
{% macro ensure_refresh_policy(spec, relation) -%}
    {%- do ensure_policies(
        {
            'relation': relation.schema ~ '.' ~ relation.identifier,
            'time_unit': spec['time_unit'],
            'refresh_policy': spec['refresh_policy'],
        },
        kinds=['refresh']
    ) -%}
{%- endmacro %}
