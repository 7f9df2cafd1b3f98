"""Bitcoin: candles of the last hours, the newest window, and those most like it."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import dict_row

from headlines.scorecards import SEARCH_ROWS
from report.reading.ask import Connection, Record, ask, missing

HOURS = 6


def candles(conn: Connection, venue: str, hours: int = HOURS) -> list[Record]:
    """Return one-minute candles up to the venue's last trade, without holes."""
    return ask(
        conn,
        """
        select
            bucket,
            open::float8 as open,
            high::float8 as high,
            low::float8 as low,
            close::float8 as close,
            volume::float8 as volume
        from (
            select max(bucket) + interval '1 minute' as last_at
            from market_data.btc_ohlcv_1m
            where exchange = {venue}
        ) as ends
        cross join lateral market_data.candles_filled(
            '1 minute',
            ends.last_at - make_interval(hours => {hours}),
            ends.last_at,
            {venue}
        )
        order by bucket
        """,
        venue=venue,
        hours=hours,
    )


def newest_window(conn: Connection, venue: str) -> Record | None:
    """Return the venue's newest window that was searched for, and how long it is."""
    found = ask(
        conn,
        """
        select
            windows.bucket,
            (scales.parameters ->> 'window_seconds')::float8 as seconds
        from signals.btc_similar_windows as windows
        inner join signals.btc_feature_scales as scales
            using (exchange, feature_version)
        where windows.exchange = {venue}
        order by windows.bucket desc
        limit 1
        """,
        venue=venue,
    )
    return found[0] if found else None


def neighbours(conn: Connection, venue: str, bucket: datetime) -> list[Record]:
    """Return what followed each similar window: a row by rank and horizon."""
    return ask(
        conn,
        """
        select
            windows.neighbour_rank,
            windows.neighbour_bucket,
            windows.similarity,
            followed.key as horizon,
            extract(epoch from followed.key::interval)::float8 as seconds,
            (followed.value ->> 'log_return')::float8 as log_return
        from signals.btc_similar_windows as windows
        cross join lateral jsonb_each(windows.what_followed) as followed
        where windows.exchange = {venue} and windows.bucket = {bucket}
        order by windows.neighbour_rank, followed.key::interval
        """,
        venue=venue,
        bucket=bucket,
    )


def summary(conn: Connection, venue: str, bucket: datetime) -> list[Record]:
    """Return what followed all of them, weighted by similarity, by horizon."""
    return ask(
        conn,
        """
        select
            horizon,
            extract(epoch from horizon::interval)::float8 as seconds,
            neighbour_count,
            effective_sample_size,
            expected_return,
            expected_volatility
        from signals.btc_similar_windows_summary
        where exchange = {venue} and bucket = {bucket}
        order by horizon::interval
        """,
        venue=venue,
        bucket=bucket,
    )


def scorecard(conn: Connection) -> list[Record]:
    """Return the scorecard of similar windows; empty before `make evaluate`.

    By venue, horizon, target and baseline.
    """
    if missing(conn, ["signals.btc_search_scorecard"]):
        return []
    return conn.cursor(row_factory=dict_row).execute(SEARCH_ROWS).fetchall()


def paths(
    conn: Connection, venue: str, bucket: datetime, seconds: float, after: float
) -> list[Record]:
    """Return the price within each window and after it, rank 0 being the newest.

    `at_seconds` counts from the window's end; every 5 seconds before it, every 30
    after. Nothing later than the newest window's end is read for the others.
    """
    return ask(
        conn,
        """
        with windows as (
            select 0 as neighbour_rank, {bucket}::timestamptz as starts_at
            union all
            select neighbour_rank, neighbour_bucket
            from signals.btc_similar_windows
            where exchange = {venue} and bucket = {bucket}
        ),

        ends as (
            select
                neighbour_rank,
                starts_at,
                starts_at + make_interval(secs => {seconds}) as ends_at,
                case
                    when neighbour_rank = 0 then 'infinity'
                    else {bucket}::timestamptz + make_interval(secs => {seconds})
                end as known_until
            from windows
        )

        select
            ends.neighbour_rank,
            extract(
                epoch from candles.bucket + interval '5 seconds' - ends.ends_at
            )::float8 as at_seconds,
            candles.open::float8 as open,
            candles.close::float8 as close
        from ends
        cross join lateral market_data.candles_filled(
            '5 seconds', ends.starts_at, ends.ends_at, {venue}
        ) as candles
        union all
        select
            ends.neighbour_rank,
            extract(epoch from candles.bucket + interval '30 seconds' - ends.ends_at)
            ::float8 as at_seconds,
            candles.open::float8,
            candles.close::float8
        from ends
        cross join lateral market_data.candles_filled(
            '30 seconds',
            ends.ends_at,
            least(ends.ends_at + make_interval(secs => {after}), ends.known_until),
            {venue}
        ) as candles
        where candles.bucket + interval '30 seconds' <= ends.known_until
        order by 1, 2
        """,
        venue=venue,
        bucket=bucket,
        seconds=seconds,
        after=after,
    )
