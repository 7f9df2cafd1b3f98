"""TimescaleDB's hypertables and aggregates in a database."""

from __future__ import annotations

from headlines.sections import Section

HYPERTABLES = Section(
    "Hypertables (timescaledb_information.hypertables)",
    [
        ("table", ""),
        ("time", ""),
        ("chunk", ""),
        ("chunks", "d"),
        ("columnstore", ""),
        ("MB", ",.1f"),
    ],
    """
        select
            h.hypertable_schema || '.' || h.hypertable_name,
            d.column_name,
            justify_hours(
                -- Integer times of this project are milliseconds.
                coalesce(
                    d.time_interval, d.integer_interval * interval '1 millisecond'
                )
            )::text,
            h.num_chunks,
            case when h.compression_enabled then 'yes' else 'no' end,
            hypertable_size(
                format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass
            ) / 1e6
        from timescaledb_information.hypertables as h
        inner join timescaledb_information.dimensions as d
            using (hypertable_schema, hypertable_name)
        where d.dimension_number = 1
        order by 1
    """,
)

AGGREGATES = Section(
    "Continuous aggregates (timescaledb_information.continuous_aggregates)",
    [("view", ""), ("of", ""), ("real-time", ""), ("columnstore", "")],
    """
        select
            view_schema || '.' || view_name,
            hypertable_schema || '.' || hypertable_name,
            case when materialized_only then 'no' else 'yes' end,
            case when compression_enabled then 'yes' else 'no' end
        from timescaledb_information.continuous_aggregates
        order by 1
    """,
)

SECTIONS = (HYPERTABLES, AGGREGATES)
