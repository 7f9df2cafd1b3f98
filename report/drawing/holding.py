"""Closed positions by how long they were held."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from report.blocks import Cell, Chart, Column, Mark, Table, View
from report.drawing.common import figure, money_axis
from report.numbers import cell, count, duration, percent, usd
from report.palette import LIGHT, gain
from report.reading.ask import Record
from report.reading.traders import BINS_PER_DECADE

TIMES = (
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3_600, "1 h"),
    (21_600, "6 h"),
    (86_400, "1 d"),
    (604_800, "1 w"),
    (2_592_000, "30 d"),
    (31_557_600, "1 y"),
)
PHONE_TIMES = ("1 s", "1 min", "1 h", "1 d", "30 d")


def in_words(holding: Sequence[Record]) -> str:
    """Say which holding times made and lost the most."""
    total = sum(row["won"] + row["lost"] for row in holding)
    best = max(holding, key=lambda row: row["net_pnl"])
    worst = min(holding, key=lambda row: row["net_pnl"])
    won = sum(row["won"] for row in holding) / total
    return (
        f"Of {count(total)} closed positions {percent(won)} won. Those held for "
        f"{_bin_name(best['bin'])} made the most ({usd(best['net_pnl'])}), those held "
        f"for {_bin_name(worst['bin'])} the least ({usd(worst['net_pnl'])})."
    )


def _edge(number: int) -> float:
    return float(10 ** (number / BINS_PER_DECADE))


def _bin_name(number: int) -> str:
    if number == 0:
        return f"under {duration(_edge(1))}"
    return f"{duration(_edge(number))} to {duration(_edge(number + 1))}"


def holding_times(holding: Sequence[Record]) -> Chart:
    """Draw closed positions by holding time, won and lost apart."""
    middles = [(row["bin"] + 0.5) / BINS_PER_DECADE for row in holding]

    def bars(key: str, name: str, colour: str) -> go.Bar:
        return go.Bar(
            x=middles,
            y=[row[key] for row in holding],
            name=name,
            marker={"color": colour},
            customdata=[
                f"{_bin_name(row['bin'])}<br>{count(row[key])} {name}"
                for row in holding
            ],
        )

    result = go.Bar(
        x=middles,
        y=[row["net_pnl"] for row in holding],
        marker={"color": [gain(row["net_pnl"]) for row in holding]},
        customdata=[
            f"{_bin_name(row['bin'])}<br>net {usd(row['net_pnl'])}" for row in holding
        ],
    )
    lowest = holding[0]["bin"] / BINS_PER_DECADE
    highest = (holding[-1]["bin"] + 1) / BINS_PER_DECADE
    ticks = [
        (math.log10(at), name)
        for at, name in TIMES
        if lowest <= math.log10(at) <= highest
    ]
    times = {
        "tickmode": "array",
        "tickvals": [at for at, _ in ticks],
        "ticktext": [name for _, name in ticks],
        "showgrid": False,
        "zeroline": False,
        "range": [lowest - 0.05, highest + 0.05],
    }
    total = sum(row["won"] + row["lost"] for row in holding)
    return Chart(
        "holding-times",
        "Holding times",
        f"{count(total)} positions that a trade or a flip closed, by how long they "
        "were held, on a logarithmic scale; the table below has each bar.",
        [
            View(
                "Positions",
                figure(
                    [
                        bars("won", "won", LIGHT["up"]),
                        bars("lost", "lost", LIGHT["down"]),
                    ],
                    barmode="stack",
                    bargap=0.06,
                    xaxis=times,
                    yaxis={"title": "positions", "tickformat": "~s"},
                ),
                [Mark("won", LIGHT["up"]), Mark("lost", LIGHT["down"])],
            ),
            View(
                "Net PnL",
                figure(
                    [result],
                    bargap=0.06,
                    xaxis=times,
                    yaxis=money_axis([row["net_pnl"] for row in holding]),
                ),
            ),
        ],
        Table(
            "Closed positions by holding time",
            [
                Column("Held for", is_number=False),
                Column("Won"),
                Column("Lost"),
                Column("Win rate"),
                Column("Net PnL"),
            ],
            [
                [
                    Cell(_bin_name(row["bin"]), row["bin"]),
                    cell(row["won"], count),
                    cell(row["lost"], count),
                    cell(row["won"] / (row["won"] + row["lost"]), percent),
                    cell(row["net_pnl"], usd, toned=True),
                ]
                for row in holding
            ],
        ),
        note="Positions whose beginning is in the data and that a trade or a flip "
        "closed, on a logarithmic scale.",
        height=320,
        phone_height=300,
        phone={
            "xaxis.tickvals": [at for at, name in ticks if name in PHONE_TIMES],
            "xaxis.ticktext": [name for _, name in ticks if name in PHONE_TIMES],
        },
    )
