"""Whether the signals of smart money predict returns, by signal and horizon."""

from __future__ import annotations

from collections.abc import Sequence

from headlines.scorecards import (
    FALSE_DISCOVERIES,
    SIGNAL_ROWS,
    signal_meaning,
    signal_verdict,
)
from report.ask import Connection, Record, ask, missing
from report.blocks import Chart, Mark, Section, View
from report.figures import estimates, figure, rows_axis
from report.numbers import count, digits, duration, percent, ratio
from report.palette import LIGHT
from report.tables import Column, Table, gains

#: What the report says where there is no scorecard.
MISSING = (
    "Whether these signals predict anything, `make evaluate` finds out; this page then "
    "shows it."
)
#: Colours of findings and of the others.
_COLOURS = {True: LIGHT["accent"], False: LIGHT["muted"]}


def scorecard(conn: Connection) -> list[Record]:
    """Return the scorecard of signals; empty before `make evaluate`."""
    absent = missing(conn, ["analytics.signal_scorecard"])
    return [] if absent else ask(conn, SIGNAL_ROWS)


def section(rows: Sequence[Record]) -> Section:
    """Return the section of the rows of `scorecard`."""
    known = [row for row in rows if row["ic"] is not None]
    said = signal_meaning(rows) if known else "Too little data to say."
    return Section(
        "signal-scores",
        "Signal scores",
        "Do the signals predict returns?",
        [said[0].upper() + said[1:]],
        [_correlations(known, rows)] if known else [],
    )


def _is_finding(row: Record) -> bool:
    return signal_verdict(row) > 0


def _correlations(rows: Sequence[Record], everything: Sequence[Record]) -> Chart:
    """Draw rank correlations with their intervals, a horizon at a time."""
    horizons = sorted({row["horizon_hours"] for row in rows})
    names = list(dict.fromkeys(row["meaning"] for row in rows))
    ends = [row[name] for row in rows for name in ("ic", "ic_low", "ic_high")]
    reach = 1.05 * max(abs(end) for end in ends if end is not None)
    legend = [
        Mark("better than shuffled traders", _COLOURS[True], "dot"),
        Mark("no better", _COLOURS[False], "dot"),
    ]
    height = 90 + 34 * len(names)
    return Chart(
        "signal-correlations",
        "Rank correlation of signal and return",
        f"{sum(map(_is_finding, rows))} of {len(rows)} correlations are better than "
        "those of shuffled traders. The table below has all of them.",
        [
            View(
                duration(3600 * hours),
                _figure(
                    [row for row in rows if row["horizon_hours"] == hours], names, reach
                ),
                legend,
            )
            for hours in horizons
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
    parts = {
        is_finding: [row for row in rows if _is_finding(row) == is_finding]
        for is_finding in _COLOURS
    }
    traces = [
        estimates(
            chosen,
            "ic",
            [names.index(row["meaning"]) for row in chosen],
            _COLOURS[is_finding],
            _is_finding,
            lambda row: (
                f"{row['meaning']}, {duration(3600 * row['horizon_hours'])}<br>"
                f"{ratio(row['ic'], 3, signed=True)}, {_interval(row)}<br>"
                f"{count(row['periods'])} moments, q {ratio(row['q_value'], 3)}"
            ),
            "x",
        )
        for is_finding, chosen in parts.items()
    ]
    return figure(
        traces,
        xaxis={
            "title": "rank correlation",
            "range": [-reach, reach],
            "tickangle": 0,
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
    return Table.of(
        "Signals by horizon",
        rows,
        Column("Signal", "meaning"),
        Column("After", lambda row: 3600 * row["horizon_hours"], duration),
        Column("Moments", "periods", count, "Days or hours with a signal and a return"),
        gains("Correlation", "ic", digits(ratio, 3, signed=True), "Mean over coins"),
        Column("95% interval", _interval),
        Column(
            "q",
            "q_value",
            digits(ratio, 3),
            "Against shuffled traders, all rows counted",
        ),
        Column("Right sign", "hit_rate", percent),
        Column("Commoner sign", "base_rate", percent, "Right by always saying it"),
        gains(
            "After cost",
            "net_return",
            digits(percent, 2, signed=True),
            "Long–short return",
        ),
        Column("Turnover", "turnover", ratio),
        is_sortable=True,
    )
