"""Traders by class, size and style."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from report.blocks import Cell, Chart, Column, Table, View
from report.drawing.common import figure, plain, rows_axis
from report.numbers import cell, count, label, percent, usd
from report.palette import LIGHT, gain
from report.reading.ask import Record

ATTRIBUTES = (
    ("trader_class", "Class", "By the rules of seeds/trader_class_rules.csv."),
    ("size_tier", "Size", "By volume on an active day."),
    ("trading_style", "Style", "By holding time and use of resting orders."),
)


def group(groups: Sequence[Record], attribute: str, title: str, how: str) -> Chart:
    """Draw traders, their result and volume by one attribute."""
    rows = [row for row in groups if row["attribute"] == attribute][:14]
    names = [label(row["label"]) for row in rows]
    traders = sum(row["traders"] for row in rows)

    def view(key: str, heading: str) -> View:
        values = [row[key] for row in rows]
        texts = [count(v) if key == "traders" else usd(v) for v in values]
        colours = [gain(v) if key == "net_pnl" else LIGHT["accent"] for v in values]
        low, high = min([*values, 0]), max([*values, 0])
        spread = high - low or 1
        bars = go.Bar(
            x=values,
            y=list(range(len(rows))),
            orientation="h",
            marker={"color": colours},
            text=texts,
            textposition="outside",
            textfont={"color": LIGHT["ink"], "size": 12},
            cliponaxis=False,
            customdata=[
                f"{plain(name)}<br>{count(row['traders'])} traders "
                f"({percent(row['traders'] / traders, 1)})<br>net {usd(row['net_pnl'])}"
                f"<br>volume {usd(row['volume'])}"
                for name, row in zip(names, rows, strict=True)
            ],
        )
        return View(
            heading,
            figure(
                [bars],
                bargap=0.3,
                xaxis={
                    "showticklabels": False,
                    "ticks": "",
                    "showgrid": False,
                    "range": [
                        low - spread * (0.45 if low < 0 else 0.01),
                        high + spread * (0.38 if high > 0 else 0.01),
                    ],
                },
                yaxis=rows_axis(names),
            ),
        )

    first = rows[0]
    return Chart(
        attribute.replace("_", "-"),
        title,
        f"Traders by {label(attribute)}: most are {label(first['label'])}, "
        f"{count(first['traders'])} of {count(traders)}.",
        [
            view("traders", "Traders"),
            view("net_pnl", "Net PnL"),
            view("volume", "Volume"),
        ],
        Table(
            f"Traders by {label(attribute)}",
            [
                Column(title, is_number=False),
                Column("Traders"),
                Column("Net PnL"),
                Column("Volume"),
            ],
            [
                [
                    Cell(name, title=name),
                    cell(row["traders"], count),
                    cell(row["net_pnl"], usd, toned=True),
                    cell(row["volume"], usd),
                ]
                for name, row in zip(names, rows, strict=True)
            ],
        ),
        note=how,
        height=50 + 28 * max(2, len(rows)),
        phone_height=50 + 28 * max(2, len(rows)),
    )
