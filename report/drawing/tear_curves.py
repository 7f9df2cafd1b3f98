"""Curves of one trader's tear sheet: equity and its parts, drawdown, Sharpe ratio."""

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
from report.drawing.common import figure, money_axis, stack
from report.numbers import cell, day, ratio, usd
from report.palette import LIGHT, gain, translucent
from report.reading.ask import Record

ROLLING_DAYS = 30
#: Colours of the parts of net PnL; none is that of gains or of losses.
PART_COLOURS = {
    "realised less fees": LIGHT["accent"],
    "realised or not, less fees": LIGHT["accent"],
    "unrealised": LIGHT["purple"],
    "funding": LIGHT["gold"],
}


@dataclass(frozen=True)
class Days:
    """Every calendar day of a trader with its net PnL and the parts of it, USD.

    Attributes
    ----------
    numbers : array of int64, shape (n,)
        Days since the epoch.
    net_pnl : array of float64, shape (n,)
        Idle days are zero.
    parts : dict of arrays of float64, shape (n,)
        Parts of net PnL by name; their sum is `net_pnl`.
    """

    numbers: Ints
    net_pnl: Floats
    parts: dict[str, Floats]

    @classmethod
    def of(cls, rows: Sequence[Record]) -> Days:
        """Fill the days between those of `report.reading.trader.days`.

        If the realised profit of a day is unknown, realised and unrealised are one
        part: their split is unknown from that day on. Funding is a part only if some of
        it is known.
        """
        net = np.array([row["net_pnl"] for row in rows])
        paid = np.array([row["funding_usd"] or 0.0 for row in rows])
        if all(row["realized_pnl"] is not None for row in rows):
            parts = {
                "realised less fees": np.array(
                    [row["realized_pnl"] - row["fees_usd"] for row in rows]
                ),
                "unrealised": np.array([row["unrealized_change_usd"] for row in rows]),
            }
        else:
            parts = {"realised or not, less fees": net - paid}
        if paid.any() or all(row["is_funding_known"] for row in rows):
            parts["funding"] = paid
        numbers = np.array([row["day"] for row in rows], np.int64)
        every, filled = calendar(numbers, np.column_stack([net, *parts.values()]))
        return cls(every, filled[:, 0], dict(zip(parts, filled[:, 1:].T, strict=True)))

    @property
    def first(self) -> date:
        """The first day."""
        return to_date(self.numbers[0])

    @property
    def last(self) -> date:
        """The last day."""
        return to_date(self.numbers[-1])

    def texts(self) -> list[str]:
        """Return the days as a figure takes them."""
        return [str(each) for each in self.numbers.astype("datetime64[D]")]


def equity(days: Days) -> Chart:
    """Draw equity as the sum of its parts, the drawdown, and each day's result."""
    curve, below = underwater(days.net_pnl)
    sums = {name: np.cumsum(each) for name, each in days.parts.items()}
    # The curve starts at zero on the day before the first one.
    at = [(days.first - timedelta(days=1)).isoformat(), *days.texts()]
    falls, by_day = [0.0, *below.tolist()], [0.0, *days.net_pnl.tolist()]
    parts, reach, legend = stack(
        at,
        [
            (name, [0.0, *each.tolist()], PART_COLOURS[name])
            for name, each in sums.items()
        ],
        "equity",
    )
    traces = [
        *parts,
        go.Scatter(
            x=at,
            y=falls,
            name="drawdown",
            yaxis="y2",
            line={"color": LIGHT["down"], "width": 1.5},
            fill="tozeroy",
            fillcolor=translucent(LIGHT["down"], 0.18),
            customdata=[usd(v) for v in falls],
            hovertemplate="drawdown: %{customdata}<extra></extra>",
        ),
        go.Bar(
            x=at,
            y=by_day,
            name="day",
            yaxis="y3",
            marker={"color": [gain(v) for v in by_day]},
            customdata=[usd(v) for v in by_day],
            hovertemplate="day: %{customdata}<extra></extra>",
        ),
    ]
    made = figure(
        traces,
        barmode="relative",
        bargap=0.12,
        hovermode="x unified",
        hoversubplots="axis",
        xaxis={
            "type": "date",
            "showgrid": False,
            "anchor": "y3",
            "hoverformat": "%d %b %Y",
        },
        yaxis=money_axis(reach, title="equity", domain=[0.5, 1.0]),
        yaxis2=money_axis(falls, 3, title="drawdown", domain=[0.26, 0.46]),
        yaxis3=money_axis(by_day, 3, title="by day", domain=[0.0, 0.22]),
    )
    made_of = ", ".join(f"{name} {usd(float(each[-1]))}" for name, each in sums.items())
    return Chart(
        "tear-equity",
        "Equity, drawdown and daily result",
        f"Cumulative net PnL from {day(days.first)} to {day(days.last)}: it ends at "
        f"{usd(float(curve[-1]))} ({made_of}), its highest point was "
        f"{usd(max(0.0, float(curve.max())))}, its deepest fall "
        f"{usd(float(-below.min()))}. The table below has the end of each month.",
        [View("Equity", made, legend)],
        _month_ends(days, sums | {"equity": curve, "drawdown": below}),
        note="Equity is net PnL since the first fill: its parts on top of each other, "
        "gains above and losses below zero; the line is their sum.",
        height=540,
        phone_height=480,
    )


def _month_ends(days: Days, series: dict[str, Floats]) -> Table:
    as_months = days.numbers.astype("datetime64[D]").astype("datetime64[M]")
    is_last = np.append(as_months[1:] != as_months[:-1], True)
    ends = np.flatnonzero(is_last)[-60:]
    return Table(
        "Equity at the end of each month",
        [
            Column("Day", is_number=False),
            *(Column(f"{name[0].upper()}{name[1:]}") for name in series),
        ],
        [
            [
                Cell(day(to_date(days.numbers[i]))),
                *(cell(float(each[i]), usd, toned=True) for each in series.values()),
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
