"""Whether similar windows predict anything: skill, and calibration, by horizon."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import plotly.graph_objects as go

from headlines.scorecards import (
    BASELINES,
    FALSE_DISCOVERIES,
    SEARCH_ROWS,
    TARGETS,
    is_direction_found,
    meaning,
    verdict,
)
from report.ask import Connection, Record, ask, missing
from report.blocks import Chart, Mark, Section, View
from report.figures import estimates, figure, ticks
from report.numbers import count, digits, duration, percent, ratio
from report.palette import LIGHT, SERIES
from report.tables import Column, Table, gains

#: What the report says where there is no scorecard.
MISSING = (
    "Whether similar windows predict anything, `make evaluate` finds out; this page "
    "then shows it."
)

_COLOURS = dict(zip(BASELINES, SERIES, strict=False))
#: Distance between two baselines at a horizon; horizons are 1 apart.
_APART = 0.17


def scorecard(conn: Connection) -> list[Record]:
    """Return the scorecard of similar windows; empty before `make evaluate`.

    By venue, horizon, target and baseline.
    """
    absent = missing(conn, ["signals.btc_search_scorecard"])
    return [] if absent else ask(conn, SEARCH_ROWS)


def section(rows: Sequence[Record], venue: str) -> Section:
    """Return the section: charts of one venue, and a sentence about each.

    Parameters
    ----------
    rows
        Of `scorecard`.
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
        [*blocks, _directions(rows)],
    )


def _skill(rows: Sequence[Record], venue: str) -> Chart:
    """Draw how much better than each baseline, with 95 % intervals."""
    findings = sum(verdict(row) > 0 for row in rows)
    legend = [Mark(name, _COLOURS[key], "dot") for key, name in BASELINES.items()]
    return Chart(
        "forecast-skill",
        f"Skill, {venue}",
        f"{findings} of {len(rows)} comparisons are findings in favour of similar "
        "windows. The table below has all of them.",
        [
            View(what.capitalize(), _skill_figure(chosen), legend)
            for target, what in TARGETS.items()
            if (chosen := [row for row in rows if row["target"] == target])
        ],
        Table.of(
            "Skill by target, horizon and baseline",
            rows,
            Column("Forecast of", lambda row: TARGETS[row["target"]]),
            Column("After", "seconds", duration),
            Column("Against", lambda row: BASELINES[row["baseline"]]),
            Column("Windows", "window_count", count),
            gains(
                "Skill",
                "skill",
                digits(percent, 1, signed=True),
                "1 − CRPS / CRPS of the baseline",
            ),
            Column("95% interval", _interval),
            Column(
                "q",
                "q_value",
                digits(ratio, 3),
                "False discoveries, all rows counted",
            ),
            is_sortable=True,
        ),
        note="By how much the CRPS of the forecast is less than the baseline's; lines "
        "are 95% intervals. Filled: a finding when all comparisons are counted "
        f"(q < {FALSE_DISCOVERIES}). Below zero the baseline is better.",
        height=400,
        phone_height=380,
    )


def _skill_figure(rows: Sequence[Record]) -> dict[str, object]:
    horizons = list(dict.fromkeys(row["seconds"] for row in rows))
    traces = []
    for place, baseline in enumerate(BASELINES):
        chosen = [row for row in rows if row["baseline"] == baseline]
        offset = (place - (len(BASELINES) - 1) / 2) * _APART
        traces.append(
            estimates(
                chosen,
                "skill",
                [horizons.index(row["seconds"]) + offset for row in chosen],
                _COLOURS[baseline],
                lambda row: verdict(row) != 0,
                lambda row: (
                    f"{duration(row['seconds'])}, against "
                    f"{BASELINES[row['baseline']]}<br>"
                    f"{percent(row['skill'], 1, signed=True)}, {_interval(row)}<br>"
                    f"{count(row['window_count'])} windows, "
                    f"q {ratio(row['q_value'], 3)}"
                ),
                "y",
            )
        )
    return figure(
        traces,
        xaxis={
            **ticks(list(range(len(horizons))), [duration(each) for each in horizons]),
            "title": "horizon",
            "range": [-0.5, len(horizons) - 0.5],
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


def _places(rows: Sequence[Record], venue: str) -> Chart:
    """Draw in which tenth of its forecast each outcome was."""
    # The same for all baselines.
    first = {(r["seconds"], r["target"]): r for r in rows if r["pit_deciles"]}
    colours = dict(zip(TARGETS, (LIGHT["accent"], LIGHT["gold"]), strict=True))
    views = []
    for seconds in dict.fromkeys(seconds for seconds, _ in first):
        chosen = {t: first[seconds, t] for t in TARGETS if (seconds, t) in first}
        bars = [
            go.Bar(
                x=list(range(10)),
                y=row["pit_deciles"],
                marker={"color": colours[target]},
                customdata=[
                    f"{TARGETS[target]}: {percent(share, 1)} of outcomes lay at "
                    f"{10 * i}–{10 * (i + 1)}%"
                    for i, share in enumerate(row["pit_deciles"])
                ],
            )
            for target, row in chosen.items()
        ]
        made = figure(
            bars,
            barmode="group",
            bargap=0.25,
            xaxis={
                **ticks([0, 4.5, 9], ["lowest", "middle", "highest"]),
                "title": "tenth of the forecast",
            },
            yaxis={"title": "outcomes in it", "tickformat": ".0%"},
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
        legend = [
            Mark(
                f"{TARGETS[target]} (p {ratio(row['pit_p_value'], 3)})", colours[target]
            )
            for target, row in chosen.items()
        ]
        views.append(View(duration(seconds), made, legend))
    uneven = [key for key, row in first.items() if row["pit_p_value"] < 0.05]
    said = f"{len(uneven)} of {len(first)} forecasts are uneven (p < 0.05)."
    return Chart(
        "forecast-calibration",
        f"Calibration, {venue}",
        said,
        views,
        note="Where the outcome lay among those of the similar windows. A calibrated "
        "forecast has a tenth in each (dotted); more at both ends: it is too narrow. "
        f"p: how often a calibrated forecast is as uneven (χ²). {said}",
        height=300,
        phone_height=300,
    )


def _directions(rows: Sequence[Record]) -> Table:
    """Compare the hit rate of the sign with the share of the more frequent sign."""
    by_horizon = {
        (row["exchange"], row["seconds"]): row
        for row in rows
        if row["hit_rate"] is not None
    }
    return Table.of(
        "Direction: how often the mean of what followed had the right sign",
        by_horizon.values(),
        Column("Venue", "exchange"),
        Column("After", "seconds", duration),
        Column("Windows", "hit_count", count),
        Column("Right", "hit_rate", percent),
        Column(
            "95% interval",
            lambda row: (
                f"{percent(row['hit_rate_low'])} to {percent(row['hit_rate_high'])}"
            ),
        ),
        Column("Commoner sign", "base_rate", percent, "Right by always saying it"),
        Column(
            "Than chance",
            lambda row: "better" if is_direction_found(row) else "no better",
        ),
    )
