"""Reads the database and puts tiles, sections and warnings together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from report import coverage
from report.ask import Connection, Record, ReportError, missing
from report.blocks import Section, Tile
from report.numbers import count, day, moment, usd
from report.page import Page
from report.sections import (
    bitcoin,
    distributions,
    forecasts,
    holdings,
    leaders,
    open_interest,
    signal_scores,
    similar_windows,
    trader,
)

#: If the newest data is older than this, the page shows a warning.
STALE_AFTER = timedelta(days=2)


def compose(conn: Connection, address: str | None, now: datetime) -> Page:
    """Return the page of a database.

    Parameters
    ----------
    conn
        Of `report.ask.snapshot`.
    address
        Of the trader whose tear sheet it has; None for the first of the leaderboard.
    now
        When the page is made, with a time zone.

    Raises
    ------
    ReportError
        When nothing is built or loaded, or there is no such trader.
    """
    no_fills = missing(conn, coverage.FILL_TABLES)
    no_ticks = missing(conn, coverage.TICK_TABLES)
    if no_fills and no_ticks:
        raise ReportError(
            f"nothing is built yet: {no_fills[0]} is not there, or this user may not "
            "read it. Run `make run` for sample data, or load yours and run `dbt build`"
        )
    fills = None if no_fills else coverage.fills(conn)
    ticks = [] if no_ticks else coverage.ticks(conn)
    if fills is None and not ticks:
        raise ReportError(
            "the tables are empty. Run `make run` for sample data, or load yours "
            "(`python -m loaders.load_to_db fills|ticks PATH…`) and `dbt build`"
        )
    if address is not None and fills is None:
        raise ReportError(f"no trader {address!r}: there are no fills in this database")

    tiles: list[Tile] = []
    sections: list[Section] = []
    warnings = _stale(fills, ticks, now)
    if fills is not None:
        tiles, sections = _traders(conn, fills, address)
        if not any(each.key == "positioning" for each in sections):
            warnings.append(
                "No holdings: nobody is smart money, a winner or a loser yet, so that "
                "analytics.asset_signals is empty."
            )
    else:
        warnings.append(_without("fills", no_fills))
    if ticks:
        tile, of_bitcoin = _bitcoin(conn, ticks[0]["exchange"])
        tiles, sections = [*tiles, tile], [*sections, *of_bitcoin]
    else:
        warnings.append(_without("ticks", no_ticks))
    covers = _covers(fills, ticks, coverage.built_at(conn))
    return Page(now, covers, warnings, tiles, sections)


def _without(what: str, absent: list[str]) -> str:
    if absent:
        return f"Nothing of {what} is here: there is no {absent[0]}. Run `dbt build`."
    return f"Nothing of {what} is here: none are loaded."


def _covers(
    fills: Record | None, ticks: list[Record], built_at: datetime | None
) -> list[str]:
    sentences = []
    if fills is not None:
        sentences.append(
            f"Hyperliquid, {day(fills['first_day'])} to {day(fills['last_day'])}: "
            f"{fills['fills']:,} fills of {fills['traders']:,} traders in "
            f"{fills['coins']:,} coins."
        )
    if ticks:
        venues = ", ".join(
            f"{row['exchange']} ({count(row['ticks'])})" for row in ticks
        )
        sentences.append(
            f"Bitcoin, {moment(min(row['first_at'] for row in ticks))} to "
            f"{moment(max(row['last_at'] for row in ticks))}: trades of {venues}."
        )
    if built_at is not None:
        sentences.append(f"Built {moment(built_at)}.")
    return sentences


def _stale(fills: Record | None, ticks: list[Record], now: datetime) -> list[str]:
    """Return warnings for fills or ticks whose newest row is older than two days."""
    ends = []
    if fills is not None:
        ends.append(("fill", fills["last_fill_at"]))
    if ticks:
        ends.append(("tick", max(row["last_at"] for row in ticks)))
    return [
        f"The newest {what} is {(now - at).days} days older than this page: "
        f"{moment(at)}."
        for what, at in ends
        if at is not None and now - at > STALE_AFTER
    ]


def _also(made: Section, sentence: str) -> Section:
    return replace(made, lead=[*made.lead, sentence])


def _traders(
    conn: Connection, fills: Record, address: str | None
) -> tuple[list[Tile], list[Section]]:
    tiles = [
        Tile(
            "Traders",
            count(fills["traders"]),
            f"{count(fills['smart_traders'])} are smart money",
        ),
        Tile("Fills", count(fills["fills"]), f"in {count(fills['coins'])} coins"),
        Tile("Volume", usd(fills["volume"]), "both sides of each trade"),
    ]
    sections = []
    if history := holdings.history(conn):
        tiles += holdings.tiles(holdings.totals(history))
        held = holdings.section(history, holdings.latest(conn))
        if scores := signal_scores.scorecard(conn):
            sections += [held, signal_scores.section(scores)]
        else:
            sections.append(_also(held, signal_scores.MISSING))
    if interest := open_interest.open_interest(conn):
        sections.append(open_interest.section(interest))
    first = leaders.leaders(conn)
    addresses = [row["user_address"] for row in first]
    if first:
        sections += [
            leaders.section(first, leaders.equity(conn, addresses)),
            distributions.section(
                distributions.holding_times(conn), distributions.groups(conn)
            ),
        ]
    if address or first:
        sections.append(trader.section(conn, address or addresses[0], addresses))
    return tiles, sections


def _bitcoin(conn: Connection, venue: str) -> tuple[Tile, list[Section]]:
    candles = bitcoin.candles(conn, venue)
    windows = similar_windows.Windows.read(conn, venue)
    made = bitcoin.section(candles, venue, windows)
    tile = bitcoin.tile(candles, venue)
    if scores := forecasts.scorecard(conn):
        return tile, [made, forecasts.section(scores, venue)]
    return tile, [_also(made, forecasts.MISSING) if windows else made]
