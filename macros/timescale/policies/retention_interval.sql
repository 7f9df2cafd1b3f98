{% macro retention_interval(retention) -%}
    {%- if retention is none or retention is string -%}
        {{ return(retention) }}
    {%- endif -%}
    {%- if retention is not mapping or retention.get('drop_after') is none -%}
        {%- do exceptions.raise_compiler_error(
            "retention is '" ~ retention ~ "'; write how long rows are kept, as in"
            ~ " retention: {drop_after: 90 days}."
        ) -%}
    {%- endif -%}
    {{ return(retention['drop_after']) }}
{%- endmacro %}
