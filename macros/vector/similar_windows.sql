{#
    A SELECT of the windows most like the one that begins at `bucket`, an SQL expression:
    `{{ similar_windows("timestamptz '2025-01-02 10:15Z'", 10, "'binance_spot'") }}`.
#}
{% macro similar_windows(bucket, k=none, exchange='null', is_exact=false) -%}
    select * from signals.similar_windows(
        bucket => {{ bucket }},
        k => {{ k if k is not none else var('similar_windows_count') }},
        exchange => {{ exchange }},
        is_exact => {{ is_exact | lower }}
    )
{%- endmacro %}
