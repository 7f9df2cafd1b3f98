{#
    Stops the build, before anything is written, if the query of a rollup does not match its
    config: such a rollup would be right after its first build and wrong after the next load.
    The server parses the query as a temporary view over an empty copy of its input, so all
    editions refuse the same queries.
#}
{% macro assert_rollup_query(spec) -%}
    {%- set found = describe_rollup_query(spec) -%}
    {%- set tree = found['tree'] -%}
    {%- set problems = [] -%}
    {%- if tree.count('{QUERY ') > 1 or tree.count('{RANGETBLREF ') != 1
        or modules.re.findall(':relid ([1-9]\\d*)', tree)[:1] != [found['input_oid']]
    -%}
        {%- do problems.append(
            "a rollup is one SELECT from " ~ spec['input'] ~ " alone, by source() or ref(),"
            ~ " without a join, subquery, CTE or set operation"
        ) -%}
    {%- endif -%}
    {%- for mark, name in [
        (':hasWindowFuncs true', 'a window function'),
        (':hasTargetSRFs true', 'a function that returns several rows'),
        (':distinctClause (', 'SELECT DISTINCT'),
        (':limitCount {', 'LIMIT'),
        (':limitOffset {', 'OFFSET'),
        (':groupingSets (', 'GROUPING SETS, ROLLUP or CUBE'),
        (':tablesample {', 'TABLESAMPLE'),
    ] if mark in tree -%}
        {%- do problems.append(
            name ~ " looks beyond one group, but a refresh computes only some buckets: move"
            ~ " it to a model that reads " ~ spec['consumer']
        ) -%}
    {%- endfor -%}

    {%- if found['volatile_functions'] is not none -%}
        {%- do problems.append(
            found['volatile_functions'] ~ " gives another value at another moment, but a refresh"
            ~ " computes only some buckets: move it to a model that reads "
            ~ spec['consumer']
        ) -%}
    {%- endif -%}

    {%- set grouped = rollup_group_columns(tree) -%}
    {%- if none in grouped -%}
        {%- do problems.append("it groups by an expression that it does not select") -%}
    {%- endif -%}
    {%- set grouped = grouped | reject('none') | list -%}
    {%- if grouped | sort != spec['unique_key'] | sort -%}
        {%- do problems.append(
            "it groups by " ~ (grouped | join(', ') or 'nothing') ~ ", but unique_key is "
            ~ spec['unique_key'] | join(', ') ~ ": both must name the same columns"
        ) -%}
    {%- endif -%}
    {%- if not modules.re.search(
        '(^ SELECT |,\n    )' ~ modules.re.escape(found['bucket']) ~ '(,\n|\n   FROM )',
        found['definition']
    ) -%}
        {%- do problems.append(
            spec['bucket'] ~ " is not the bucket of " ~ spec['bucket_interval']
            ~ " that bucket_interval declares: select {{ time_bucket('"
            ~ spec['bucket_interval'] ~ "', '" ~ spec['input_column'] ~ "'"
            ~ (", unit='" ~ spec['time_unit'] ~ "'" if spec['time_unit'] is not none)
            ~ ") }} as " ~ spec['bucket']
        ) -%}
    {%- endif -%}
    {%- if '"Relation Name"' in found['plan_without_rows'] -%}
        {%- do problems.append(
            "rows outside {{ rollup_filter('" ~ spec['input_column'] ~ "') }} are read too:"
            ~ " the filter must stand in the WHERE, not in a comment, and all other"
            ~ " conditions must follow with `and`, an `or` among them in parentheses"
        ) -%}
    {%- endif -%}

    {%- if problems | length > 0 -%}
        {%- do exceptions.raise_compiler_error(
            spec['consumer'] ~ " is not the rollup that its config declares: "
            ~ problems | join('; ') ~ ". A later load would make its rows wrong, so it"
            ~ " was not built. Nothing was changed."
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    How the server parses the query of a rollup:

    - tree: its parse tree, the text of pg_rewrite;
    - definition: its text as the server writes it, one selected column a line;
    - bucket: the line in `definition` that a column with the declared bucket would have;
    - input_oid: the oid of the table that it must read;
    - volatile_functions: functions such as now() and random() in it, null without any;
    - plan_without_rows: the plan with `false` for the filter, which should read no table.

    The copy has the name of the input, because the query may qualify columns with it.
#}
{% macro describe_rollup_query(spec) -%}
    {%- set copy = 'pg_temp.' ~ adapter.quote(spec['input_name']) -%}
    {%- set query = read_from_copy(spec, sql, copy) -%}
    {%- do run_query(
        'create temporary table ' ~ adapter.quote(spec['input_name']) ~ ' (like '
        ~ spec['input_relation'] ~ ')'
    ) -%}
    {%- do run_query('create temporary view __dbt_rollup as (\n' ~ query ~ '\n)') -%}
    {%- do run_query(
        'create temporary view __dbt_bucket as select ' ~ time_bucket(
            spec['bucket_interval'], adapter.quote(spec['input_column']), spec['time_unit']
        ) ~ ' as ' ~ adapter.quote(spec['bucket']) ~ ' from ' ~ copy
    ) -%}
    {%- set row = run_query(rollup_query_sql(copy)).rows[0] -%}
    {%- set plan = run_query(
        'explain (format json)\n' ~ read_from_copy(spec, query_with('false'), copy)
    ) -%}
    {%- do run_query('drop view pg_temp.__dbt_rollup, pg_temp.__dbt_bucket') -%}
    {%- do run_query('drop table ' ~ copy) -%}
    {{ return({
        'tree': row[0],
        'definition': row[1],
        'bucket': row[2],
        'input_oid': row[3],
        'volatile_functions': row[4],
        'plan_without_rows': plan.rows[0][0] | string | replace("'", '"'),
    }) }}
{%- endmacro %}


{% macro read_from_copy(spec, query, copy) -%}
    {{ return(without_empty_limit(query) | replace(spec['input_relation'], copy)) }}
{%- endmacro %}


{% macro rollup_query_sql(copy) %}
    with rollup_tree as (
        select pg_rewrite.ev_action::text as tree
        from pg_rewrite
        where pg_rewrite.ev_class = 'pg_temp.__dbt_rollup'::regclass
    )

    select
        rollup_tree.tree,
        pg_get_viewdef('pg_temp.__dbt_rollup'::regclass) as definition,
        regexp_replace(
            pg_get_viewdef('pg_temp.__dbt_bucket'::regclass), '^ SELECT |\n   FROM .*$', '', 'g'
        ) as bucket,
        '{{ copy }}'::regclass::oid::text as input_oid,
        (
            select string_agg(distinct pg_proc.proname || '()', ', ')
            from regexp_matches(
                -- CURRENT_DATE and similar keywords have another node type.
                replace(
                    rollup_tree.tree, '{SQLVALUEFUNCTION ',
                    ':funcid ' || 'now()'::regprocedure::oid
                ),
                ':(?:op)?funcid ([0-9]+)', 'g'
            ) as called (id)
            inner join pg_proc on pg_proc.oid = called.id[1]::oid
            where
                pg_proc.provolatile = 'v'
                or pg_proc.proname in (
                    'now', 'statement_timestamp', 'transaction_timestamp'
                )
        ) as volatile_functions
    from rollup_tree
{% endmacro %}


{#
    The names of the selected columns that a query groups by, and one `none` for each
    expression that it groups by but does not select.
#}
{% macro rollup_group_columns(tree) -%}
    {%- set names = {} -%}
    {%- for name, group in modules.re.findall(
        ':resname ((?:\\\\.|\\S)+) :ressortgroupref ([1-9]\\d*)', tree
    ) if name != '<>' -%}
        {%- do names.update({group: modules.re.sub('\\\\(.)', '\\1', name)}) -%}
    {%- endfor -%}
    {%- set columns = [] -%}
    {%- for clause in modules.re.findall(':groupClause \\(([^)]*)\\)', tree) -%}
        {%- for group in modules.re.findall(':tleSortGroupRef (\\d+)', clause) -%}
            {%- do columns.append(names.get(group)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
