{% macro migration_0003_ranges_of_several_spans() -%}
    {%- set changes = [] -%}
    {%- for name in ['hyperliquid.fills_time_brin', 'market_data.btc_ticks_brin'] -%}
        {%- do changes.append({
            'summary': 'no index ' ~ name ~ ' of one span a range',
            'sql': 'drop index if exists ' ~ name,
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}
