{% macro record_policies(found, relations) -%}
    {%- set edition = timescale_edition() -%}
    {%- set changes = [] -%}
    {%- set names = [] -%}
    {%- for policy in found['declared'] -%}
        {%- do names.append(policy['job_name']) -%}
        {%- set enabled = edition == 'community' or policy['kind'] == 'retention' -%}
        {%- set recorded = found['recorded'].get(policy['job_name']) -%}
        {%- if recorded is none or recorded['policy'] != policy['policy']
            or recorded['enabled'] != enabled
        -%}
            {%- set summary = 'declared ' ~ policy['job_name'] -%}
            {%- if not enabled and policy['kind'] in ['columnstore', 'reorder'] -%}
                {%- set summary = summary ~ ', not run here' -%}
                {%- do say_community_only() -%}
            {%- endif -%}
            {%- do changes.append({
                'summary': summary,
                'sql': record_policy_sql(policy, enabled),
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for job_name, recorded in found['recorded'].items()
        if job_name not in names and recorded['hypertable'] in relations
    -%}
        {%- do changes.append({
            'summary': 'no longer declared: ' ~ job_name,
            'sql': "delete from " ~ var('timescale_schema')
                ~ ".retention_jobs where job_name = '" ~ job_name ~ "';",
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    Says once per run, however many tables want it, what only one edition has.
#}
{% macro say_community_only() -%}
    {%- if 'said_community_only' not in graph -%}
        {%- do graph.update({'said_community_only': true}) -%}
        {%- do log(
            "Compression and reordering need the Community edition of TimescaleDB: what is"
            ~ " declared of them is written down in "
            ~ var('timescale_schema') ~ ".retention_jobs and not run here.",
            info=true
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Writes one declared policy down in ops.retention_jobs.
#}
{% macro record_policy_sql(policy, enabled) %}
    insert into {{ var('timescale_schema') }}.retention_jobs (
        job_name, hypertable, policy, enabled
    )
    values (
        '{{ policy['job_name'] }}',
        '{{ policy['relation'] }}',
        '{{ tojson(policy['policy']) | replace("'", "''") }}',
        {{ enabled | lower }}
    )
    on conflict (job_name) do update set
        hypertable = excluded.hypertable,
        policy = excluded.policy,
        enabled = excluded.enabled;
{% endmacro %}
