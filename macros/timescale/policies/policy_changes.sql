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

        {#- First: a hypertable takes one retention job, ours or the server's. -#}
        {%- for job in found['live'] if job['job_id'] not in kept -%}
            {%- do changes.insert(0, {
                'summary': 'removed job ' ~ job['job_name'],
                'sql': remove_policy_sql(job),
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(changes + record_policies(found, relations)) }}
{%- endmacro %}
