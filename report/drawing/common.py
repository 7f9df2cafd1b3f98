"""What all figures have in common: axes, text, and how they leave Python."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from report.numbers import short_name, usd_tick, visible
from report.palette import LIGHT

LABEL_LENGTH = 28


def plain(text: str, length: int = LABEL_LENGTH) -> str:
    """Return text for a figure, which shows it as it is.

    Plotly reads labels as a kind of HTML, in which a coin's name could be a link.
    """
    shown = short_name(visible(text), length)
    return escape(shown, quote=False)


def axis(**settings: Any) -> dict[str, Any]:
    """Return an axis in the page's manner."""
    return {
        "gridcolor": LIGHT["grid"],
        "linecolor": LIGHT["line"],
        "zerolinecolor": LIGHT["line"],
        "tickcolor": LIGHT["line"],
        "tickfont": {"color": LIGHT["muted"], "size": 12},
        "title": {"font": {"color": LIGHT["muted"], "size": 12}, "standoff": 8},
        "automargin": True,
        **settings,
    }


def titled(title: str, made: dict[str, Any]) -> dict[str, Any]:
    """Return an axis with a title."""
    return {**made, "title": {**made["title"], "text": title}}


def money_axis(
    values: Iterable[float], ticks: int = 5, **settings: Any
) -> dict[str, Any]:
    """Return an axis of dollars, its ticks as people write them.

    Plotly's own would be ``$1G`` for a billion and ``$−5k`` for a loss. They stay where
    they are, so that one cannot zoom along this axis.

    Parameters
    ----------
    values
        What is drawn along it.
    ticks
        About how many to have.
    **settings
        As of `axis`.
    """
    known = [*values, 0.0]
    low, high = min(known), max(known)
    rough = (high - low) / ticks or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(each for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    at = [step * i for i in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return axis(
        tickmode="array",
        tickvals=at,
        ticktext=[usd_tick(each) for each in at],
        fixedrange=True,
        **settings,
    )


def rows_axis(labels: Sequence[str], **settings: Any) -> dict[str, Any]:
    """Return a vertical axis with a label for each whole number, the first on top.

    By number and not by category: a name may be anything, also what JavaScript keeps
    for itself, or what looks like a date.
    """
    return axis(
        type="linear",
        tickmode="array",
        tickvals=list(range(len(labels))),
        ticktext=[plain(each) for each in labels],
        range=[len(labels) - 0.5, -0.5],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        **settings,
    )


def figure(data: Sequence[Any], **layout: Any) -> dict[str, Any]:
    """Return a figure as the object that the page gives to Plotly.

    Parameters
    ----------
    data
        Traces; Plotly's own classes check them.
    **layout
        Settings of the layout, in addition to the page's own.
    """
    settings = {
        "template": {},
        "paper_bgcolor": LIGHT["surface"],
        "plot_bgcolor": LIGHT["surface"],
        "font": {"family": "inherit", "size": 13, "color": LIGHT["ink"]},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {
            "bgcolor": LIGHT["surface"],
            "bordercolor": LIGHT["line"],
            "font": {"color": LIGHT["ink"], "size": 13},
            "align": "left",
        },
        "showlegend": False,
        "xaxis": axis(),
        "yaxis": axis(),
        **layout,
    }
    made = go.Figure(data=list(data), layout=settings)
    found: dict[str, Any] = json.loads(made.to_json())
    found["layout"].pop("template", None)
    return found
