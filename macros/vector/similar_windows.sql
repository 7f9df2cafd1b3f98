{% macro similar_windows(bucket, k=none, exchange='null', is_exact=false) -%}
    select * from signals.similar_windows(
        bucket => {{ bucket }},
        k => {{ k if k is not none else var('similar_windows_count') }},
        exchange => {{ exchange }},
        is_exact => {{ is_exact | lower }}
    )
{%- endmacro %}
