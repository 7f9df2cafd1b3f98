{#
    The distance of a value from the mean of a window, in sample standard deviations of the
    window; NULL with fewer than `least` rows in the window or if all are equal.
#}
{% macro trailing_z_score(value, window_name, least) -%}
    case
        when count(*) over {{ window_name }} >= {{ least }}
            then (
                ({{ value }} - avg({{ value }}) over {{ window_name }})
                / nullif(stddev_samp({{ value }}) over {{ window_name }}, 0)
            )::double precision
    end
{%- endmacro %}
