{% macro hypertable_changes(table, server) -%}
    {%- if timescale_edition() == 'postgres' or table['chunk_interval'] is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set changes = [] -%}
    {%- set unit = table['time_unit'] -%}
    {%- if not server['is_hypertable'] -%}
        {%- do changes.append({
            'summary': 'hypertable ' ~ table['relation'],
            'sql': create_hypertable_sql(table),
        }) -%}
    {%- else -%}
        {%- set time = server['dimensions'][0] -%}
        {%- if time['column'] != table['time_column'] -%}
            {%- do exceptions.raise_compiler_error(
                table['relation'] ~ " is a hypertable over " ~ time['column']
                ~ " on the server and over " ~ table['time_column'] ~ " as declared. Put"
                ~ " time_column: " ~ time['column'] ~ " back, or declare a table under"
                ~ " another name."
            ) -%}
        {%- endif -%}
        {%- if time['span'] != interval_units(table['chunk_interval'], unit or 'us') -%}
            {%- do changes.append({
                'summary': 'chunk interval of ' ~ table['relation'] ~ ', for new chunks',
                'sql': set_chunk_interval_sql(table),
            }) -%}
        {%- endif -%}
        {%- if unit is not none and time['now'] != 'now_' ~ unit -%}
            {%- do changes.append({
                'summary': 'integer now of ' ~ table['relation'],
                'sql': set_integer_now_sql(table),
            }) -%}
        {%- endif -%}
    {%- endif -%}
    {%- do changes.extend(dimension_changes(table, server)) -%}
    {%- do changes.extend(columnstore_changes(table, server)) -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    Sets the interval of new chunks; existing chunks keep theirs.
#}
{% macro set_chunk_interval_sql(table) %}
    select set_chunk_time_interval(
        '{{ table['relation'] }}',
        {{ time_span(table['chunk_interval'], table['time_unit']) }}
    );
{% endmacro %}


{#
    Converts a table to a hypertable, with its rows if it has any.
#}
{% macro create_hypertable_sql(table) %}
    select create_hypertable(
        '{{ table['relation'] }}',
        by_range(
            '{{ table['time_column'] }}',
            {{ time_span(table['chunk_interval'], table['time_unit']) }}
        ),
        create_default_indexes => false,
        migrate_data => true
    );
    {%- if table['time_unit'] is not none %}
    {{ set_integer_now_sql(table) }}
    {%- endif %}
{% endmacro %}


{#
    The further dimensions of a hypertable, `dimensions: [{column: sensor, partitions:
    4}]`: added while the table is empty, their number of partitions changed for new
    chunks. An undeclared dimension, or a new one for a table with rows, raises an error
    that names it.
#}
{% macro dimension_changes(table, server) -%}
    {%- set changes = [] -%}
    {%- set live = {} -%}
    {%- for dimension in (server.get('dimensions') or [])[1:] -%}
        {%- do live.update({dimension['column']: dimension['partitions']}) -%}
    {%- endfor -%}

    {%- set names = [] -%}
    {%- for dimension in table['dimensions'] or [] -%}
        {%- set column = dimension.get('column') -%}
        {%- set partitions = dimension.get('partitions') -%}
        {%- if column is none or partitions is none -%}
            {%- do exceptions.raise_compiler_error(
                "A dimension of " ~ table['relation'] ~ " needs a column and a number of"
                ~ " partitions, as in dimensions: [{column: sensor, partitions: 4}]."
            ) -%}
        {%- endif -%}
        {%- do names.append(column) -%}
        {%- if column not in live -%}
            {%- if server['kind'] is not none and has_rows(table['relation']) -%}
                {%- do exceptions.raise_compiler_error(
                    "Dimension " ~ column ~ " is new in the declaration of "
                    ~ table['relation'] ~ ", which has rows: a dimension can only be added"
                    ~ " to an empty hypertable. Take it out, or declare a table under"
                    ~ " another name and copy the rows."
                ) -%}
            {%- endif -%}
            {%- do changes.append({
                'summary': 'dimension ' ~ column ~ ' of ' ~ table['relation'],
                'sql': "select add_dimension('" ~ table['relation'] ~ "', by_hash('"
                    ~ column ~ "', " ~ partitions ~ "))",
            }) -%}
        {%- elif live[column] != partitions -%}
            {%- do changes.append({
                'summary': 'partitions over ' ~ column ~ ' of ' ~ table['relation'],
                'sql': "select set_number_partitions('" ~ table['relation'] ~ "', "
                    ~ partitions ~ ", '" ~ column ~ "')",
            }) -%}
        {%- endif -%}
    {%- endfor -%}

    {%- for column in live if column not in names -%}
        {%- do exceptions.raise_compiler_error(
            table['relation'] ~ " has a dimension " ~ column ~ " on the server that is not"
            ~ " declared, and a dimension cannot be removed. Declare dimensions: [{column: "
            ~ column ~ ", partitions: " ~ live[column] ~ "}]."
        ) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    Whether a table has any row.
#}
{% macro has_rows(relation) -%}
    {{ return(run_query('select exists(select 1 from ' ~ relation ~ ')').rows[0][0]) }}
{%- endmacro %}


{#
    The statements that bring the columnstore of a hypertable in line with its config
    (Community edition). A columnstore that is no longer declared stays on, without a policy:
    turning it off would rewrite every chunk.
#}
{% macro columnstore_changes(table, server) -%}
    {%- set columnstore = table['columnstore'] -%}
    {%- if timescale_edition() != 'community' or columnstore is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- if not server.get('has_columnstore') -%}
        {{ return([{
            'summary': 'columnstore of ' ~ table['relation'],
            'sql': enable_columnstore_sql(table),
        }]) }}
    {%- endif -%}
    {%- for key, live in [('segment_by', 'segment_by'), ('order_by', 'order_by')]
        if columnstore.get(key) is not none
        and column_list(columnstore[key] | join(',')) != column_list(server.get(live) or '')
    -%}
        {%- if loop.first -%}
            {{ return([{
                'summary': 'columnstore settings of ' ~ table['relation'],
                'sql': enable_columnstore_sql(table),
            }]) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return([]) }}
{%- endmacro %}


{#
    A list of columns with their sort orders in one spelling, as a list.
#}
{% macro column_list(text) -%}
    {%- set columns = [] -%}
    {%- for part in (text | lower | replace('"', '')).split(',') if part | trim -%}
        {%- set words = part.split() -%}
        {%- set descending = 'desc' in words -%}
        {%- set rest = words[1:] | reject('in', ['asc', 'desc']) | join(' ') -%}
        {%- set default = 'nulls first' if descending else 'nulls last' -%}
        {%- do columns.append((words[0], descending, rest or default)) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}


{#
    Turns on the columnstore of a hypertable or changes its settings; chunks that are already
    in it do not change. The job that moves chunks into it is in declared_policies.
#}
{% macro enable_columnstore_sql(table) %}
    {%- set columnstore = table['columnstore'] %}
    alter table {{ table['relation'] }} set (
        timescaledb.enable_columnstore
        {%- if columnstore.get('segment_by') is not none %},
        timescaledb.segmentby = '{{ columnstore['segment_by'] | join(', ') }}'
        {%- endif %}
        {%- if columnstore.get('order_by') is not none %},
        timescaledb.orderby = '{{ columnstore['order_by'] | join(', ') }}'
        {%- endif %}
    );
{% endmacro %}
