"""The leaderboard, and the equity curves of its first traders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import plotly.graph_objects as go

from report.blocks import Cell, Chart, Column, Row, Section, Table, View
from report.drawing.common import figure, money_axis
from report.numbers import (
    cell,
    count,
    duration,
    label,
    percent,
    ratio,
    short_address,
    usd,
)
from report.palette import gain, translucent
from report.reading.ask import Record

CURVES = 12


def section(leaders: Sequence[Record], equity: Sequence[Record]) -> Section:
    """Return the section.

    Parameters
    ----------
    leaders, equity
        What `report.reading.traders` gives; there is at least one leader.
    """
    curves: dict[str, list[Record]] = {}
    for row in equity:
        curves.setdefault(row["user_address"], []).append(row)
    smart = sum(row["is_smart_money"] for row in leaders)
    lead = [
        "Smart money first, then by Sharpe ratio × confidence: steady results over a "
        "sample that is large enough to mean something."
    ]
    if not smart:
        lead.append("None of these traders is smart money by the rules.")
    elif smart < len(leaders):
        lead.append(f"The first {count(smart)} are smart money, the others are not.")
    else:
        lead.append("All of these are smart money.")
    unknown = sum(row["mtm_known_share"] < 1 for row in leaders)
    if unknown:
        lead.append(
            f"Of {count(unknown)} of the {count(len(leaders))}, not all funding and "
            "marks are known: their profit is without that funding, at traded prices."
        )
    return Section(
        "leaderboard",
        "Leaders",
        "Leaderboard",
        lead,
        [
            Row(
                [
                    _curve(place, row, curves.get(row["user_address"], []))
                    for place, row in enumerate(leaders[:CURVES], start=1)
                ]
            ),
            _table(leaders, curves),
        ],
    )


def _curve(place: int, leader: Record, curve: Sequence[Record]) -> Chart:
    """Draw one trader's cumulative net PnL, small."""
    colour = gain(leader["net_pnl"])
    # The curve starts at zero on the day before the first one.
    start = [curve[0]["day"] - timedelta(days=1)] if curve else []
    days = [each.isoformat() for each in [*start, *(row["day"] for row in curve)]]
    values = [0.0 for _ in start] + [row["equity"] for row in curve]
    trace = go.Scatter(
        x=days,
        y=values,
        mode="lines",
        line={"color": colour, "width": 2},
        fill="tozeroy",
        fillcolor=translucent(colour, 0.14),
        customdata=[usd(value) for value in values],
        hovertemplate="%{x|%d %b %Y}: %{customdata}<extra></extra>",
    )
    name = short_address(leader["user_address"])
    return Chart(
        f"equity-{place}",
        f"{place}. {name}",
        f"Cumulative net PnL of {name}: {usd(leader['net_pnl'])} in all, deepest fall "
        f"{usd(leader['max_drawdown'])}. The leaderboard has this trader's figures.",
        [
            View(
                "Equity",
                figure(
                    [trace],
                    margin={"l": 4, "r": 4, "t": 4, "b": 4},
                    xaxis={"type": "date", "showgrid": False, "nticks": 3},
                    yaxis=money_axis(values, 3),
                ),
            )
        ],
        note=f"{usd(leader['net_pnl'])} · Sharpe {ratio(leader['sharpe_ratio'])}",
        height=130,
        phone_height=120,
        is_small=True,
    )


def _table(leaders: Sequence[Record], curves: dict[str, list[Record]]) -> Table:
    # If all are smart money, the sentence above the table says so.
    all_smart = all(row["is_smart_money"] for row in leaders)
    rows = []
    for place, row in enumerate(leaders, start=1):
        curve = [point["equity"] for point in curves.get(row["user_address"], [])]
        every = max(1, len(curve) // 40)
        rows.append(
            [
                cell(place, count),
                Cell(row["user_address"], title=row["user_address"]),
                cell(row["net_pnl"], usd, toned=True),
                Cell("", trail=(0.0, *curve[:-1:every], *curve[-1:])),
                cell(row["sharpe_ratio"], ratio),
                cell(row["sortino_ratio"], ratio),
                cell(row["max_drawdown"], usd),
                cell(row["position_win_rate"], percent),
                cell(row["profit_factor"], ratio),
                cell(row["closed_positions"], count),
                cell(row["median_holding_seconds"], duration),
                cell(row["volume"], usd),
                cell(row["confidence"], percent),
                Cell(label(row["trader_class"])),
                *(
                    []
                    if all_smart
                    else [Cell("yes" if row["is_smart_money"] else "no")]
                ),
            ]
        )
    return Table(
        f"The first {count(len(leaders))} traders",
        [
            Column("#"),
            Column("Trader", is_number=False),
            Column(
                "Net PnL",
                note="Marked to market, after fees and what is known of funding",
            ),
            Column("Equity", is_number=False, note="Cumulative net PnL by day"),
            Column("Sharpe", note="Daily net PnL in USD, annualised by √365"),
            Column("Sortino", note="The same against losing days alone"),
            Column("Drawdown", note="Deepest fall of cumulative net PnL"),
            Column("Win rate", note="Closed positions that won, before funding"),
            Column("Profit factor", note="Gains over losses of closed positions"),
            Column("Positions", note="Closed, of known basis"),
            Column("Median hold"),
            Column("Volume"),
            Column("Confidence", note="How much the sample supports the figures"),
            Column("Class", is_number=False),
            *([] if all_smart else [Column("Smart money", is_number=False)]),
        ],
        rows,
        is_sortable=True,
    )
