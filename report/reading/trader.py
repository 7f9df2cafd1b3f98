"""One trader: figures, days, coins, positions."""

from __future__ import annotations

from report.reading.ask import Connection, Record, ReportError, ask

POSITIONS = 15
COINS = 12


def profile(conn: Connection, trader: str) -> Record:
    """Return the trader's row of `analytics.trader_profiles`.

    Raises
    ------
    ReportError
        When there is no such trader.
    """
    found = ask(
        conn,
        """
        select profiles.*, classes.description as class_description
        from (
            select *
            from analytics.trader_profiles
            where user_address = {trader} or user_address = lower({trader})
            order by user_address = {trader} desc
            limit 1
        ) as profiles
        left join lateral (
            select description
            from reference.trader_classes
            where trader_classes.trader_class = profiles.trader_class
        ) as classes on true
        """,
        trader=trader,
    )
    if not found:
        raise ReportError(
            f"no trader {trader!r} in analytics.trader_profiles: take an address from "
            "its user_address, or leave --trader out for the first of the leaderboard"
        )
    return found[0]


def days(conn: Connection, trader: str) -> list[Record]:
    """Return the days on which the trader traded or held something, ordered.

    Net PnL of each day and its parts; unknown parts are None.
    """
    return ask(
        conn,
        """
        select
            day - date '1970-01-01' as day,
            net_pnl::float8 as net_pnl,
            realized_pnl::float8 as realized_pnl,
            fees_usd::float8 as fees_usd,
            funding_usd::float8 as funding_usd,
            unrealized_change_usd::float8 as unrealized_change_usd,
            open_positions,
            is_funding_known,
            has_marks
        from analytics.trader_pnl_daily
        where user_address = {trader}
        order by trader_pnl_daily.day
        """,
        trader=trader,
    )


def coins(conn: Connection, trader: str, limit: int = COINS) -> list[Record]:
    """Return closed positions by coin: those with the largest result, and the rest.

    The rest has no name; it comes last. Positions of unknown net PnL are left out.
    """
    return ask(
        conn,
        """
        with by_coin as (
            select
                coin,
                count(*) as positions,
                count(*) filter (where net_pnl > 0) as won,
                count(*) filter (where side = 'long') as longs,
                sum(net_pnl) as net_pnl,
                sum(entry_notional_usd) as entered_usd,
                row_number() over (order by abs(sum(net_pnl)) desc, coin) as place
            from analytics.trader_positions
            where
                user_address = {trader}
                and status = 'closed'
                and net_pnl is not null
            group by coin
        )

        select
            case when place <= {limit} then coin end as coin,
            sum(positions)::bigint as positions,
            sum(won)::bigint as won,
            sum(longs)::bigint as longs,
            sum(net_pnl)::float8 as net_pnl,
            sum(entered_usd)::float8 as entered_usd,
            count(*) as coins
        from by_coin
        group by least(place, {limit} + 1), 1
        order by least(place, {limit} + 1)
        """,
        trader=trader,
        limit=limit,
    )


def sides(conn: Connection, trader: str) -> list[Record]:
    """Return closed positions by side: `long` and `short`, where there are any.

    Positions of unknown net PnL are left out.
    """
    return ask(
        conn,
        """
        select
            side,
            count(*) as positions,
            count(*) filter (where net_pnl > 0) as won,
            sum(net_pnl)::float8 as net_pnl,
            sum(entry_notional_usd)::float8 as entered_usd
        from analytics.trader_positions
        where
            user_address = {trader}
            and status = 'closed'
            and net_pnl is not null
        group by side
        order by side
        """,
        trader=trader,
    )


def positions(conn: Connection, trader: str, limit: int = POSITIONS) -> list[Record]:
    """Return the latest positions, open ones first, then by their last fill."""
    return ask(
        conn,
        """
        select
            coin,
            side,
            status,
            opened_at,
            closed_at,
            max_size::float8 as max_size,
            entry_vwap::float8 as entry_vwap,
            exit_vwap::float8 as exit_vwap,
            entry_notional_usd::float8 as entered_usd,
            net_pnl::float8 as net_pnl,
            holding_seconds::float8 as holding_seconds,
            close_reason
        from analytics.trader_positions
        where user_address = {trader}
        order by status = 'open' desc, last_fill_at desc, position_id
        limit {limit}
        """,
        trader=trader,
        limit=limit,
    )
