"""Whether similar windows predict anything: skill, and calibration, by horizon."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import plotly.graph_objects as go

from headlines.scorecards import (
    BASELINES,
    FALSE_DISCOVERIES,
    TARGETS,
    is_direction_found,
    meaning,
    verdict,
)
from report.blocks import Cell, Chart, Column, Mark, Section, Table, View
from report.drawing.common import figure
from report.numbers import cell, count, duration, percent, ratio
from report.palette import LIGHT, SERIES
from report.reading.ask import Record

#: What the report says where there is no scorecard.
MISSING = (
    "Whether similar windows predict anything, `make evaluate` finds out; this page "
    "then shows it."
)

_COLOURS = dict(zip(BASELINES, SERIES, strict=False))
#: Distance between two baselines at a horizon; horizons are 1 apart.
_APART = 0.17


def section(rows: Sequence[Record], venue: str) -> Section:
    """Return the section: charts of one venue, and a sentence about each.

    Parameters
    ----------
    rows
        Of `report.reading.market.scorecard`.
    venue
        The venue of the charts; the first one of the rows if it has none.
    """
    by_venue = {
        name: list(each) for name, each in groupby(rows, lambda row: row["exchange"])
    }
    name = venue if venue in by_venue else next(iter(by_venue))
    lead = []
    for each, chosen in by_venue.items():
        windows = max(row["window_count"] for row in chosen)
        found = [row for row in chosen if row["skill"] is not None]
        said = meaning(chosen) if found else "too few to say."
        lead.append(f"{each}, {count(windows)} past windows: {said}")
    shown = [row for row in by_venue[name] if row["skill"] is not None]
    blocks = [_skill(shown, name), _places(shown, name)] if shown else []
    return Section(
        "forecasts",
        "Forecasts",
        "Do similar windows predict what follows?",
        lead,
        [*blocks, _directions(by_venue)],
    )


def _skill(rows: Sequence[Record], venue: str) -> Chart:
    """Draw how much better than each baseline, with 95 % intervals."""
    findings = sum(verdict(row) > 0 for row in rows)
    return Chart(
        "forecast-skill",
        f"Skill, {venue}",
        f"{findings} of {len(rows)} comparisons are findings in favour of similar "
        "windows. The table below has all of them.",
        [
            View(what.capitalize(), _skill_figure(chosen), _legend())
            for target, what in TARGETS.items()
            if (chosen := [row for row in rows if row["target"] == target])
        ],
        _skill_table(rows),
        note="By how much the CRPS of the forecast is less than the baseline's; lines "
        "are 95% intervals. Filled: a finding when all comparisons are counted "
        f"(q < {FALSE_DISCOVERIES}). Below zero the baseline is better.",
        height=400,
        phone_height=380,
    )


def _legend() -> list[Mark]:
    return [Mark(name, _COLOURS[key], "dot") for key, name in BASELINES.items()]


def _skill_figure(rows: Sequence[Record]) -> dict[str, object]:
    horizons = list(dict.fromkeys(row["seconds"] for row in rows))
    traces = []
    for place, (baseline, name) in enumerate(BASELINES.items()):
        chosen = [row for row in rows if row["baseline"] == baseline]
        offset = (place - (len(BASELINES) - 1) / 2) * _APART
        colour = _COLOURS[baseline]
        traces.append(
            go.Scatter(
                x=[horizons.index(row["seconds"]) + offset for row in chosen],
                y=[row["skill"] for row in chosen],
                mode="markers",
                marker={
                    "color": colour,
                    "size": 9,
                    "symbol": [
                        "circle" if verdict(r) else "circle-open" for r in chosen
                    ],
                    "line": {"color": colour, "width": 2},
                },
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [row["skill_high"] - row["skill"] for row in chosen],
                    "arrayminus": [row["skill"] - row["skill_low"] for row in chosen],
                    "color": colour,
                    "thickness": 1.5,
                    "width": 0,
                },
                customdata=[
                    f"{duration(row['seconds'])}, against {name}<br>"
                    f"{percent(row['skill'], 1, signed=True)}, {_interval(row)}<br>"
                    f"{count(row['window_count'])} windows, "
                    f"q {ratio(row['q_value'], 3)}"
                    for row in chosen
                ],
            )
        )
    return figure(
        traces,
        xaxis={
            "tickmode": "array",
            "tickvals": list(range(len(horizons))),
            "ticktext": [duration(each) for each in horizons],
            "title": "horizon",
            "range": [-0.5, len(horizons) - 0.5],
            "showgrid": False,
            "zeroline": False,
        },
        yaxis={
            "title": "better than the baseline",
            "tickformat": ".0%",
            "zerolinecolor": LIGHT["muted"],
            "zerolinewidth": 2,
        },
    )


def _interval(row: Record) -> str:
    low, high = (
        percent(row[end], 1, signed=True) for end in ("skill_low", "skill_high")
    )
    return f"{low} to {high}"


def _skill_table(rows: Sequence[Record]) -> Table:
    return Table(
        "Skill by target, horizon and baseline",
        [
            Column("Forecast of", is_number=False),
            Column("After", is_number=False),
            Column("Against", is_number=False),
            Column("Windows"),
            Column("Skill", note="1 − CRPS / CRPS of the baseline"),
            Column("95% interval"),
            Column("q", note="False-discovery rate over all comparisons"),
        ],
        [
            [
                Cell(TARGETS[row["target"]]),
                Cell(duration(row["seconds"]), row["seconds"]),
                Cell(BASELINES[row["baseline"]]),
                cell(row["window_count"], count),
                cell(row["skill"], lambda v: percent(v, 1, signed=True), toned=True),
                Cell(_interval(row), row["skill_low"]),
                cell(row["q_value"], lambda v: ratio(v, 3)),
            ]
            for row in rows
        ],
        is_sortable=True,
    )


def _places(rows: Sequence[Record], venue: str) -> Chart:
    """Draw in which tenth of its forecast each outcome was."""
    # The same for all baselines.
    first = {(r["seconds"], r["target"]): r for r in rows if r["pit_deciles"]}
    tenths = [f"{10 * i}–{10 * (i + 1)}%" for i in range(10)]
    colours = dict(zip(TARGETS, (LIGHT["accent"], LIGHT["gold"]), strict=True))
    views = []
    for seconds in dict.fromkeys(seconds for seconds, _ in first):
        bars = [
            go.Bar(
                x=list(range(10)),
                y=first[seconds, target]["pit_deciles"],
                marker={"color": colours[target]},
                customdata=[
                    f"{what}: {percent(share, 1)} of outcomes lay at {tenth}"
                    for share, tenth in zip(
                        first[seconds, target]["pit_deciles"], tenths, strict=True
                    )
                ],
            )
            for target, what in TARGETS.items()
            if (seconds, target) in first
        ]
        made = figure(
            bars,
            barmode="group",
            bargap=0.25,
            xaxis={
                "tickmode": "array",
                "tickvals": [0, 4.5, 9],
                "ticktext": ["lowest", "middle", "highest"],
                "title": "tenth of the forecast",
                "showgrid": False,
                "zeroline": False,
            },
            yaxis={
                "title": "outcomes in it",
                "tickformat": ".0%",
                "rangemode": "tozero",
            },
            shapes=[
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": 0.1,
                    "y1": 0.1,
                    "line": {"color": LIGHT["muted"], "width": 1, "dash": "dot"},
                }
            ],
        )
        marks = [Mark(what, colours[target]) for target, what in TARGETS.items()]
        views.append(View(duration(seconds), made, marks))
    uneven = [key for key, row in first.items() if row["pit_p_value"] < 0.05]
    return Chart(
        "forecast-calibration",
        f"Calibration, {venue}",
        f"{len(uneven)} of {len(first)} forecasts are uneven (p < 0.05).",
        views,
        Table(
            "Outcomes by tenth of their forecast",
            [
                Column("Forecast of", is_number=False),
                Column("After", is_number=False),
                *(Column(tenth) for tenth in tenths),
                Column("p", note="χ²: how often a calibrated forecast is as uneven"),
            ],
            [
                [
                    Cell(TARGETS[target]),
                    Cell(duration(seconds)),
                    *(cell(share, percent) for share in row["pit_deciles"]),
                    cell(row["pit_p_value"], lambda v: ratio(v, 3)),
                ]
                for (seconds, target), row in first.items()
            ],
        ),
        note="Where the outcome lay among those of the similar windows. A calibrated "
        "forecast has a tenth in each (dotted); more at both ends: it is too narrow.",
        height=300,
        phone_height=300,
    )


def _directions(by_venue: dict[str, list[Record]]) -> Table:
    """Compare the hit rate of the sign with the share of the more frequent sign."""
    rows = []
    for venue, of_venue in by_venue.items():
        signed = {r["seconds"]: r for r in of_venue if r["hit_rate"] is not None}
        rows += [
            [
                Cell(venue),
                Cell(duration(seconds), seconds),
                cell(row["hit_count"], count),
                cell(row["hit_rate"], percent),
                Cell(
                    f"{percent(row['hit_rate_low'])} to {percent(row['hit_rate_high'])}"
                ),
                cell(row["base_rate"], percent),
                Cell("better" if is_direction_found(row) else "no better"),
            ]
            for seconds, row in signed.items()
        ]
    return Table(
        "Direction: how often the mean of what followed had the right sign",
        [
            Column("Venue", is_number=False),
            Column("After", is_number=False),
            Column("Windows"),
            Column("Right"),
            Column("95% interval"),
            Column("Commoner sign", note="Right as often by always saying it"),
            Column("Than chance", is_number=False),
        ],
        rows,
    )
