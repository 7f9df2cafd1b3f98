"""Curves of one trader's tear sheet: equity, drawdown, rolling Sharpe ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import plotly.graph_objects as go

from report.blocks import Cell, Chart, Column, Table, View
from report.daily import (
    Floats,
    Ints,
    calendar,
    rolling_sharpe,
    to_date,
    underwater,
)
from report.drawing.common import figure, money_axis
from report.numbers import cell, day, ratio, usd
from report.palette import LIGHT, gain, translucent
from report.reading.ask import Record

ROLLING_DAYS = 30


@dataclass(frozen=True)
class Days:
    """Every calendar day of a trader, and the net PnL of each, USD."""

    numbers: Ints
    net_pnl: Floats

    @classmethod
    def of(cls, active: Sequence[Record]) -> Days:
        """Fill the days between active ones."""
        numbers = np.array([row["day"] for row in active], np.int64)
        return cls(*calendar(numbers, np.array([row["net_pnl"] for row in active])))

    @property
    def first(self) -> date:
        """The first active day."""
        return to_date(self.numbers[0])

    @property
    def last(self) -> date:
        """The last active day."""
        return to_date(self.numbers[-1])

    def texts(self) -> list[str]:
        """Return the days as a figure takes them."""
        return [str(each) for each in self.numbers.astype("datetime64[D]")]


def equity(days: Days) -> Chart:
    """Draw cumulative net PnL, the drawdown under it, and each day's result."""
    curve, below = underwater(days.net_pnl)
    at = days.texts()
    colour = gain(curve[-1])
    traces = [
        go.Scatter(
            # Before the first day there was nothing.
            x=[(days.first - timedelta(days=1)).isoformat(), *at],
            y=[0.0, *curve.tolist()],
            name="equity",
            line={"color": colour, "width": 2},
            fill="tozeroy",
            fillcolor=translucent(colour, 0.12),
            customdata=[usd(v) for v in (0.0, *curve.tolist())],
            hovertemplate="net PnL so far %{customdata}<extra></extra>",
        ),
        go.Scatter(
            x=at,
            y=below.tolist(),
            name="drawdown",
            yaxis="y2",
            line={"color": LIGHT["down"], "width": 1.5},
            fill="tozeroy",
            fillcolor=translucent(LIGHT["down"], 0.18),
            customdata=[usd(v) for v in below.tolist()],
            hovertemplate="drawdown %{customdata}<extra></extra>",
        ),
        go.Bar(
            x=at,
            y=days.net_pnl.tolist(),
            name="day",
            yaxis="y3",
            width=0.8 * 86_400_000,
            marker={"color": [gain(v) for v in days.net_pnl]},
            customdata=[usd(v) for v in days.net_pnl.tolist()],
            hovertemplate="day %{customdata}<extra></extra>",
        ),
    ]
    made = figure(
        traces,
        hovermode="x unified",
        hoversubplots="axis",
        xaxis={
            "type": "date",
            "showgrid": False,
            "anchor": "y3",
            "hoverformat": "%d %b %Y",
        },
        yaxis=money_axis(curve.tolist(), title="equity", domain=[0.5, 1.0]),
        yaxis2=money_axis(below.tolist(), 3, title="drawdown", domain=[0.26, 0.46]),
        yaxis3=money_axis(days.net_pnl.tolist(), 3, title="by day", domain=[0.0, 0.22]),
    )
    by_month = _month_ends(days, curve, below)
    return Chart(
        "tear-equity",
        "Equity, drawdown and daily result",
        f"Cumulative net PnL from {day(days.first)} to {day(days.last)}: it ends at "
        f"{usd(float(curve[-1]))}, its highest point was "
        f"{usd(max(0.0, float(curve.max())))}, its deepest fall "
        f"{usd(float(-below.min()))}. The table below has the end of each month.",
        [View("Equity", made)],
        by_month,
        height=520,
        phone_height=460,
    )


def _month_ends(days: Days, curve: Floats, below: Floats) -> Table:
    as_months = days.numbers.astype("datetime64[D]").astype("datetime64[M]")
    is_last = np.append(as_months[1:] != as_months[:-1], True)
    ends = np.flatnonzero(is_last)[-60:]
    return Table(
        "Equity at the end of each month",
        [
            Column("Day", is_number=False),
            Column("Equity"),
            Column("Drawdown"),
        ],
        [
            [
                Cell(day(to_date(days.numbers[i]))),
                cell(float(curve[i]), usd, toned=True),
                cell(float(below[i]), usd, toned=True),
            ]
            for i in ends
        ],
    )


def rolling(days: Days) -> Chart | None:
    """Draw the Sharpe ratio of the last 30 days; None where there are fewer than 45."""
    if len(days.numbers) < ROLLING_DAYS * 1.5:
        return None
    values = rolling_sharpe(days.net_pnl, ROLLING_DAYS)
    at = days.texts()[ROLLING_DAYS - 1 :]
    known = [None if np.isnan(v) else float(v) for v in values]
    seen = [v for v in known if v is not None]
    if not seen:
        return None
    trace = go.Scatter(
        x=at,
        y=known,
        mode="lines",
        line={"color": LIGHT["accent"], "width": 2},
        hovertemplate="%{x|%d %b %Y}: %{y:.2f}<extra></extra>",
    )
    return Chart(
        "tear-rolling",
        f"Sharpe ratio of the last {ROLLING_DAYS} days",
        f"Between {ratio(min(seen))} and {ratio(max(seen))}, {ratio(seen[-1])} at the "
        "end.",
        [
            View(
                "Sharpe",
                figure(
                    [trace],
                    xaxis={"type": "date", "showgrid": False},
                    yaxis={"zeroline": True, "nticks": 5},
                ),
            )
        ],
        note=f"Between {ratio(min(seen))} and {ratio(max(seen))}.",
        height=260,
        phone_height=220,
    )
