"""What all figures have in common: axes, text, and how they leave Python."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from report.blocks import Mark
from report.numbers import short_name, usd, usd_tick, visible
from report.palette import DIVERGING, LIGHT

LABEL_LENGTH = 28

_AXIS = {
    "gridcolor": LIGHT["grid"],
    "showline": True,
    "linecolor": LIGHT["line"],
    "zeroline": True,
    "zerolinecolor": LIGHT["line"],
    "ticks": "outside",
    "tickcolor": LIGHT["line"],
    "tickfont": {"color": LIGHT["muted"], "size": 12},
    "title": {"font": {"color": LIGHT["muted"], "size": 12}, "standoff": 8},
    "automargin": True,
}
_HOVER = {"hovertemplate": "%{customdata}<extra></extra>"}
#: What figures have in common, as Plotly's template; the page holds it once.
TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": LIGHT["surface"],
        "plot_bgcolor": LIGHT["surface"],
        "font": {"size": 13, "color": LIGHT["ink"]},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {
            "bgcolor": LIGHT["surface"],
            "bordercolor": LIGHT["line"],
            "font": {"color": LIGHT["ink"], "size": 13},
            "align": "left",
        },
        "showlegend": False,
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    },
    data={
        "bar": [{"marker": {"line": {"width": 0}}, **_HOVER}],
        "scatter": [_HOVER],
        "heatmap": [
            {
                "colorscale": DIVERGING,
                "showscale": False,
                "hoverongaps": False,
                **_HOVER,
            }
        ],
    },
).to_plotly_json()


def plain(text: str, length: int = LABEL_LENGTH) -> str:
    """Escape text for a figure, which then shows it unchanged.

    Plotly reads labels as a kind of HTML, in which a coin's name could be a link.
    """
    shown = short_name(visible(text), length)
    return escape(shown, quote=False)


def money_axis(
    values: Iterable[float], ticks: int = 5, **settings: Any
) -> dict[str, Any]:
    """Return an axis of dollars with ticks such as ``$1B`` and ``−$5k``.

    Plotly would write ``$1G`` for a billion and ``$−5k`` for a loss. The ticks are
    fixed, so one cannot zoom along this axis.

    Parameters
    ----------
    values
        What is drawn along it.
    ticks
        About how many to have.
    **settings
        Of the axis, in addition to its ticks.
    """
    known = [*values, 0.0]
    low, high = min(known), max(known)
    rough = (high - low) / ticks or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(each for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    at = [step * i for i in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return {
        "tickmode": "array",
        "tickvals": at,
        "ticktext": [usd_tick(each) for each in at],
        "fixedrange": True,
        **settings,
    }


def stack(
    days: Sequence[str], series: Sequence[tuple[str, Sequence[float], str]], total: str
) -> tuple[list[Any], list[float], list[Mark]]:
    """Draw stacked bars, gains above zero and losses below, and a line of their sums.

    Their figure needs ``barmode="relative"``.

    Parameters
    ----------
    days
        As a figure takes them.
    series
        Name, USD on each day, and colour.
    total
        What the line of their sums is called.

    Returns
    -------
    traces, reach, legend
        `reach` has how far the bars go from zero on each day, USD, for `money_axis`.
    """
    by_day = list(zip(*(values for _, values, _ in series), strict=True))
    sums = [sum(each) for each in by_day]
    template = "%{fullData.name}: %{customdata}<extra></extra>"
    bars = [
        go.Bar(
            x=days,
            y=values,
            name=plain(name),
            # The line over the bars must stay visible.
            marker={"color": colour, "opacity": 0.75},
            customdata=[usd(v) for v in values],
            hovertemplate=template,
        )
        for name, values, colour in series
    ]
    line = go.Scatter(
        x=days,
        y=sums,
        name=total,
        mode="lines",
        line={"color": LIGHT["ink"], "width": 2},
        customdata=[usd(v) for v in sums],
        hovertemplate=template,
    )
    reach = [
        sum(v for v in each if v * sign > 0) for each in by_day for sign in (-1, 1)
    ]
    legend = [Mark(name, colour) for name, _, colour in series]
    return [*bars, line], reach, [*legend, Mark(total, LIGHT["ink"], "line")]


def rows_axis(labels: Sequence[str]) -> dict[str, Any]:
    """Return a vertical axis with a label for each whole number, the first on top.

    Numbers, not categories: a name may be a reserved word of JavaScript, or look like
    a date.
    """
    return {
        "type": "linear",
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": [plain(each) for each in labels],
        "range": [len(labels) - 0.5, -0.5],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }


def figure(data: Sequence[Any], **layout: Any) -> dict[str, Any]:
    """Return a figure as the object that the page gives to Plotly.

    Parameters
    ----------
    data
        Traces; Plotly's own classes check them.
    **layout
        Settings of the layout, in addition to those of `TEMPLATE`.
    """
    # An empty template, or Plotly would add its default one.
    made = go.Figure(data=list(data), layout={"template": {}, **layout})
    found: dict[str, Any] = json.loads(made.to_json())
    del found["layout"]["template"]
    return found
