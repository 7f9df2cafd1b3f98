{% macro policy_changes(found, relations, paused=[]) -%}
    {%- set changes = [] -%}
    {%- set kept = [] -%}
    {%- if timescale_edition() == 'community' -%}
        {%- for policy in found['declared']
            if policy_procedure(policy) == 'apply_retention'
            and found['procedure'] != local_md5(apply_retention_sql())
        -%}
            {%- if loop.first -%}
                {%- do changes.append({
                    'summary': 'procedure ' ~ var('timescale_schema') ~ '.apply_retention',
                    'sql': create_apply_retention_sql(),
                }) -%}
            {%- endif -%}
        {%- endfor -%}

        {%- for policy in found['declared'] -%}
            {%- set jobs = found['live']
                | selectattr('job_name', 'equalto', policy['job_name']) | list -%}
            {%- set same = jobs
                | selectattr('proc_name', 'equalto', policy_procedure(policy)) | list -%}
            {%- if same | length > 0 -%}
                {%- do kept.append(same[0]['job_id']) -%}
                {%- if same[0]['policy'] != policy['policy'] -%}
                    {%- do changes.append({
                        'summary': 'altered job ' ~ policy['job_name'],
                        'sql': alter_policy_sql(policy, same[0]),
                    }) -%}
                {%- endif -%}
            {%- else -%}
                {%- set is_paused = policy['kind'] in paused
                    or jobs | rejectattr('is_scheduled') | list | length > 0 -%}
                {%- do changes.append({
                    'summary': 'new job ' ~ policy['job_name'],
                    'sql': add_policy_sql(policy, not is_paused),
                }) -%}
            {%- endif -%}
        {%- endfor -%}

        {#- Removals come first: a hypertable may have one retention job only. -#}
        {%- for job in found['live'] if job['job_id'] not in kept -%}
            {%- do changes.insert(0, {
                'summary': 'removed job ' ~ job['job_name'],
                'sql': remove_policy_sql(job),
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(changes + record_policies(found, relations)) }}
{%- endmacro %}


{#
    Adds the job of a policy. `policy` is one of describe_policies' `declared`; with
    `is_scheduled` false it is added paused.
#}
{% macro add_policy_sql(policy, is_scheduled=true) -%}
    {%- set relation = policy['relation'] -%}
    {%- set wanted = policy['policy'] -%}
    {%- set schedule = span_literal(wanted['schedule_interval']) -%}
    {%- if policy['kind'] == 'columnstore' %}
    call add_columnstore_policy(
        '{{ relation }}',
        after => {{ span_literal(wanted['after']) }},
        schedule_interval => {{ schedule }}
    );
        {%- if not is_scheduled %}
    select alter_job(jobs.job_id, scheduled => false)
    from timescaledb_information.jobs
    where
        jobs.proc_name = 'policy_compression'
        and jobs.hypertable_schema || '.' || jobs.hypertable_name = '{{ relation }}';
        {%- endif -%}
    {%- else %}
    select alter_job(
        {%- if policy_procedure(policy) == 'apply_retention' %}
        add_job(
            '{{ var('timescale_schema') }}.apply_retention',
            {{ schedule }},
            config => {{ policy_config(policy) }},
            initial_start => now() + interval '1 hour'
        ),
        {%- elif policy['kind'] == 'retention' %}
        add_retention_policy(
            '{{ relation }}', drop_after => {{ span_literal(wanted['drop_after']) }}
        ),
        {%- elif policy['kind'] == 'reorder' %}
        add_reorder_policy('{{ relation }}', '{{ wanted['index'] }}'),
        {%- else %}
        add_continuous_aggregate_policy(
            '{{ relation }}',
            start_offset => {{ span_literal(wanted['start_offset']) }},
            end_offset => {{ span_literal(wanted['end_offset']) }},
            schedule_interval => {{ schedule }},
            buckets_per_batch => {{ wanted['buckets_per_batch'] }}
        ),
        {%- endif %}
        schedule_interval => {{ schedule }},
        scheduled => {{ is_scheduled | lower }}
    );
    {%- endif %}
{%- endmacro %}


{#
    A span of describe_policies as an SQL literal: a number, an interval, or null.
#}
{% macro span_literal(value) -%}
    {%- if value is none -%}
        null
    {%- elif value is string -%}
        interval '{{ value }}'
    {%- else -%}
        {{ value }}::bigint
    {%- endif -%}
{%- endmacro %}


{#
    The procedure that a policy's job runs: apply_retention if rollups must be refreshed
    first, otherwise the server's own.
#}
{% macro policy_procedure(policy) -%}
    {%- if policy['kind'] == 'retention' -%}
        {{ return(
            'apply_retention' if policy['policy'].get('rollups') is not none
            else 'policy_retention'
        ) }}
    {%- endif -%}
    {{ return({
        'columnstore': 'policy_compression',
        'reorder': 'policy_reorder',
        'refresh': 'policy_refresh_continuous_aggregate',
    }[policy['kind']]) }}
{%- endmacro %}


{#
    The part of a job's config that comes from the policy, as a jsonb literal.
#}
{% macro policy_config(policy) -%}
    {%- set names = {'after': 'compress_after', 'index': 'index_name'} -%}
    {%- set settings = {} -%}
    {%- for name, value in policy['policy'].items() if name != 'schedule_interval' -%}
        {%- do settings.update({names.get(name, name): value}) -%}
    {%- endfor -%}
    {%- if policy_procedure(policy) == 'apply_retention' -%}
        {%- do settings.update({'hypertable': policy['relation']}) -%}
    {%- endif -%}
    '{{ tojson(settings) | replace("'", "''") }}'::jsonb
{%- endmacro %}


{#
    Changes a running job to the declared policy. The job keeps its id and stays paused if an
    operator has paused it: alter_job changes only the arguments that it gets.
#}
{% macro alter_policy_sql(policy, live) %}
    select alter_job(
        jobs.job_id,
        schedule_interval => {{ span_literal(policy['policy']['schedule_interval']) }},
        config => jobs.config || {{ policy_config(policy) }}
    )
    from timescaledb_information.jobs
    where jobs.job_id = {{ live['job_id'] }};
{% endmacro %}


{#
    Removes the job of a policy that is no longer declared. No row and no chunk is
    touched.
#}
{% macro remove_policy_sql(live) %}
    select delete_job({{ live['job_id'] }});
{% endmacro %}


{#
    The statements that record the declared policies in retention_jobs where they differ. A
    policy that this edition cannot run is recorded as not enabled; a message says which
    edition it needs when it is first recorded.
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
    Logs once per run, for any number of tables, that a feature needs the Community edition.
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
    Records one declared policy in retention_jobs.
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
