"""Open interest by coin: of the loaded fills, and as the exchange reports it."""

from __future__ import annotations

from collections.abc import Sequence

from report.ask import Connection, Record, ask
from report.blocks import Section
from report.numbers import count, day, digits, percent, short_name, usd
from report.tables import Column, Table

#: So many of the largest coins are shown, and of those whose open interest the loaded
#: fills explain least; and of the latter so many are named.
LARGEST, LEAST, NAMED = 20, 5, 3

_share = digits(percent, 1)


def open_interest(conn: Connection) -> list[Record]:
    """Return what all traders held in each coin, and the exchange's own figure.

    Of the newest day that has contexts, else of the newest day. The largest come first,
    spot, which has no shorts, last. A coin without a context has neither
    `exchange_usd` nor an `explained_share`.
    """
    return ask(
        conn,
        """
        with newest as (
            select
                coalesce(
                    max(day) filter (where explained_share is not null), max(day)
                ) as day
            from analytics.coin_open_interest_daily
        )

        select
            day,
            coin,
            (long_size * mark_px)::float8 as long_usd,
            (short_size * mark_px)::float8 as short_usd,
            holders,
            (held.open_interest * mark_px)::float8 as exchange_usd,
            explained_share
        from newest
        inner join analytics.coin_open_interest_daily as held using (day)
        inner join analytics.coin_marks_daily using (coin, day)
        order by greatest(short_size, held.open_interest) * mark_px desc, coin
        """,
    )


def section(
    rows: Sequence[Record], largest: int = LARGEST, least: int = LEAST
) -> Section:
    """Return the section of what `open_interest` returns; not empty."""
    explained = [row for row in rows if row["explained_share"] is not None]
    explained.sort(key=lambda row: (-abs(row["explained_share"] - 1), row["coin"]))
    shown = {row["coin"] for row in [*rows[:largest], *explained[:least]]}
    table = _table([row for row in rows if row["coin"] in shown])
    return Section("coins", "Coins", "Open interest", _lead(rows, explained), [table])


def _lead(rows: Sequence[Record], explained: Sequence[Record]) -> list[str]:
    if not explained:
        return [
            "No contexts are loaded, so that the exchange's own open interest is not "
            "known, and nothing tells whether the fills of a coin are complete: "
            "`python -m loaders.load_to_db contexts PATH…`."
        ]
    held = sum(row["long_usd"] + row["short_usd"] for row in explained) / 2
    reported = sum(row["exchange_usd"] for row in explained)
    lead = [
        f"At the end of {day(rows[0]['day'])} the loaded fills explained "
        f"{_share(held / reported if reported else None)} of the exchange's open "
        f"interest in {count(len(explained))} coins."
    ]
    named = [
        f"{short_name(row['coin'])} ({_share(row['explained_share'])})"
        for row in explained[:NAMED]
        if _share(row["explained_share"]) != _share(1)
    ]
    if named:
        lead.append(
            "Far from 100%, fills of the coin are missing. The furthest: "
            f"{', '.join(named)}."
        )
    return lead


def _table(rows: Sequence[Record]) -> Table:
    return Table.of(
        f"The largest coins and the least explained, end of {day(rows[0]['day'])}",
        rows,
        Column("Coin", "coin", is_name=True),
        Column(
            "Explained",
            "explained_share",
            _share,
            "Mean of long and short over exchange",
        ),
        Column("Exchange", "exchange_usd", usd, "As the exchange reports it"),
        Column("Long", "long_usd", usd, "What all traders held, at the mark"),
        Column("Short", "short_usd", usd, "The same of their short positions"),
        Column("Holders", "holders", count, "Traders with a position"),
        is_sortable=True,
    )
