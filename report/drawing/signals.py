"""Smart-money positioning by coin over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from report.blocks import Cell, Chart, Column, Section, Table
from report.drawing.signal_maps import Key, net_map, ratio_map, stacked, z_map
from report.numbers import cell, count, day, percent, ratio, short_name, usd
from report.reading.ask import Record


def section(
    history: Sequence[Record], latest: Sequence[Record], total: Record
) -> Section:
    """Return the section.

    Parameters
    ----------
    history, latest, total
        What `report.reading.signals` gives; none of it empty.
    """
    days = sorted({row["as_of_date"] for row in history})
    # Nobody is smart money in the first weeks: leave these empty days out.
    held = [row["as_of_date"] for row in history if row["long_usd"] or row["short_usd"]]
    days = [each for each in days if not held or each >= min(held)]
    names = {
        row["coin_rank"]: row["coin"] for row in history if row["coin"] is not None
    }
    coins = [names[rank] for rank in sorted(names)]
    cells = {(row["as_of_date"], row["coin_rank"]): row for row in history}
    return Section(
        "positioning",
        "Holdings",
        "What smart money holds",
        _lead(latest, total),
        [
            Chart(
                "positions-over-time",
                "Net position by coin and day",
                f"Net position of smart money in {len(coins)} coins at the end of each "
                f"day, {day(days[0])} to {day(days[-1])}. On the last day all coins "
                f"together came to {usd(total['net_usd'])}. The table below has each "
                "coin's extremes.",
                [
                    stacked(days, coins, cells),
                    net_map(days, coins, cells),
                    z_map(days, coins, cells),
                    ratio_map(days, coins, cells),
                ],
                _extremes(days, coins, cells),
                note="By day: coins on top of each other, long above and short below "
                "zero; the line is their sum. z-score: against the same coin's days "
                "before. Long/short: longs to shorts in USD.",
                height=460,
                phone_height=430,
            ),
            _table(latest, coins, cells, days),
        ],
    )


def _lead(latest: Sequence[Record], total: Record) -> list[str]:
    net = total["net_usd"]
    stance = "flat" if not net else "net long" if net > 0 else "net short"
    lead = [
        f"At the end of {day(total['as_of_date'])} smart money was {stance} by "
        f"{usd(abs(net))}: {usd(total['long_usd'])} long and {usd(total['short_usd'])} "
        f"short in {count(total['coins'])} coins."
    ]
    largest = [
        (side, [row for row in latest if row["net_usd"] * sign > 0])
        for side, sign in (("long", 1), ("short", -1))
    ]
    parts = [
        f"the largest {side} is {short_name(rows[0]['coin'])} "
        f"({usd(abs(rows[0]['net_usd']))})"
        for side, rows in largest
        if rows
    ]
    if parts:
        text = " and ".join(parts)
        lead.append(f"{text[0].upper()}{text[1:]}.")
    if total["unusual_coin"] is not None:
        lead.append(
            f"Furthest from its usual: {short_name(total['unusual_coin'])}, "
            f"z = {ratio(total['unusual_z_score'], signed=True)}."
        )
    return lead


def _extremes(
    days: Sequence[date], coins: Sequence[str], cells: dict[Key, Record]
) -> Table:
    """Return the chart's data as a table, one row per coin."""
    rows = []
    for rank, name in enumerate(coins, start=1):
        series = [(d, cells[d, rank]["net_usd"]) for d in days if (d, rank) in cells]
        low = min(series, key=lambda each: each[1])
        high = max(series, key=lambda each: each[1])
        last = cells.get((days[-1], rank))
        before = [v for d, v in series if d <= days[-1] - timedelta(days=7)]
        rows.append(
            [
                Cell(name, title=name),
                cell(last["net_usd"] if last else 0.0, usd, toned=True),
                cell(before[-1] if before else None, usd, toned=True),
                cell(low[1], usd, toned=True),
                Cell(day(low[0])),
                cell(high[1], usd, toned=True),
                Cell(day(high[0])),
            ]
        )
    return Table(
        "Net position of smart money by coin, USD",
        [
            Column("Coin", is_number=False),
            Column("Last day"),
            Column("A week before"),
            Column("Lowest"),
            Column("on", is_number=False),
            Column("Highest"),
            Column("on", is_number=False),
        ],
        rows,
    )


def _table(
    latest: Sequence[Record],
    coins: Sequence[str],
    cells: dict[Key, Record],
    days: Sequence[date],
) -> Table:
    ranks = {name: rank for rank, name in enumerate(coins, start=1)}

    def trail(name: str) -> tuple[float, ...]:
        rank = ranks.get(name)
        if rank is None:
            return ()
        found = [cells.get((d, rank)) for d in days[-30:]]
        return tuple(row["net_usd"] if row else 0.0 for row in found)

    rows = [
        [
            Cell(row["coin"], title=row["coin"]),
            cell(row["net_usd"], usd, toned=True),
            Cell("", trail=trail(row["coin"])),
            cell(row["z_score"], lambda v: ratio(v, signed=True)),
            cell(row["long_usd"], usd),
            cell(row["short_usd"], usd),
            cell(row["long_short_ratio"], ratio),
            cell(row["flow_24h_usd"], usd, toned=True),
            cell(row["flow_7d_usd"], usd, toned=True),
            cell(row["trader_count"], count),
            cell(row["agreement"], percent),
            cell(
                row["winners_minus_losers"],
                lambda v: ratio(v, signed=True),
                toned=True,
            ),
        ]
        for row in latest
    ]
    return Table(
        f"The largest positions at the end of {day(latest[0]['as_of_date'])}",
        [
            Column("Coin", is_number=False),
            Column("Net"),
            Column("30 days", is_number=False, note="Net position, last 30 points"),
            Column("z", note="Net position against the coin's days before"),
            Column("Long"),
            Column("Short"),
            Column("Long/short"),
            Column("Flow 24 h", note="Bought minus sold on this day"),
            Column("Flow 7 d", note="Bought minus sold over seven days"),
            Column("Traders"),
            Column("Agree", note="Share of traders on the side of the net position"),
            Column(
                "Winners −\u00a0losers", note="Net over gross position of each, −2 to 2"
            ),
        ],
        rows,
        is_sortable=True,
    )
