"""Bitcoin: the last hours, the newest window and what is most like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

from report.blocks import Block, Cell, Chart, Column, Section, Table, View
from report.drawing.common import figure
from report.drawing.similar import after_chart, moved, window_chart
from report.drawing.windows import Windows
from report.numbers import cell, count, duration, moment, percent, price, ratio
from report.palette import LIGHT, gain, translucent
from report.reading.ask import Record

PHONE_HOURS = 2
TABLE_MINUTES = 30


@dataclass(frozen=True)
class Market:
    """What `report.reading.market` gives of one venue.

    If no window is embedded, `window` is None and its other fields are empty.
    """

    venue: Record
    candles: Sequence[Record]
    window: Record | None = None
    neighbours: Sequence[Record] = ()
    summary: Sequence[Record] = ()
    paths: Sequence[Record] = ()


def section(market: Market) -> Section:
    """Return the section."""
    blocks: list[Block] = [_candles(market)]
    lead = [_price_lead(market)]
    if market.window is not None and market.neighbours:
        windows = Windows.of(market.window, market.neighbours, market.paths)
        lead += _similar_lead(market, windows)
        blocks += [
            window_chart(windows),
            after_chart(windows, market.summary),
            _table(windows, market.summary),
        ]
    else:
        lead.append(
            "No window has been searched for yet: embeddings need the training range "
            "and two trades in five minutes (docs/embeddings.md)."
        )
    return Section("bitcoin", "Bitcoin", "Bitcoin", lead, blocks)


def _price_lead(market: Market) -> str:
    candles = market.candles
    change = candles[-1]["close"] / candles[0]["open"] - 1
    return (
        f"{market.venue['exchange']}: {price(candles[-1]['close'])} at "
        f"{moment(candles[-1]['bucket'] + timedelta(minutes=1))} UTC, "
        f"{percent(change, 2, signed=True)} in the {count(len(candles) / 60)} hours "
        "before."
    )


def _similar_lead(market: Market, windows: Windows) -> list[str]:
    lead = [
        f"The {len(windows.starts)} earlier windows most like the one of "
        f"{moment(windows.bucket)} have similarities from "
        f"{ratio(min(windows.similarities.values()))} to "
        f"{ratio(max(windows.similarities.values()))}."
    ]
    known = [row for row in market.summary if row["expected_return"] is not None]
    if known:
        # Always the horizon closest to the window's length, not the best-looking one.
        row = min(known, key=lambda each: abs(each["seconds"] - windows.seconds))
        lead.append(
            f"{duration(row['seconds'])} later the price had moved by "
            f"{moved(row['expected_return'])} on average, weighted by similarity. "
            "What followed ten windows often agrees in sign by chance."
        )
    return lead


def _candles(market: Market) -> Chart:
    """Draw one-minute candles, volume below, and mark the newest window."""
    rows = market.candles
    at = [row["bucket"].strftime("%Y-%m-%d %H:%M") for row in rows]
    rising = {"line": {"color": LIGHT["up"], "width": 1}, "fillcolor": LIGHT["up"]}
    falling = {"line": {"color": LIGHT["down"], "width": 1}, "fillcolor": LIGHT["down"]}
    traces = [
        go.Candlestick(
            x=at,
            open=[row["open"] for row in rows],
            high=[row["high"] for row in rows],
            low=[row["low"] for row in rows],
            close=[row["close"] for row in rows],
            increasing=rising,
            decreasing=falling,
            whiskerwidth=0,
            name="price",
        ),
        go.Bar(
            x=at,
            y=[row["volume"] for row in rows],
            yaxis="y2",
            marker={"color": [gain(row["close"] - row["open"]) for row in rows]},
            hovertemplate="%{x|%H:%M}: %{y:.3f} BTC<extra></extra>",
        ),
    ]
    made = figure(
        traces,
        bargap=0.1,
        xaxis={
            "type": "date",
            "rangeslider": {"visible": False},
            "showgrid": False,
            "anchor": "y2",
            # By default Plotly leaves half a candle of room at one end only.
            "range": _span(rows[0]["bucket"], rows[-1]["bucket"]),
        },
        yaxis={"domain": [0.24, 1.0], "tickformat": ",.0f"},
        yaxis2={"title": "BTC", "domain": [0.0, 0.18], "nticks": 3},
        shapes=_marked(market.window),
    )
    phone_from = max(
        rows[0]["bucket"], rows[-1]["bucket"] - timedelta(hours=PHONE_HOURS)
    )
    high = max(row["high"] for row in rows)
    low = min(row["low"] for row in rows)
    venue = market.venue["exchange"]
    return Chart(
        "candles",
        f"{venue}, candles of a minute",
        f"Prices on {venue} from {moment(rows[0]['bucket'])} to "
        f"{moment(rows[-1]['bucket'])} UTC, between {price(low)} and {price(high)}. "
        "The table below has every half hour.",
        [View("Candles", made)],
        _half_hours(rows),
        note="Times are UTC. The shaded window at the end is the one whose likes are "
        "looked for below."
        if market.window
        else "Times are UTC.",
        height=440,
        phone_height=380,
        phone={"xaxis.range": _span(phone_from, rows[-1]["bucket"])},
    )


def _span(first: datetime, last: datetime) -> list[str]:
    half = timedelta(seconds=40)
    return [f"{first - half:%Y-%m-%d %H:%M:%S}", f"{last + half:%Y-%m-%d %H:%M:%S}"]


def _marked(window: Record | None) -> list[dict[str, Any]]:
    if window is None:
        return []
    half = timedelta(seconds=30)
    end = window["bucket"] + timedelta(seconds=window["seconds"])
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": f"{window['bucket'] - half:%Y-%m-%d %H:%M:%S}",
            "x1": f"{end - half:%Y-%m-%d %H:%M:%S}",
            "y0": 0,
            "y1": 1,
            "fillcolor": translucent(LIGHT["accent"], 0.16),
            "line": {"width": 0},
            "layer": "below",
        }
    ]


def _half_hours(rows: Sequence[Record]) -> Table:
    parts: dict[datetime, list[Record]] = {}
    for row in rows:
        at = row["bucket"]
        start = at - timedelta(minutes=at.minute % TABLE_MINUTES)
        parts.setdefault(start, []).append(row)
    return Table(
        "Prices by half hour",
        [
            Column("From, UTC", is_number=False),
            Column("Open"),
            Column("High"),
            Column("Low"),
            Column("Close"),
            Column("BTC"),
        ],
        [
            [
                Cell(moment(start)),
                cell(part[0]["open"], price),
                cell(max(row["high"] for row in part), price),
                cell(min(row["low"] for row in part), price),
                cell(part[-1]["close"], price),
                cell(sum(row["volume"] for row in part), lambda v: ratio(v, 2)),
            ]
            for start, part in parts.items()
        ],
    )


def _table(windows: Windows, summary: Sequence[Record]) -> Table:
    """List the neighbours and the weighted mean of the returns after them."""
    expected = {row["horizon"]: row["expected_return"] for row in summary}
    rows = [
        [
            cell(rank, count),
            Cell(moment(start), start.timestamp()),
            cell(windows.similarities[rank], lambda v: ratio(v, 3)),
            *(
                cell(windows.followed[rank].get(each), moved, toned=True)
                for each in windows.horizons
            ),
        ]
        for rank, start in sorted(windows.starts.items())
    ]
    return Table(
        "The most similar windows, and what followed",
        [
            Column("#"),
            Column("Window, UTC", is_number=False),
            Column("Similarity", note="Cosine of the angle between the vectors"),
            *(
                Column(f"{duration(seconds)} later", note="Change of the last price")
                for seconds in windows.horizons.values()
            ),
        ],
        rows,
        footer=[
            Cell(""),
            Cell("weighted mean"),
            Cell(""),
            *(cell(expected.get(each), moved, toned=True) for each in windows.horizons),
        ],
    )
