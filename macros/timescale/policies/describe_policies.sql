{#
    What is declared for these tables, what runs and what is written down, in one query:

        {'declared': [{job_name, kind, relation, policy}],
         'live': [{job_name, kind, relation, job_id, proc_name, is_scheduled, policy}],
         'recorded': {job_name: {policy, enabled, hypertable}},
         'procedure': the fingerprint of apply_retention, or none}

    `policy` is a dictionary in one spelling everywhere.
#}
{% macro describe_policies(tables, kinds=none) -%}
    {%- set declared = [] -%}
    {%- set relations = [] -%}
    {%- for table in tables -%}
        {%- do declared.extend(declared_policies(table, kinds)) -%}
        {%- do relations.append(table.get('relation') or table.get('consumer')) -%}
    {%- endfor -%}
    {%- set answer = run_query(describe_policies_sql(declared, relations, kinds)) -%}
    {{ return(fromjson(answer.rows[0][0])) }}
{%- endmacro %}


{% macro describe_policies_sql(declared, relations, kinds=none) %}
    {%- set kinds = kinds or ['retention', 'columnstore', 'reorder', 'refresh'] %}
    with

    live as ({{ live_policies_sql() }})

    select
        jsonb_build_object(
            'declared', jsonb_build_array(
                {%- for policy in declared %}
                jsonb_build_object(
                    'job_name', '{{ policy['job_name'] }}',
                    'kind', '{{ policy['kind'] }}',
                    'relation', '{{ policy['relation'] }}',
                    'policy', {{ policy['policy'] }}
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ),
            'live', (
                select coalesce(jsonb_agg(to_jsonb(live) order by live.job_id), '[]')
                from live
                where
                    live.relation = any('{ {{- relations | join(',') -}} }'::text[])
                    and live.kind = any('{ {{- kinds | join(',') -}} }'::text[])
            ),
            'recorded', (
                select
                    coalesce(
                        jsonb_object_agg(
                            retention_jobs.job_name,
                            jsonb_build_object(
                                'policy', retention_jobs.policy,
                                'enabled', retention_jobs.enabled,
                                'hypertable', retention_jobs.hypertable
                            )
                        ),
                        '{}'
                    )
                from {{ var('timescale_schema') }}.retention_jobs
                where
                    split_part(retention_jobs.job_name, ' ', 1)
                    = any('{ {{- kinds | join(',') -}} }'::text[])
            ),
            'procedure', (
                select obj_description(pg_proc.oid, 'pg_proc')
                from pg_proc
                where
                    pg_proc.oid = to_regprocedure(
                        '{{ var('timescale_schema') }}.apply_retention(integer, jsonb)'
                    )
            )
        )::text as found
{% endmacro %}
