"""TimescaleDB's hypertables, aggregates and jobs in a database."""

from __future__ import annotations

from typing import Any

import psycopg

# Title, headings with a format as in `headlines`, and query.
Section = tuple[str, list[tuple[str, str]], str]

HYPERTABLES: Section = (
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

AGGREGATES: Section = (
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

# Jobs on an aggregate name the table that holds its rows.
JOBS: Section = (
    "Jobs (timescaledb_information.jobs)",
    [
        ("job", ""),
        ("what", ""),
        ("on", ""),
        ("every", ""),
        ("offsets", ""),
        ("last", ""),
    ],
    """
        select
            j.job_id,
            case
                when j.proc_name like '%refresh%' then 'refresh'
                when j.proc_name like '%compression%' then 'columnstore'
                else regexp_replace(j.proc_name, '^policy_', '')
            end,
            coalesce(
                c.view_schema || '.' || c.view_name,
                j.hypertable_schema || '.' || j.hypertable_name
            ),
            j.schedule_interval || case when j.scheduled then '' else ' (off)' end,
            (
                select
                    string_agg(
                        case
                            when o.value ~ '^[0-9]+$'
                                then justify_hours(
                                    o.value::bigint * interval '1 millisecond'
                                )::text
                            else o.value
                        end,
                        ' to ' order by o.key desc
                    )
                from jsonb_each_text(j.config) as o
                where o.key in (
                    'start_offset', 'end_offset', 'drop_after', 'compress_after'
                )
            ),
            coalesce(s.last_run_status, 'not yet')
        from timescaledb_information.jobs as j
        left join timescaledb_information.job_stats as s using (job_id)
        left join timescaledb_information.continuous_aggregates as c
            on
                (c.materialization_hypertable_schema, c.materialization_hypertable_name)
                = (j.hypertable_schema, j.hypertable_name)
        -- Below that number are TimescaleDB's own.
        where j.job_id >= 1000
        order by 3, 2, 1
    """,
)


def timescale_sections(
    conn: psycopg.Connection[Any],
) -> list[tuple[str, list[tuple[str, str]], list[Any]]]:
    """Return titles, headings and rows; nothing without TimescaleDB in the database."""
    query = "select from pg_extension where extname = 'timescaledb'"
    if conn.execute(query).fetchone() is None:
        return []
    return [
        (title, columns, conn.execute(query).fetchall())
        for title, columns, query in (HYPERTABLES, AGGREGATES, JOBS)
    ]
