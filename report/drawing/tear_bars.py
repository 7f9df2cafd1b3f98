"""Bars of one trader's tear sheet: by month, by day's result, by coin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from report.blocks import Cell, Chart, Column, Table, View
from report.daily import months
from report.drawing.common import figure, money_axis, rows_axis
from report.drawing.tear_curves import Days
from report.numbers import brief, cell, count, percent, usd
from report.palette import LIGHT, gain
from report.reading.ask import Record

MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def monthly(days: Days) -> Chart:
    """Draw net PnL by year and month."""
    found = months(days.numbers, days.net_pnl)
    years = sorted({year for year, _, _ in found})
    values: list[list[float | None]] = [[None] * 12 for _ in years]
    for year, month, total in found:
        values[years.index(year)][month - 1] = total
    limit = max(abs(total) for _, _, total in found) or 1.0
    trace = go.Heatmap(
        x=list(range(12)),
        y=list(range(len(years))),
        z=values,
        # Twelve columns have to fit on a phone.
        text=[["" if v is None else brief(v) for v in row] for row in values],
        texttemplate="%{text}",
        textfont={"size": 10, "color": LIGHT["ink"]},
        customdata=[
            [f"{name} {year}: {usd(v)}" for name, v in zip(MONTHS, row, strict=True)]
            for year, row in zip(years, values, strict=True)
        ],
        zmin=-limit * 1.6,
        zmax=limit * 1.6,
        xgap=2,
        ygap=2,
    )
    best = max(found, key=lambda each: each[2])
    worst = min(found, key=lambda each: each[2])
    height = 56 + 48 * len(years)
    # On a phone twelve months are too narrow: show six if all data are in them.
    first = min(min(month for _, month, _ in found), 7)
    last = max(*(month for _, month, _ in found), first + 5)
    return Chart(
        "tear-months",
        "Net PnL by month",
        f"Best month {MONTHS[best[1] - 1]} {best[0]} with {usd(best[2])}, worst "
        f"{MONTHS[worst[1] - 1]} {worst[0]} with {usd(worst[2])}.",
        [
            View(
                "Months",
                figure(
                    [trace],
                    xaxis={
                        "tickmode": "array",
                        "tickvals": list(range(12)),
                        "ticktext": MONTHS,
                        "showgrid": False,
                        "zeroline": False,
                        "range": [-0.5, 11.5],
                        "tickangle": 0,
                        "side": "top",
                    },
                    yaxis=rows_axis([str(year) for year in years]),
                ),
            )
        ],
        Table(
            "Net PnL by month",
            [Column("Month", is_number=False), Column("Net PnL")],
            [
                [Cell(f"{MONTHS[month - 1]} {year}"), cell(total, usd, toned=True)]
                for year, month, total in found[-60:]
            ],
        ),
        height=height,
        phone_height=height,
        phone={
            "xaxis.ticktext": [name[0] for name in MONTHS],
            "xaxis.range": [first - 1.5, last - 0.5],
        },
    )


def distribution(days: Days) -> Chart:
    """Draw how daily net PnL is distributed over all calendar days."""
    values = days.net_pnl
    spread = float(np.percentile(np.abs(values), 99)) or 1.0
    width = 2 * spread / 24
    # Zero is an edge, so no bar has both gains and losses. The outer bars are open.
    bins = np.clip(np.floor(values / width), -13, 12).astype(int)
    numbers, sizes = np.unique(bins, return_counts=True)
    middles = (numbers + 0.5) * width
    # A minimum width, also with few days.
    span = [min(numbers[0], -5) * width, max(numbers[-1] + 1, 5) * width]
    bars = go.Bar(
        x=middles.tolist(),
        y=sizes.tolist(),
        width=width * 0.94,
        marker={"color": [gain(n) for n in numbers]},
        customdata=[
            f"{usd(n * width)} to {usd((n + 1) * width)}<br>{count(size)} days"
            for n, size in zip(numbers.tolist(), sizes.tolist(), strict=True)
        ],
    )
    won = float((values > 0).mean())
    best, worst = float(values.max()), float(values.min())
    note = (
        f"{percent(won)} of {count(len(values))} calendar days won; best day "
        f"{usd(best)}, worst {usd(worst)}, mean {usd(float(values.mean()))}."
    )
    return Chart(
        "tear-days",
        "Daily net PnL",
        f"Distribution over calendar days, idle ones at zero. {note}",
        [
            View(
                "Days",
                figure(
                    [bars],
                    xaxis=money_axis(span, showgrid=False, range=span),
                    yaxis={
                        "title": "days",
                        "tickformat": "d",
                        "dtick": 1 if sizes.max() < 6 else None,
                    },
                ),
            )
        ],
        Table(
            "Days by net PnL",
            [Column("Net PnL"), Column("Days")],
            [
                [
                    Cell(f"{usd(n * width)} to {usd((n + 1) * width)}", float(n)),
                    cell(size, count),
                ]
                for n, size in zip(numbers.tolist(), sizes.tolist(), strict=True)
            ],
        ),
        note=note,
        height=260,
        phone_height=240,
    )


def coins(rows: Sequence[Record]) -> Chart:
    """Draw net PnL of closed positions by coin."""
    names = [
        row["coin"] if row["coin"] is not None else f"{row['coins']} others"
        for row in rows
    ]
    values = [row["net_pnl"] for row in rows]
    bars = go.Bar(
        x=values,
        y=list(range(len(rows))),
        orientation="h",
        marker={"color": [gain(v) for v in values]},
        customdata=[
            f"{count(row['positions'])} positions, "
            f"{percent(row['won'] / row['positions'])} won<br>"
            f"net {usd(row['net_pnl'])}<br>{usd(row['entered_usd'])} entered, "
            f"{percent(row['longs'] / row['positions'])} of positions long"
            for row in rows
        ],
    )
    best = max(zip(values, names, strict=True), key=lambda each: each[0])
    return Chart(
        "tear-coins",
        "Net PnL by coin, closed positions",
        f"Closed positions in {len(rows)} rows; the best is {best[1]} with "
        f"{usd(best[0])}.",
        [
            View(
                "Coins",
                figure(
                    [bars],
                    bargap=0.25,
                    xaxis=money_axis(values),
                    yaxis=rows_axis(names),
                ),
            )
        ],
        Table(
            "Closed positions by coin",
            [
                Column("Coin", is_number=False),
                Column("Positions"),
                Column("Won"),
                Column("Long", note="Share of the positions"),
                Column("Entered"),
                Column("Net PnL"),
            ],
            [
                [
                    Cell(name, title=name),
                    cell(row["positions"], count),
                    cell(row["won"] / row["positions"], percent),
                    cell(row["longs"] / row["positions"], percent),
                    cell(row["entered_usd"], usd),
                    cell(row["net_pnl"], usd, toned=True),
                ]
                for name, row in zip(names, rows, strict=True)
            ],
        ),
        note="Positions whose profit is not known are left out.",
        height=72 + 28 * len(rows),
        phone_height=72 + 26 * len(rows),
    )
