"""Open interest by coin: of the loaded fills, and as the exchange reports it."""

from __future__ import annotations

from collections.abc import Sequence

from report.blocks import Cell, Column, Section, Table
from report.numbers import cell, count, day, percent, short_name, usd
from report.reading.ask import Record

#: So many coins are named whose open interest the loaded fills explain least.
NAMED = 3


def section(rows: Sequence[Record]) -> Section:
    """Return the section.

    Parameters
    ----------
    rows
        What `report.reading.coverage.open_interest` gives; not empty.
    """
    return Section("coins", "Coins", "Open interest", _lead(rows), [_table(rows)])


def _lead(rows: Sequence[Record]) -> list[str]:
    coins = rows[0]["explained_coins"]
    if not coins:
        return [
            "No contexts are loaded, so that the exchange's own open interest is not "
            "known, and nothing tells whether the fills of a coin are complete: "
            "`python -m loaders.load_to_db contexts PATH…`."
        ]
    lead = [
        f"At the end of {day(rows[0]['day'])} the loaded fills explained "
        f"{_share(rows[0]['total_share'])} of the exchange's open interest in "
        f"{count(coins)} coins."
    ]
    named = [
        f"{short_name(row['coin'])} ({_share(row['explained_share'])})"
        for row in sorted(rows, key=lambda row: row["doubt_rank"])[:NAMED]
        if row["explained_share"] is not None
        and _share(row["explained_share"]) != _share(1)
    ]
    if named:
        lead.append(
            "Far from 100%, fills of the coin are missing. The furthest: "
            f"{', '.join(named)}."
        )
    return lead


def _table(rows: Sequence[Record]) -> Table:
    return Table(
        f"The largest coins and the least explained, end of {day(rows[0]['day'])}",
        [
            Column("Coin", is_number=False),
            Column("Explained", note="Mean of long and short, as a share of exchange"),
            Column("Exchange", note="Open interest as the exchange reports it"),
            Column("Long", note="What all traders held, at the mark"),
            Column("Short", note="The same of their short positions"),
            Column("Holders", note="Traders with a position"),
        ],
        [
            [
                Cell(row["coin"], title=row["coin"]),
                cell(row["explained_share"], _share),
                cell(row["exchange_usd"], usd),
                cell(row["long_usd"], usd),
                cell(row["short_usd"], usd),
                cell(row["holders"], count),
            ]
            for row in rows
        ],
        is_sortable=True,
    )


def _share(value: float | None) -> str:
    return percent(value, 1)
