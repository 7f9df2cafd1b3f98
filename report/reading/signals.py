"""Smart money by coin and day, from `analytics.asset_signals`."""

from __future__ import annotations

from psycopg.rows import dict_row

from headlines.scorecards import SIGNAL_ROWS
from report.reading.ask import POINTS, Connection, Record, ask, missing

#: Coins that are shown by name; the others are one row of each day.
COINS = 20


def history(conn: Connection, coins: int = COINS) -> list[Record]:
    """Return positions by coin and day, and one row per day for all other coins.

    Ordered by day and rank. Coins are ranked by their mean absolute net position over
    the days shown; rank ``coins + 1`` is all others, without a name or a z-score. A
    long history is thinned to every n-th day and the last one.
    """
    return ask(
        conn,
        """
        with days as (
            select
                max(as_of_date) as last_date,
                ceil((max(as_of_date) - min(as_of_date) + 1) / {points}::float8)::int
                    as step
            from analytics.asset_signals
        ),

        shown as (
            select signals.*
            from analytics.asset_signals as signals
            cross join days
            where (days.last_date - signals.as_of_date) % days.step = 0
        ),

        ranked as (
            select
                coin,
                least(
                    row_number() over (order by sum(abs(smart_net_usd)) desc, coin),
                    {coins} + 1
                )::int as coin_rank
            from shown
            group by coin
        )

        select
            shown.as_of_date,
            ranked.coin_rank,
            case when ranked.coin_rank <= {coins} then shown.coin end as coin,
            count(*) as coins,
            sum(shown.smart_net_usd)::float8 as net_usd,
            sum(shown.smart_long_usd)::float8 as long_usd,
            sum(shown.smart_short_usd)::float8 as short_usd,
            case
                when ranked.coin_rank <= {coins} then max(shown.net_z_score)
            end as z_score
        from shown
        inner join ranked using (coin)
        group by 1, 2, 3
        order by 1, 2
        """,
        points=POINTS,
        coins=coins,
    )


def latest(conn: Connection, coins: int = COINS) -> list[Record]:
    """Return the last day's signals of the coins with the largest net positions."""
    return ask(
        conn,
        """
        select
            as_of_date,
            coin,
            smart_net_usd::float8 as net_usd,
            smart_long_usd::float8 as long_usd,
            smart_short_usd::float8 as short_usd,
            long_short_ratio,
            net_z_score as z_score,
            net_flow_24h_usd::float8 as flow_24h_usd,
            net_flow_7d_usd::float8 as flow_7d_usd,
            trader_count,
            agreement,
            winners_minus_losers
        from analytics.asset_signals
        where as_of_date = (select max(as_of_date) from analytics.asset_signals)
        order by abs(smart_net_usd) desc, coin
        limit {coins}
        """,
        coins=coins,
    )


def totals(conn: Connection) -> Record | None:
    """Return the last day's sums over all coins, and its most unusual coin."""
    found = ask(
        conn,
        """
        with last_day as (
            select *
            from analytics.asset_signals
            where as_of_date = (select max(as_of_date) from analytics.asset_signals)
        ),

        unusual as (
            select coin, net_z_score
            from last_day
            where net_z_score is not null
            order by abs(net_z_score) desc, coin
            limit 1
        )

        select
            max(last_day.as_of_date) as as_of_date,
            count(*) as coins,
            sum(last_day.smart_net_usd)::float8 as net_usd,
            sum(last_day.smart_long_usd)::float8 as long_usd,
            sum(last_day.smart_short_usd)::float8 as short_usd,
            sum(last_day.net_flow_24h_usd)::float8 as flow_24h_usd,
            max(unusual.coin) as unusual_coin,
            max(unusual.net_z_score) as unusual_z_score
        from last_day
        left join unusual on true
        having count(*) > 0
        """,
    )
    return found[0] if found else None


def scorecard(conn: Connection) -> list[Record]:
    """Return the scorecard of signals; empty before `make evaluate`."""
    if missing(conn, ["analytics.signal_scorecard"]):
        return []
    return conn.cursor(row_factory=dict_row).execute(SIGNAL_ROWS).fetchall()
