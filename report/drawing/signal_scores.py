"""Whether the signals of smart money predict returns, by signal and horizon."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from headlines.scorecards import FALSE_DISCOVERIES, signal_meaning, signal_verdict
from report.blocks import Cell, Chart, Column, Mark, Section, Table, View
from report.drawing.common import figure, rows_axis
from report.numbers import cell, count, duration, percent, ratio
from report.palette import LIGHT
from report.reading.ask import Record

#: What the report says where there is no scorecard.
MISSING = (
    "Whether these signals predict anything, `make evaluate` finds out; this page then "
    "shows it."
)


def section(rows: Sequence[Record]) -> Section:
    """Return the section; `rows` are those of `report.reading.signals.scorecard`."""
    known = [row for row in rows if row["ic"] is not None]
    said = signal_meaning(rows) if known else "Too little data to say."
    return Section(
        "signal-scores",
        "Signal scores",
        "Do the signals predict returns?",
        [said[0].upper() + said[1:]],
        [_correlations(known, rows)] if known else [],
    )


def _correlations(rows: Sequence[Record], everything: Sequence[Record]) -> Chart:
    """Draw rank correlations with their intervals, a horizon at a time."""
    horizons = sorted({row["horizon_hours"] for row in rows})
    names = list(dict.fromkeys(row["meaning"] for row in rows))
    ends = [row[name] for row in rows for name in ("ic", "ic_low", "ic_high")]
    reach = 1.05 * max(abs(end) for end in ends if end is not None)
    legend = [
        Mark("better than shuffled traders", LIGHT["accent"], "dot"),
        Mark("no better", LIGHT["muted"], "dot"),
    ]
    height = 90 + 34 * len(names)
    return Chart(
        "signal-correlations",
        "Rank correlation of signal and return",
        f"{sum(signal_verdict(row) > 0 for row in rows)} of {len(rows)} correlations "
        "are better than those of shuffled traders. The table below has all of them.",
        [
            View(duration(3600 * hours), _figure(chosen, names, reach), legend)
            for hours in horizons
            if (chosen := [row for row in rows if row["horizon_hours"] == hours])
        ],
        _table(everything),
        note="Across coins, mean over days or hours; lines are 95% intervals, where "
        "days are enough for one. Filled: a finding when all rows are counted "
        f"(q < {FALSE_DISCOVERIES}) and the interval leaves zero out.",
        height=height,
        phone_height=height,
        phone={"xaxis.nticks": 4},
    )


def _figure(
    rows: Sequence[Record], names: Sequence[str], reach: float
) -> dict[str, object]:
    colours = [
        LIGHT["accent"] if signal_verdict(r) > 0 else LIGHT["muted"] for r in rows
    ]
    lines = [
        go.Scatter(
            x=[row["ic_low"], row["ic_high"]],
            y=[names.index(row["meaning"])] * 2,
            mode="lines",
            line={"color": colour, "width": 2},
            hoverinfo="skip",
        )
        for row, colour in zip(rows, colours, strict=True)
        if row["ic_low"] is not None
    ]
    dots = go.Scatter(
        x=[row["ic"] for row in rows],
        y=[names.index(row["meaning"]) for row in rows],
        mode="markers",
        marker={
            "color": colours,
            "size": 10,
            "symbol": [
                "circle" if signal_verdict(r) > 0 else "circle-open" for r in rows
            ],
            "line": {"color": colours, "width": 2},
        },
        customdata=[
            f"{row['meaning']}, {duration(3600 * row['horizon_hours'])}<br>"
            f"{ratio(row['ic'], 3, signed=True)}, {_interval(row)}<br>"
            f"{count(row['periods'])} moments, q {ratio(row['q_value'], 3)}"
            for row in rows
        ],
    )
    return figure(
        [*lines, dots],
        xaxis={
            "title": "rank correlation",
            "range": [-reach, reach],
            "tickangle": 0,
            "zeroline": True,
            "zerolinecolor": LIGHT["muted"],
            "zerolinewidth": 2,
        },
        yaxis=rows_axis(names),
    )


def _interval(row: Record) -> str:
    if row["ic_low"] is None:
        return "no interval"
    low, high = (ratio(row[end], 3, signed=True) for end in ("ic_low", "ic_high"))
    return f"{low} to {high}"


def _table(rows: Sequence[Record]) -> Table:
    def signed(digits: int, value: float | None) -> str:
        return percent(value, digits, signed=True)

    return Table(
        "Signals by horizon",
        [
            Column("Signal", is_number=False),
            Column("After", is_number=False),
            Column("Moments", note="Days or hours with a cross-section of coins"),
            Column("Correlation", note="Mean rank correlation across coins"),
            Column("95% interval"),
            Column("q", note="Against shuffled traders, over all rows"),
            Column("Right sign"),
            Column("Commoner sign", note="Right as often by always saying it"),
            Column("After cost", note="Long–short return over the horizon"),
            Column("Turnover"),
        ],
        [
            [
                Cell(row["meaning"]),
                Cell(duration(3600 * row["horizon_hours"]), row["horizon_hours"]),
                cell(row["periods"], count),
                cell(row["ic"], lambda v: ratio(v, 3, signed=True), toned=True),
                Cell(_interval(row), row["ic_low"]),
                cell(row["q_value"], lambda v: ratio(v, 3)),
                cell(row["hit_rate"], percent),
                cell(row["base_rate"], percent),
                cell(row["net_return"], lambda v: signed(2, v), toned=True),
                cell(row["turnover"], ratio),
            ]
            for row in rows
        ],
        is_sortable=True,
    )
