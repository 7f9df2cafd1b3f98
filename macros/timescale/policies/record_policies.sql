{#
    The statements that write down in ops.retention_jobs what is declared, where it differs.
    A policy that this edition has no means to run is written down as not enabled, and said
    once: when it is first written.
#}
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
            {%- if policy['kind'] == 'columnstore' and not enabled -%}
                {%- set summary = summary ~ ': not run here, compression needs the'
                    ~ ' Community edition of TimescaleDB' -%}
            {%- elif policy['kind'] == 'reorder' and not enabled -%}
                {%- set summary = summary ~ ': not run here, reordering needs the'
                    ~ ' Community edition of TimescaleDB' -%}
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
            'sql': "delete from ops.retention_jobs where job_name = '" ~ job_name ~ "';",
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{% macro record_policy_sql(policy, enabled) %}
    insert into ops.retention_jobs (job_name, hypertable, policy, enabled)
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
