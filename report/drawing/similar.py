"""The newest window of bitcoin, drawn over the windows most like it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from report.blocks import Cell, Chart, Column, Mark, Table, View
from report.drawing.common import figure
from report.drawing.windows import Windows
from report.numbers import cell, count, duration, moment, percent, ratio
from report.palette import LIGHT, translucent
from report.reading.ask import Record

LEGEND = (
    Mark("newest", LIGHT["ink"], "line"),
    Mark("most similar", LIGHT["accent"], "line"),
)


def _line(
    windows: Windows, rank: int, at: list[float], values: list[float], unit: str
) -> Any:
    """Draw a path: the newest strong, similar ones fainter with less similarity."""
    is_newest = rank == 0
    strength = 0.95 - 0.055 * min(rank, 12)
    return go.Scatter(
        x=at,
        y=values,
        mode="lines",
        line={
            "color": LIGHT["ink"]
            if is_newest
            else translucent(LIGHT["accent"], strength),
            "width": 3 if is_newest else 1.5,
        },
        customdata=[windows.name(rank)] * len(at),
        hovertemplate=f"%{{customdata}}<br>%{{y:.2f}}{unit}<extra></extra>",
    )


def window_chart(windows: Windows) -> Chart:
    """Draw the windows themselves: their shapes, and by how much the price moved."""
    shapes, moves = [], []
    # The newest last, so that it lies on top.
    for rank in sorted(windows.paths, reverse=True):
        path = windows.within(rank)
        at = [seconds / 60 for seconds, _ in path]
        logs = np.log([value for _, value in path])
        deviation = float(logs.std())
        shape = (logs - logs.mean()) / deviation if deviation > 0 else logs * 0
        shapes.append(_line(windows, rank, at, shape.tolist(), ""))
        change = (np.exp(logs - logs[0]) - 1) * 100
        moves.append(_line(windows, rank, at, change.tolist(), " %"))
    minutes = {
        "title": "minutes to the window's end",
        "showgrid": False,
        "zeroline": False,
    }
    return Chart(
        "similar-windows",
        "The newest window and the most similar ones",
        f"Price paths of the window of {moment(windows.bucket)} and the "
        f"{len(windows.starts)} windows most like it, laid over each other. The table "
        "below names them.",
        [
            View(
                "Shape",
                figure(shapes, xaxis=minutes, yaxis={"title": "standard deviations"}),
                LEGEND,
            ),
            View(
                "Change",
                figure(moves, xaxis=minutes, yaxis={"title": "% since its beginning"}),
                LEGEND,
            ),
        ],
        note="Shape: each path at mean 0 and variance 1, as the embedding sees it. The "
        "search also weighs the shape of the flow and 14 features, so likes need not "
        "agree in price alone.",
        height=360,
        phone_height=340,
    )


def moved(log_return: float | None) -> str:
    """Write a log return as a change in percent."""
    change = None if log_return is None else math.expm1(log_return)
    return percent(change, 2, signed=True)


def after_chart(windows: Windows, summary: Sequence[Record]) -> Chart:
    """Draw what followed the similar windows: paths, outcomes, their weighted mean."""
    lines = []
    for rank in sorted(windows.paths, reverse=True):
        path = windows.after(rank)
        if len(path) < 2:
            continue
        values = [(value / path[0][1] - 1) * 100 for _, value in path]
        lines.append(_line(windows, rank, [at / 60 for at, _ in path], values, " %"))
    outcomes = [
        (windows.horizons[horizon] / 60, (math.expm1(value)) * 100, rank)
        for rank, by_horizon in windows.followed.items()
        for horizon, value in by_horizon.items()
        if value is not None
    ]
    dots = go.Scatter(
        x=[at for at, _, _ in outcomes],
        y=[value for _, value, _ in outcomes],
        mode="markers",
        marker={"color": LIGHT["accent"], "size": 5},
        customdata=[windows.name(rank) for _, _, rank in outcomes],
        hovertemplate="%{customdata}<br>%{y:.2f} %<extra></extra>",
    )
    known = [row for row in summary if row["expected_return"] is not None]
    mean = go.Scatter(
        x=[row["seconds"] / 60 for row in known],
        y=[(math.expm1(row["expected_return"])) * 100 for row in known],
        mode="markers",
        marker={
            "color": LIGHT["down"],
            "size": 11,
            "symbol": "diamond",
            "line": {"color": LIGHT["surface"], "width": 1.5},
        },
        customdata=[f"weighted mean of {row['neighbour_count']}" for row in known],
        hovertemplate="%{customdata}<br>%{y:.2f} %<extra></extra>",
    )
    return Chart(
        "what-followed",
        "What followed them",
        _followed_in_words(known),
        [
            View(
                "After",
                figure(
                    [*lines, dots, mean],
                    xaxis={
                        "title": "minutes after the window's end",
                        "showgrid": False,
                        "zeroline": False,
                        "tickvals": [each / 60 for each in windows.horizons.values()],
                    },
                    yaxis={"title": "% since the window's end", "zeroline": True},
                ),
                [
                    *LEGEND,
                    Mark("stored outcome", LIGHT["accent"], "dot"),
                    Mark("weighted mean", LIGHT["down"], "diamond"),
                ],
            )
        ],
        _summary(summary),
        note="The stronger a line, the more similar. Dots are the outcomes stored with "
        "each window (label_snapshot), diamonds their mean weighted by similarity. "
        "Nothing is used that was not known when the newest window ended. Ten windows "
        "often agree in sign by chance.",
        height=360,
        phone_height=340,
    )


def _followed_in_words(known: Sequence[Record]) -> str:
    if not known:
        return "Nothing is known yet of what followed them."
    parts = [
        f"{duration(row['seconds'])} later {moved(row['expected_return'])} on average"
        for row in known
    ]
    return f"{'; '.join(parts)}."


def _summary(summary: Sequence[Record]) -> Table:
    return Table(
        "What followed, weighted by similarity",
        [
            Column("After", is_number=False),
            Column("Windows", note="Whose outcome was known"),
            Column("Effective", note="How many equally similar ones would say as much"),
            Column("Expected return"),
            Column("Volatility"),
        ],
        [
            [
                Cell(row["horizon"], row["seconds"]),
                cell(row["neighbour_count"], count),
                cell(row["effective_sample_size"], lambda v: ratio(v, 1)),
                cell(row["expected_return"], moved, toned=True),
                cell(row["expected_volatility"], lambda v: percent(v, 2)),
            ]
            for row in summary
        ],
    )
