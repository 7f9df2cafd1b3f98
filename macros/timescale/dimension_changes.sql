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
