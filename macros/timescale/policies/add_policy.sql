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


{% macro span_literal(value) -%}
    {%- if value is none -%}
        null
    {%- elif value is string -%}
        interval '{{ value }}'
    {%- else -%}
        {{ value }}::bigint
    {%- endif -%}
{%- endmacro %}


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
