"""What all figures have in common: axes, text, and how they leave Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from report.ask import Record
from report.blocks import Mark
from report.numbers import short_name, usd, visible
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
#: An axis of days, and one of quantities that are told apart by their labels.
DAYS = {"type": "date", "showgrid": False, "hoverformat": "%d %b %Y"}
BARE = {"showgrid": False, "zeroline": False}


def plain(text: str, length: int = LABEL_LENGTH) -> str:
    """Escape text for a figure, which then shows it unchanged.

    Plotly reads labels as a kind of HTML, in which a coin's name could be a link.
    """
    shown = short_name(visible(text), length)
    return escape(shown, quote=False)


def stack(
    days: Sequence[str], series: Sequence[tuple[str, Sequence[float], str]], total: str
) -> tuple[list[Any], list[Mark]]:
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
    traces, legend
    """
    sums = [
        sum(each) for each in zip(*(values for _, values, _ in series), strict=True)
    ]
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
    legend = [Mark(name, colour) for name, _, colour in series]
    return [*bars, line], [*legend, Mark(total, LIGHT["ink"], "line")]


def estimates(
    rows: Sequence[Record],
    key: str,
    at: Sequence[float],
    colour: str,
    is_finding: Callable[[Record], bool],
    says: Callable[[Record], str],
    axis: str,
) -> go.Scatter:
    """Draw estimates with their intervals; those that are findings are filled.

    Parameters
    ----------
    rows
        With the estimate as `key`, and its interval as ``{key}_low`` and
        ``{key}_high``, None where it is not known.
    at
        Where they stand on the other axis.
    axis
        The estimates' own: ``x`` or ``y``.
    """

    def distance(row: Record, end: str) -> float:
        known = row[f"{key}_{end}"]
        return 0.0 if known is None else abs(known - row[key])

    filled = [is_finding(row) for row in rows]
    error = {
        "type": "data",
        "symmetric": False,
        "array": [distance(row, "high") for row in rows],
        "arrayminus": [distance(row, "low") for row in rows],
        "color": colour,
        "thickness": 2,
        "width": 0,
    }
    values = {axis: [row[key] for row in rows], "y" if axis == "x" else "x": list(at)}
    return go.Scatter(
        **values,
        **{f"error_{axis}": error},
        mode="markers",
        marker={
            "color": colour,
            "size": 9,
            "symbol": ["circle" if each else "circle-open" for each in filled],
            "line": {"color": colour, "width": 2},
        },
        customdata=[says(row) for row in rows],
    )


def rows_axis(labels: Sequence[str]) -> dict[str, Any]:
    """Return a vertical axis with a label for each whole number, the first on top.

    Numbers, not categories: a name may be a reserved word of JavaScript, or look like
    a date.
    """
    return {
        "type": "linear",
        **ticks(list(range(len(labels))), [plain(each) for each in labels]),
        "range": [len(labels) - 0.5, -0.5],
        "fixedrange": True,
    }


def ticks(at: Sequence[float], texts: Sequence[str]) -> dict[str, Any]:
    """Return settings of an axis that has only these ticks, and no lines."""
    return {"tickmode": "array", "tickvals": at, "ticktext": texts, **BARE}


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
