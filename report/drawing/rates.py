"""Win rate against profit factor."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import plotly.graph_objects as go

from report.blocks import Cell, Chart, Column, Mark, Table, View
from report.drawing.common import figure, plain
from report.numbers import cell, count, label, percent, ratio, short_address, usd
from report.palette import LIGHT, translucent
from report.reading.ask import Record


def rates(rows: Sequence[Record]) -> Chart:
    """Draw win rate against profit factor, one dot a trader."""
    largest = max(row["volume"] for row in rows) or 1.0
    parts = []
    for name, colour, chosen in (
        ("others", LIGHT["grey"], [r for r in rows if not r["is_smart_money"]]),
        ("smart money", LIGHT["accent"], [r for r in rows if r["is_smart_money"]]),
    ):
        parts.append(
            go.Scatter(
                x=[row["position_win_rate"] for row in chosen],
                y=[max(0.01, min(100.0, row["profit_factor"])) for row in chosen],
                mode="markers",
                name=name,
                marker={
                    "color": translucent(colour, 0.65),
                    "size": [
                        5 + 19 * (row["volume"] / largest) ** 0.5 for row in chosen
                    ],
                    "line": {"color": colour, "width": 1},
                },
                customdata=[
                    f"{plain(short_address(row['user_address']))}, "
                    f"{plain(label(row['trader_class']))}<br>"
                    f"wins {percent(row['position_win_rate'])} of "
                    f"{count(row['closed_positions'])}<br>"
                    f"profit factor {ratio(row['profit_factor'])}<br>"
                    f"net {usd(row['net_pnl'])}, volume {usd(row['volume'])}"
                    for row in chosen
                ],
            )
        )
    even = [r for r in rows if r["profit_factor"] < 1 and r["position_win_rate"] >= 0.5]
    return Chart(
        "win-rate",
        "Win rate and profit factor",
        f"{count(len(rows))} traders, those with the largest volume among those with "
        f"ten closed positions or more. {count(len(even))} of them win half of their "
        "positions or more and still lose money on them.",
        [
            View(
                "Traders",
                figure(
                    parts,
                    xaxis={
                        "title": "positions won",
                        "tickformat": ".0%",
                        "zeroline": False,
                    },
                    yaxis={
                        "title": "profit factor",
                        "type": "log",
                        "tickvals": [0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100],
                        "zeroline": False,
                    },
                    shapes=[
                        {
                            "type": "line",
                            "xref": "paper",
                            "x0": 0,
                            "x1": 1,
                            "y0": 1,
                            "y1": 1,
                            "line": {
                                "color": LIGHT["muted"],
                                "width": 1,
                                "dash": "dot",
                            },
                        }
                    ],
                ),
                [
                    Mark("smart money", LIGHT["accent"], "dot"),
                    Mark("others", LIGHT["grey"], "dot"),
                ],
            )
        ],
        _bands(rows),
        note=f"Above the dotted line gains exceed losses. {count(len(even))} of "
        f"{count(len(rows))} win half of their positions or more and still lose money "
        "on them. Larger dots traded more; logarithmic scale.",
        height=420,
        phone_height=380,
    )


def _bands(rows: Sequence[Record]) -> Table:
    """Return the chart's data as a table, one row per tenth of the win rate."""
    bands: dict[int, list[Record]] = {}
    for row in rows:
        bands.setdefault(min(9, int(row["position_win_rate"] * 10)), []).append(row)
    return Table(
        "Profit factor by win rate",
        [
            Column("Positions won", is_number=False),
            Column("Traders"),
            Column("Smart money"),
            Column("Median profit factor"),
            Column("Net PnL"),
        ],
        [
            [
                Cell(f"{percent(band / 10)} to {percent((band + 1) / 10)}"),
                cell(len(chosen), count),
                cell(sum(row["is_smart_money"] for row in chosen), count),
                cell(median(row["profit_factor"] for row in chosen), ratio),
                cell(sum(row["net_pnl"] for row in chosen), usd, toned=True),
            ]
            for band, chosen in sorted(bands.items())
        ],
    )
