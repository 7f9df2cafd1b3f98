{#
    The declared, the running and the recorded policies of these tables, in one query:

        {'declared': [{job_name, kind, relation, policy}],
         'live': [{job_name, kind, relation, job_id, proc_name, is_scheduled, policy}],
         'recorded': {job_name: {policy, enabled, hypertable}},
         'procedure': the fingerprint of apply_retention, or none}

    `policy` is a dictionary with the same spelling in all three lists.
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


{#
    The policies that a table, a hypertable model or a rollup declares, in the order in
    which they are added: a list of

        {'job_name': 'retention weather.readings', 'kind': 'retention',
         'relation': 'weather.readings', 'policy': SQL of a jsonb object}

    `policy` is SQL, so that the server normalises the declared and the running policy in
    the same way: '1 week' and '7 days' are the same policy. `kinds` limits the list. Every
    setting has a value, the schedule too, so that removing one from the YAML restores its
    default.
#}
{% macro declared_policies(table, kinds=none) -%}
    {%- set unit = table.get('time_unit') -%}
    {%- set relation = table.get('relation') or table.get('consumer') -%}
    {%- set found = [] -%}

    {%- set drop_after = retention_interval(table.get('retention')) -%}
    {%- if drop_after is not none -%}
        {%- set policy = {'drop_after': jsonb_span(drop_after, unit)} -%}
        {%- set rollups = [] -%}
        {%- for name, bucket in dependent_rollups(relation).items() -%}
            {%- do rollups.append("'" ~ name ~ "', " ~ jsonb_span(bucket, unit)) -%}
        {%- endfor -%}
        {%- if rollups | length > 0 and timescale_edition() == 'community' -%}
            {%- do policy.update({
                'rollups': 'jsonb_build_object(' ~ rollups | join(', ') ~ ')'
            }) -%}
            {%- if unit is not none -%}
                {%- do policy.update({'time_unit': "to_jsonb('" ~ unit ~ "'::text)"}) -%}
            {%- endif -%}
        {%- endif -%}
        {%- do found.append(
            ('retention', policy, policy_schedule(table['retention'], '1 day'))
        ) -%}
    {%- endif -%}

    {%- set columnstore = table.get('columnstore') -%}
    {%- if columnstore is not none and columnstore.get('after') is not none -%}
        {%- do found.append((
            'columnstore',
            {'after': jsonb_span(columnstore['after'], unit)},
            policy_schedule(columnstore, '12 hours'),
        )) -%}
    {%- endif -%}

    {%- set reorder = table.get('reorder') -%}
    {%- if reorder is not none -%}
        {%- set index = reorder if reorder is string else reorder.get('index') -%}
        {%- if index is none -%}
            {%- do exceptions.raise_compiler_error(
                "reorder of " ~ relation ~ " names no index; write reorder: {index: NAME}."
            ) -%}
        {%- endif -%}
        {%- set names = (table.get('unique_keys') or []) + (table.get('indexes') or []) -%}
        {%- set names = names | map(attribute='name') | list -%}
        {%- if index not in names -%}
            {%- do exceptions.raise_compiler_error(
                "reorder of " ~ relation ~ " names the index " ~ index ~ ", which is not"
                ~ " declared; declared are " ~ (names | join(', ') or 'none') ~ ". Add it to"
                ~ " indexes with this name, or name another one."
            ) -%}
        {%- endif -%}
        {%- do found.append((
            'reorder',
            {'index': "to_jsonb('" ~ index ~ "'::text)"},
            policy_schedule(reorder, '1 day'),
        )) -%}
    {%- endif -%}

    {%- set refresh = table.get('refresh_policy') -%}
    {%- if refresh is not none -%}
        {%- do found.append((
            'refresh',
            {
                'start_offset': jsonb_span(refresh.get('start_offset'), unit),
                'end_offset': jsonb_span(refresh.get('end_offset'), unit),
                'buckets_per_batch': 'to_jsonb('
                    ~ refresh.get('buckets_per_batch', 10) ~ ')',
            },
            policy_schedule(refresh, '1 hour'),
        )) -%}
    {%- endif -%}

    {%- set policies = [] -%}
    {%- for kind, policy, schedule in found if kinds is none or kind in kinds -%}
        {%- set pairs = ["'schedule_interval', " ~ jsonb_span(schedule)] -%}
        {%- for name, value in policy.items() -%}
            {%- do pairs.append("'" ~ name ~ "', " ~ value) -%}
        {%- endfor -%}
        {%- do policies.append({
            'job_name': kind ~ ' ' ~ relation,
            'kind': kind,
            'relation': relation,
            'policy': 'jsonb_build_object(' ~ pairs | join(', ') ~ ')',
        }) -%}
    {%- endfor -%}
    {{ return(policies) }}
{%- endmacro %}


{#
    How often the job of a block runs: its schedule_interval, or the default.
#}
{% macro policy_schedule(settings, default) -%}
    {%- if settings is mapping and settings.get('schedule_interval') is not none -%}
        {{ return(settings['schedule_interval']) }}
    {%- endif -%}
    {{ return(default) }}
{%- endmacro %}


{#
    A human interval as the jsonb that a job's config holds: a number for an integer time,
    otherwise the server's own spelling of the interval.
#}
{% macro jsonb_span(interval, unit=none) -%}
    {{ return(
        "'null'::jsonb" if interval is none
        else 'to_jsonb(' ~ time_span(interval, unit) ~ ')'
    ) }}
{%- endmacro %}
