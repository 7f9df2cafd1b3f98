"""The leaderboard and how traders are distributed."""

from __future__ import annotations

from report.reading.ask import POINTS, Connection, Record, ask

LEADERS = 25
SCATTERED = 600
#: Closed positions that a trader needs for rates that mean something.
RATED_POSITIONS = 10
#: Bins of holding times per power of ten, from one second.
BINS_PER_DECADE = 4


def leaders(conn: Connection, limit: int = LEADERS) -> list[Record]:
    """Return the first traders: smart money first, then by Sharpe ratio × confidence.

    Profits are marked to market. The order is that of ``python -m headlines``, which
    lists only smart money. Traders who traded only outcome coins have no daily profits
    and are left out.
    """
    return ask(
        conn,
        """
        select
            user_address,
            trader_class,
            is_smart_money,
            mtm_net_pnl::float8 as net_pnl,
            volume::float8 as volume,
            mtm_sharpe_ratio as sharpe_ratio,
            mtm_sortino_ratio as sortino_ratio,
            mtm_max_drawdown as max_drawdown,
            mtm_known_share,
            position_win_rate,
            profit_factor,
            closed_positions,
            median_holding_seconds,
            confidence
        from analytics.trader_profiles
        where mtm_net_pnl is not null
        order by
            is_smart_money desc,
            mtm_sharpe_ratio * confidence desc nulls last,
            user_address
        limit {limit}
        """,
        limit=limit,
    )


def equity(conn: Connection, traders: list[str]) -> list[Record]:
    """Return cumulative net PnL by trader and day, thinned, ordered by both.

    The first day of each trader and the last of every bucket of days.
    """
    return ask(
        conn,
        """
        with daily as (
            select
                user_address,
                day,
                equity_usd::float8 as equity,
                day - min(day) over (partition by user_address) as age,
                ceil(
                    (max(day) over () - min(day) over () + 1)::numeric / {points}
                )::integer as step
            from analytics.trader_pnl_daily
            where user_address = any({traders}::text[])
        )

        select distinct on (user_address, (age + step - 1) / step)
            user_address,
            day,
            equity
        from daily
        order by user_address, (age + step - 1) / step, daily.day desc
        """,
        traders=traders,
        points=POINTS,
    )


def holding_times(conn: Connection) -> list[Record]:
    """Return rated positions by holding time.

    Positions that the trader closed, or reduced to dust that the exchange swept. Bin
    *b* begins at 10^(b / BINS_PER_DECADE) seconds, the first at zero.
    """
    return ask(
        conn,
        """
        select
            least(
                floor({bins} * log(greatest(holding_seconds, 1)))::int, 9 * {bins}
            ) as bin,
            count(*) filter (where net_pnl > 0) as won,
            count(*) filter (where net_pnl <= 0) as lost,
            sum(net_pnl)::float8 as net_pnl
        from analytics.trader_positions
        where
            status = 'closed'
            and is_basis_known
            and close_reason in ('trade', 'flip', 'dust')
            and holding_seconds is not null
        group by 1
        order by 1
        """,
        bins=BINS_PER_DECADE,
    )


def groups(conn: Connection) -> list[Record]:
    """Return traders, net PnL and volume by class, size tier and style, each apart.

    Net PnL is that of traders of whom it is known.
    """
    return ask(
        conn,
        """
        select
            case grouping(trader_class, size_tier, trading_style)
                when 3 then 'trader_class'
                when 5 then 'size_tier'
                when 6 then 'trading_style'
            end as attribute,
            coalesce(trader_class, size_tier, trading_style) as label,
            count(*) as traders,
            coalesce(sum(net_pnl), 0)::float8 as net_pnl,
            sum(volume)::float8 as volume
        from analytics.trader_profiles
        group by grouping sets ((trader_class), (size_tier), (trading_style))
        order by 1, 3 desc, 2
        limit 200
        """,
    )


def scattered(conn: Connection, limit: int = SCATTERED) -> list[Record]:
    """Return win rate and profit factor of the traders with the largest volume."""
    return ask(
        conn,
        """
        select
            user_address,
            trader_class,
            is_smart_money,
            position_win_rate,
            profit_factor,
            net_pnl::float8 as net_pnl,
            volume::float8 as volume,
            closed_positions
        from analytics.trader_profiles
        where
            closed_positions >= {positions}
            and profit_factor > 0
            and net_pnl is not null
        order by volume desc, user_address
        limit {limit}
        """,
        positions=RATED_POSITIONS,
        limit=limit,
    )
