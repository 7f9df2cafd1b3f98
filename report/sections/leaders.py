"""The leaderboard, and the equity curves of its first traders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import plotly.graph_objects as go

from report.ask import POINTS, Connection, Record, ask
from report.blocks import Chart, Row, Section, View
from report.figures import DAYS, figure
from report.numbers import count, duration, label, percent, ratio, short_address, usd
from report.palette import gain, translucent
from report.tables import Column, Table, gains

LEADERS = 25
CURVES = 12


def leaders(conn: Connection) -> list[Record]:
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
        limit %(leaders)s
        """,
        leaders=LEADERS,
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
                    (max(day) over () - min(day) over () + 1)::numeric / %(points)s
                )::integer as step
            from analytics.trader_pnl_daily
            where user_address = any(%(traders)s::text[])
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


def section(rows: Sequence[Record], points: Sequence[Record]) -> Section:
    """Return the section of what `leaders` and `equity` return; neither is empty."""
    curves: dict[str, list[Record]] = {}
    for point in points:
        curves.setdefault(point["user_address"], []).append(point)
    smart = sum(row["is_smart_money"] for row in rows)
    lead = [
        "Smart money first, then by Sharpe ratio × confidence: steady results over a "
        "sample that is large enough to mean something."
    ]
    if not smart:
        lead.append("None of these traders is smart money by the rules.")
    elif smart < len(rows):
        lead.append(f"The first {count(smart)} are smart money, the others are not.")
    else:
        lead.append("All of these are smart money.")
    unknown = sum(row["mtm_known_share"] < 1 for row in rows)
    if unknown:
        lead.append(
            f"Of {count(unknown)} of the {count(len(rows))}, not all funding and "
            "marks are known: their profit is without that funding, at traded prices."
        )
    drawn = [
        _curve(place, row, curves.get(row["user_address"], []))
        for place, row in enumerate(rows[:CURVES], start=1)
    ]
    return Section(
        "leaderboard", "Leaders", "Leaderboard", lead, [Row(drawn), _table(rows)]
    )


def _curve(place: int, leader: Record, curve: Sequence[Record]) -> Chart:
    """Draw one trader's cumulative net PnL, small."""
    colour = gain(leader["net_pnl"])
    # The curve starts at zero on the day before the first one.
    start = [curve[0]["day"] - timedelta(days=1)] if curve else []
    values = [0.0 for _ in start] + [row["equity"] for row in curve]
    trace = go.Scatter(
        x=[each.isoformat() for each in [*start, *(row["day"] for row in curve)]],
        y=values,
        mode="lines",
        line={"color": colour, "width": 2},
        fill="tozeroy",
        fillcolor=translucent(colour, 0.14),
        customdata=[usd(value) for value in values],
        hovertemplate="%{x|%d %b %Y}: %{customdata}<extra></extra>",
    )
    made = figure(
        [trace],
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        xaxis={**DAYS, "nticks": 3},
        yaxis={"nticks": 4},
    )
    name = short_address(leader["user_address"])
    return Chart(
        f"equity-{place}",
        f"{place}. {name}",
        f"Cumulative net PnL of {name}: {usd(leader['net_pnl'])} in all, deepest fall "
        f"{usd(leader['max_drawdown'])}. The leaderboard has this trader's figures.",
        [View("Equity", made)],
        note=f"{usd(leader['net_pnl'])} · Sharpe {ratio(leader['sharpe_ratio'])}",
        height=130,
        phone_height=120,
        is_small=True,
    )


def _table(rows: Sequence[Record]) -> Table:
    return Table.of(
        f"The first {count(len(rows))} traders",
        [{**row, "place": place} for place, row in enumerate(rows, start=1)],
        Column("#", "place", count),
        Column("Trader", "user_address", is_name=True),
        gains(
            "Net PnL",
            "net_pnl",
            usd,
            "Marked to market, after fees, with known funding",
        ),
        Column("Sharpe", "sharpe_ratio", ratio, "Daily net PnL, annualised by √365"),
        Column("Sortino", "sortino_ratio", ratio, "The same against losing days alone"),
        Column("Drawdown", "max_drawdown", usd, "Deepest fall of cumulative net PnL"),
        Column("Win rate", "position_win_rate", percent, "Of closed positions"),
        Column(
            "Profit factor",
            "profit_factor",
            ratio,
            "Gains over losses",
        ),
        Column("Positions", "closed_positions", count, "Closed, of known basis"),
        Column("Median hold", "median_holding_seconds", duration),
        Column("Volume", "volume", usd),
        Column("Confidence", "confidence", percent, "What the sample supports"),
        Column("Class", lambda row: label(row["trader_class"])),
        is_sortable=True,
    )
