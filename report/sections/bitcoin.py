"""Bitcoin: the price of the last hours; windows like the newest one are drawn below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

from report.ask import Connection, Record, ask
from report.blocks import Block, Chart, Section, Tile, View
from report.figures import figure
from report.numbers import count, digits, moment, percent, price
from report.palette import LIGHT, gain, translucent
from report.sections import similar_windows
from report.tables import tone

HOURS = 6
PHONE_HOURS = 2

_signed = digits(percent, 2, signed=True)


def candles(conn: Connection, venue: str) -> list[Record]:
    """Return one-minute candles up to the venue's last trade, without holes."""
    return ask(
        conn,
        """
        select
            bucket,
            open::float8 as open,
            high::float8 as high,
            low::float8 as low,
            close::float8 as close,
            volume::float8 as volume
        from (
            select max(bucket) + interval '1 minute' as last_at
            from market_data.btc_ohlcv_1m
            where exchange = %(venue)s
        ) as ends
        cross join lateral market_data.candles_filled(
            '1 minute',
            ends.last_at - make_interval(hours => %(hours)s),
            ends.last_at,
            %(venue)s
        )
        order by bucket
        """,
        venue=venue,
        hours=HOURS,
    )


def tile(rows: Sequence[Record], venue: str) -> Tile:
    """Return the last price, for the head of the page."""
    change = _change(rows)
    return Tile(
        "Bitcoin",
        price(rows[-1]["close"]),
        f"{_signed(change)} in {count(len(rows) / 60)} h, {venue}",
        tone(change),
    )


def _change(rows: Sequence[Record]) -> float:
    return float(rows[-1]["close"] / rows[0]["open"] - 1)


def section(
    rows: Sequence[Record], venue: str, windows: similar_windows.Windows | None
) -> Section:
    """Return the section of `candles` and windows of a venue."""
    blocks: list[Block] = [_candles(rows, venue, windows)]
    lead = [
        f"{venue}: {price(rows[-1]['close'])} at "
        f"{moment(rows[-1]['bucket'] + timedelta(minutes=1))} UTC, "
        f"{_signed(_change(rows))} in the {count(len(rows) / 60)} hours "
        "before."
    ]
    if windows is not None and windows.neighbours:
        lead += similar_windows.lead(windows)
        blocks += similar_windows.blocks(windows)
    else:
        lead.append(
            "No window has been searched for yet: embeddings need the training range "
            "and two trades in five minutes (docs/embeddings.md)."
        )
    return Section("bitcoin", "Bitcoin", "Bitcoin", lead, blocks)


def _candles(
    rows: Sequence[Record], venue: str, windows: similar_windows.Windows | None
) -> Chart:
    """Draw one-minute candles, volume below, and mark the newest window."""
    at = [f"{row['bucket']:%Y-%m-%d %H:%M}" for row in rows]
    styles = [
        {"line": {"color": LIGHT[name], "width": 1}, "fillcolor": LIGHT[name]}
        for name in ("up", "down")
    ]
    traces = [
        go.Candlestick(
            x=at,
            **{name: [row[name] for row in rows] for name in _PRICES},
            increasing=styles[0],
            decreasing=styles[1],
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
    first, last = rows[0]["bucket"], rows[-1]["bucket"]
    made = figure(
        traces,
        bargap=0.1,
        xaxis={
            "type": "date",
            "rangeslider": {"visible": False},
            "showgrid": False,
            "anchor": "y2",
            # By default Plotly leaves half a candle of room at one end only.
            "range": _span(first, last),
        },
        yaxis={"domain": [0.24, 1.0], "tickformat": ",.0f"},
        yaxis2={"title": "BTC", "domain": [0.0, 0.18], "nticks": 3},
        shapes=_marked(windows) if windows else [],
    )
    phone_from = max(first, last - timedelta(hours=PHONE_HOURS))
    high = max(row["high"] for row in rows)
    low = min(row["low"] for row in rows)
    note = "Times are UTC."
    if windows:
        note += " The shaded window at the end is the one whose likes are shown below."
    return Chart(
        "candles",
        f"{venue}, candles of a minute",
        f"Prices on {venue} from {moment(first)} to {moment(last)} UTC, between "
        f"{price(low)} and {price(high)}; the last is {price(rows[-1]['close'])}.",
        [View("Candles", made)],
        note=note,
        height=440,
        phone_height=380,
        phone={"xaxis.range": _span(phone_from, last)},
    )


_PRICES = ("open", "high", "low", "close")


def _span(first: datetime, last: datetime) -> list[str]:
    half = timedelta(seconds=40)
    return [f"{first - half:%Y-%m-%d %H:%M:%S}", f"{last + half:%Y-%m-%d %H:%M:%S}"]


def _marked(windows: similar_windows.Windows) -> list[dict[str, Any]]:
    start = windows.bucket - timedelta(seconds=30)
    end = start + timedelta(seconds=windows.seconds)
    return [
        {
            "type": "rect",
            "yref": "paper",
            "x0": f"{start:%Y-%m-%d %H:%M:%S}",
            "x1": f"{end:%Y-%m-%d %H:%M:%S}",
            "y0": 0,
            "y1": 1,
            "fillcolor": translucent(LIGHT["accent"], 0.16),
            "line": {"width": 0},
            "layer": "below",
        }
    ]
