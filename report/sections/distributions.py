"""How long positions are held, and how many traders are of which kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

import plotly.graph_objects as go

from report.ask import Connection, Record, ask
from report.blocks import Chart, Mark, Section, View
from report.figures import BARE, figure, plain, rows_axis, ticks
from report.numbers import count, duration, label, percent, usd
from report.palette import LIGHT, gain
from report.tables import Column, Table, gains

#: Bins of holding times per power of ten, from one second.
BINS_PER_DECADE = 4
#: Ticks, seconds.
TIMES = (1, 60, 3_600, 86_400, 2_592_000, 31_557_600)
#: What traders are grouped by.
ATTRIBUTES = {"trader_class": "Class", "size_tier": "Size", "trading_style": "Style"}


def holding_times(conn: Connection) -> list[Record]:
    """Return rated positions by holding time.

    Positions that the trader closed, or reduced to dust that the exchange swept. Bin
    *b* begins at 10^(b / BINS_PER_DECADE) seconds, the first at zero.
    """
    return ask(
        conn,
        """
        select
            least(
                floor(%(bins)s * log(greatest(holding_seconds, 1)))::int, 9 * %(bins)s
            ) as bin,
            count(*) filter (where net_pnl > 0) as won,
            count(*) filter (where net_pnl <= 0) as lost,
            sum(net_pnl)::float8 as net_pnl
        from analytics.trader_positions
        where
            status = 'closed'
            and is_basis_known
            and close_reason in ('trade', 'flip', 'dust')
            and holding_seconds is not null
        group by 1
        order by 1
        """,
        bins=BINS_PER_DECADE,
    )


def groups(conn: Connection) -> list[Record]:
    """Return traders, net PnL and volume by class, size tier and style, each apart.

    Net PnL is that of traders of whom it is known.
    """
    return ask(
        conn,
        """
        select
            case grouping(trader_class, size_tier, trading_style)
                when 3 then 'trader_class'
                when 5 then 'size_tier'
                when 6 then 'trading_style'
            end as attribute,
            coalesce(trader_class, size_tier, trading_style) as label,
            count(*) as traders,
            coalesce(sum(net_pnl), 0)::float8 as net_pnl,
            sum(volume)::float8 as volume
        from analytics.trader_profiles
        group by grouping sets ((trader_class), (size_tier), (trading_style))
        order by 1, 3 desc, 2
        limit 200
        """,
    )


def section(holding: Sequence[Record], grouped: Sequence[Record]) -> Section:
    """Return the section of what `holding_times` and `groups` return."""
    blocks = [_groups(grouped)]
    lead = []
    if holding:
        blocks.insert(0, _holding(holding))
        total = sum(row["won"] + row["lost"] for row in holding)
        best = max(holding, key=lambda row: row["net_pnl"])
        worst = min(holding, key=lambda row: row["net_pnl"])
        won = sum(row["won"] for row in holding) / total
        lead.append(
            f"Of {count(total)} closed positions {percent(won)} won. Those held for "
            f"{_held(best)} made the most ({usd(best['net_pnl'])}), those held for "
            f"{_held(worst)} the least ({usd(worst['net_pnl'])})."
        )
    return Section("distributions", "Distributions", "How they trade", lead, blocks)


def _held(row: Record) -> str:
    """Name the bin of a holding time."""
    start, end = (
        10 ** (each / BINS_PER_DECADE) for each in (row["bin"], row["bin"] + 1)
    )
    return (
        f"{duration(start)} to {duration(end)}"
        if row["bin"]
        else f"under {duration(end)}"
    )


def _holding(rows: Sequence[Record]) -> Chart:
    """Draw closed positions by holding time: won and lost, and their result."""
    middles = [(row["bin"] + 0.5) / BINS_PER_DECADE for row in rows]

    def bars(values: str, colours: str | list[str], texts: list[str]) -> go.Bar:
        return go.Bar(
            x=middles,
            y=[row[values] for row in rows],
            marker={"color": colours},
            customdata=[
                f"{_held(row)}<br>{text}" for row, text in zip(rows, texts, strict=True)
            ],
        )

    won, lost = (
        bars(name, LIGHT[colour], [f"{count(row[name])} {name}" for row in rows])
        for name, colour in (("won", "up"), ("lost", "down"))
    )
    result = bars(
        "net_pnl",
        [gain(row["net_pnl"]) for row in rows],
        [f"net {usd(row['net_pnl'])}" for row in rows],
    )
    times = {
        **ticks([math.log10(at) for at in TIMES], [duration(at) for at in TIMES]),
        "range": [middles[0] - 0.2, middles[-1] + 0.2],
    }
    total = sum(row["won"] + row["lost"] for row in rows)
    return Chart(
        "holding-times",
        "Holding times",
        f"{count(total)} positions that a trade or a flip closed, by how long they "
        "were held, on a logarithmic scale; the table below has each bar.",
        [
            View(
                "Positions",
                figure(
                    [won, lost],
                    barmode="stack",
                    bargap=0.06,
                    xaxis=times,
                    yaxis={"title": "positions"},
                ),
                [Mark("won", LIGHT["up"]), Mark("lost", LIGHT["down"])],
            ),
            View(
                "Net PnL",
                figure([result], bargap=0.06, xaxis=times, yaxis={"title": "USD"}),
            ),
        ],
        Table.of(
            "Closed positions by holding time",
            rows,
            Column("Held for", _held),
            Column("Won", "won", count),
            Column("Lost", "lost", count),
            Column(
                "Win rate", lambda row: row["won"] / (row["won"] + row["lost"]), percent
            ),
            gains("Net PnL", "net_pnl", usd),
        ),
        note="Positions whose beginning is in the data and that a trade or a flip "
        "closed, on a logarithmic scale.",
        height=320,
        phone_height=300,
    )


def _groups(rows: Sequence[Record]) -> Chart:
    """Draw how many traders are of which class, size and style."""
    by = {
        attribute: [row for row in rows if row["attribute"] == attribute]
        for attribute in ATTRIBUTES
    }
    classes = by["trader_class"]
    traders = sum(row["traders"] for row in classes)
    height = 50 + 28 * max(map(len, by.values()))
    return Chart(
        "groups",
        "Traders by class, size and style",
        f"Most are of the class {label(classes[0]['label'])}: "
        f"{count(classes[0]['traders'])} of {count(traders)}. The table below has each "
        "class, size and style.",
        [View(ATTRIBUTES[name], _bars(chosen)) for name, chosen in by.items()],
        Table.of(
            "Traders by class, size and style",
            chain(*by.values()),
            Column("By", lambda row: ATTRIBUTES[row["attribute"]]),
            Column("Kind", lambda row: label(row["label"])),
            Column("Traders", "traders", count),
            Column("Share", lambda row: row["traders"] / traders, percent),
            gains("Net PnL", "net_pnl", usd),
            Column("Volume", "volume", usd),
        ),
        note="Class: by the rules of seeds/trader_class_rules.csv. Size: by volume on "
        "an active day. Style: by holding time and use of resting orders.",
        height=height,
        phone_height=height,
    )


def _bars(rows: Sequence[Record]) -> dict[str, object]:
    names = [label(row["label"]) for row in rows]
    bars = go.Bar(
        x=[row["traders"] for row in rows],
        y=list(range(len(rows))),
        orientation="h",
        marker={"color": LIGHT["accent"]},
        text=[count(row["traders"]) for row in rows],
        textposition="outside",
        textfont={"color": LIGHT["ink"], "size": 12},
        cliponaxis=False,
        customdata=[
            f"{plain(name)}<br>{count(row['traders'])} traders<br>"
            f"net {usd(row['net_pnl'])}<br>volume {usd(row['volume'])}"
            for name, row in zip(names, rows, strict=True)
        ],
    )
    # Room for the figure beside the longest bar.
    reach = 1.2 * max(row["traders"] for row in rows)
    return figure(
        [bars],
        bargap=0.3,
        xaxis={"showticklabels": False, "ticks": "", "range": [0, reach], **BARE},
        yaxis=rows_axis(names),
    )
