"""Positions of smart money by coin and day: stacked, and as heat maps.

`cells` has a row by day and rank of a coin, from 1; rank ``len(coins) + 1`` is all
other coins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import plotly.graph_objects as go

from report.blocks import View
from report.drawing.common import figure, money_axis, plain, rows_axis, stack
from report.numbers import day, ratio, short_name, usd
from report.palette import LIGHT, SERIES
from report.reading.ask import Record
from report.reading.signals import COINS

#: Z-scores, and powers of two of the long/short ratio, are coloured up to here.
Z_LIMIT, RATIO_LIMIT = 3.0, 3.0

Key = tuple[date, int]


def stacked(
    days: Sequence[date], coins: Sequence[str], cells: dict[Key, Record]
) -> View:
    """Draw the first coins stacked, the others as one, and the sum of all."""
    ranks = range(1, COINS + 2)
    net = {
        rank: [cells[d, rank]["net_usd"] if (d, rank) in cells else 0.0 for d in days]
        for rank in ranks
    }
    shown = min(len(SERIES), len(coins))
    rest = [sum(net[r][i] for r in ranks if r > shown) for i in range(len(days))]
    series = [(short_name(coins[i], 16), net[i + 1], SERIES[i]) for i in range(shown)]
    if any(rest):
        series.append(("others", rest, LIGHT["grey"]))
    traces, reach, legend = stack([d.isoformat() for d in days], series, "all coins")
    made = figure(
        traces,
        barmode="relative",
        bargap=0.12,
        hovermode="x unified",
        xaxis={"type": "date", "showgrid": False, "hoverformat": "%d %b %Y"},
        yaxis=money_axis(reach, 7),
    )
    return View("By day", made, legend)


def _heat_map(
    days: Sequence[date],
    coins: Sequence[str],
    cells: dict[Key, Record],
    value: Callable[[Record], float | None],
    text: Callable[[Record], str],
    limit: float,
) -> dict[str, Any]:
    """Draw one row per coin, with gaps for unknown values."""
    rows = [[cells.get((d, rank)) for d in days] for rank in range(1, len(coins) + 1)]
    trace = go.Heatmap(
        x=[d.isoformat() for d in days],
        y=list(range(len(coins))),
        z=[[None if known is None else value(known) for known in row] for row in rows],
        customdata=[
            [
                "" if known is None else f"{plain(coin)}, {day(d)}<br>{text(known)}"
                for d, known in zip(days, row, strict=True)
            ]
            for coin, row in zip(coins, rows, strict=True)
        ],
        zmin=-limit,
        zmax=limit,
        xgap=1 if len(days) <= 90 else 0,
        ygap=1,
    )
    return figure(
        [trace],
        xaxis={"type": "date", "showgrid": False},
        yaxis=rows_axis([short_name(name, 14) for name in coins]),
    )


def net_map(
    days: Sequence[date], coins: Sequence[str], cells: dict[Key, Record]
) -> View:
    """Colour by the root of the net position, so that small coins show too."""
    largest = max(
        (abs(row["net_usd"]) for row in cells.values() if row["coin"]), default=0
    )
    largest = largest or 1.0

    def value(row: Record) -> float:
        return math.copysign(math.sqrt(abs(row["net_usd"]) / largest), row["net_usd"])

    def text(row: Record) -> str:
        return f"net {usd(row['net_usd'])}"

    scale = [usd(share * abs(share) * largest) for share in (-1, -0.5, 0, 0.5, 1)]
    made = _heat_map(days, coins, cells, value, text, 1.0)
    return View("By coin", made, scale=scale)


def z_map(days: Sequence[date], coins: Sequence[str], cells: dict[Key, Record]) -> View:
    """Colour by the z-score, up to `Z_LIMIT`."""

    def value(row: Record) -> float | None:
        found: float | None = row["z_score"]
        return found

    def text(row: Record) -> str:
        return f"z {ratio(row['z_score'], signed=True)}"

    scale = ("−3", "−1.5", "usual", "+1.5", "+3")
    made = _heat_map(days, coins, cells, value, text, Z_LIMIT)
    return View("z-score", made, scale=scale)


def ratio_map(
    days: Sequence[date], coins: Sequence[str], cells: dict[Key, Record]
) -> View:
    """Colour by the logarithm of longs over shorts, up to 2 ** `RATIO_LIMIT`."""

    def value(row: Record) -> float | None:
        longs, shorts = row["long_usd"], row["short_usd"]
        if not (longs or shorts):
            return None
        if not shorts:
            return RATIO_LIMIT
        if not longs:
            return -RATIO_LIMIT
        return max(-RATIO_LIMIT, min(RATIO_LIMIT, math.log2(longs / shorts)))

    def text(row: Record) -> str:
        return f"long {usd(row['long_usd'])}, short {usd(row['short_usd'])}"

    scale = ("1:8", "1:3", "even", "3:1", "8:1")
    made = _heat_map(days, coins, cells, value, text, RATIO_LIMIT)
    return View("Long/short", made, scale=scale)
