"""Reads the database and puts tiles, sections and warnings together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from report.blocks import Section, Tile
from report.drawing import (
    distributions,
    forecasts,
    leaders,
    market,
    open_interest,
    signal_scores,
    signals,
    tear_sheet,
)
from report.numbers import count, day, moment, percent, price, tone, usd
from report.page import Page
from report.reading import coverage
from report.reading import market as ask_market
from report.reading import signals as ask_signals
from report.reading import trader as ask_trader
from report.reading import traders as ask_traders
from report.reading.ask import Connection, Record, ReportError, missing

#: If the newest data is older than this, the page shows a warning.
STALE_AFTER = timedelta(days=2)


def compose(conn: Connection, trader: str | None, now: datetime) -> Page:
    """Return the page of a database.

    Parameters
    ----------
    conn
        Of `report.reading.ask.snapshot`.
    trader
        Whose tear sheet it has; None for the first of the leaderboard.
    now
        When the page is made, with a time zone.

    Raises
    ------
    ReportError
        When nothing is built or loaded, or there is no such trader.
    """
    absent = {
        "fills": missing(conn, coverage.FILL_TABLES),
        "ticks": missing(conn, coverage.TICK_TABLES),
    }
    if all(absent.values()):
        raise ReportError(
            f"nothing is built yet: {absent['fills'][0]} is not there, or this user "
            "may not read it. Run `make run` for sample data, or load yours and run "
            "`dbt build`"
        )
    fills = None if absent["fills"] else coverage.fills(conn)
    ticks = [] if absent["ticks"] else coverage.ticks(conn)
    if fills is None and not ticks:
        raise ReportError(
            "the tables are empty. Run `make run` for sample data, or load yours "
            "(`python -m loaders.load_to_db fills|ticks PATH…`) and `dbt build`"
        )
    if trader is not None and fills is None:
        raise ReportError(f"no trader {trader!r}: there are no fills in this database")

    tiles: list[Tile] = []
    sections: list[Section] = []
    warnings: list[str] = []
    if fills is not None:
        new_tiles, new_sections = _traders(conn, fills, trader)
        tiles, sections = tiles + new_tiles, sections + new_sections
        if not any(each.key == "positioning" for each in new_sections):
            warnings.append(
                "No holdings: nobody is smart money, a winner or a loser yet, so that "
                "analytics.asset_signals is empty."
            )
    else:
        warnings.append(_without("fills", absent["fills"]))
    if ticks:
        new_tiles, new_sections = _bitcoin(conn, ticks[0])
        tiles, sections = tiles + new_tiles, sections + new_sections
    else:
        warnings.append(_without("ticks", absent["ticks"]))
    return Page(
        now,
        _covers(fills, ticks, coverage.built_at(conn)),
        [*_stale(fills, ticks, now), *warnings],
        tiles,
        sections,
    )


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


def _traders(
    conn: Connection, fills: Record, trader: str | None
) -> tuple[list[Tile], list[Section]]:
    total = ask_signals.totals(conn)
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
    if total is not None:
        gross = total["long_usd"] + total["short_usd"]
        tiles += [
            Tile(
                "Smart money, net",
                usd(total["net_usd"]),
                f"end of {day(total['as_of_date'])}",
                tone(total["net_usd"]),
            ),
            Tile(
                "Long share",
                percent(total["long_usd"] / gross if gross else None),
                f"{usd(total['long_usd'])} long, {usd(total['short_usd'])} short",
            ),
            Tile(
                "Flow, 24 h",
                usd(total["flow_24h_usd"]),
                "smart money bought less sold",
                tone(total["flow_24h_usd"]),
            ),
        ]
        made = signals.section(
            ask_signals.history(conn), ask_signals.latest(conn), total
        )
        scores = ask_signals.scorecard(conn)
        if scores:
            sections += [made, signal_scores.section(scores)]
        else:
            sections.append(replace(made, lead=[*made.lead, signal_scores.MISSING]))
    held = coverage.open_interest(conn)
    if held:
        sections.append(open_interest.section(held))
    first = ask_traders.leaders(conn)
    addresses = [row["user_address"] for row in first]
    if first:
        sections += [
            leaders.section(first, ask_traders.equity(conn, addresses)),
            distributions.section(
                ask_traders.holding_times(conn),
                ask_traders.groups(conn),
                ask_traders.scattered(conn),
            ),
        ]
    if trader or first:
        sections.append(_trader(conn, trader or addresses[0], addresses))
    return tiles, sections


def _trader(conn: Connection, trader: str, leaderboard: list[str]) -> Section:
    profile = ask_trader.profile(conn, trader)
    name = profile["user_address"]
    sheet = tear_sheet.Trader(
        profile,
        ask_trader.days(conn, name),
        ask_trader.coins(conn, name),
        ask_trader.sides(conn, name),
        ask_trader.positions(conn, name),
    )
    place = leaderboard.index(name) + 1 if name in leaderboard else None
    return tear_sheet.section(sheet, place)


def _bitcoin(conn: Connection, venue: Record) -> tuple[list[Tile], list[Section]]:
    name = venue["exchange"]
    candles = ask_market.candles(conn, name)
    window = ask_market.newest_window(conn, name)
    found = market.Market(venue, candles)
    if window is not None:
        bucket = window["bucket"]
        neighbours = ask_market.neighbours(conn, name, bucket)
        longest = max((row["seconds"] for row in neighbours), default=0.0)
        found = market.Market(
            venue,
            candles,
            window,
            neighbours,
            ask_market.summary(conn, name, bucket),
            ask_market.paths(conn, name, bucket, window["seconds"], longest),
        )
    change = candles[-1]["close"] / candles[0]["open"] - 1
    tile = Tile(
        "Bitcoin",
        price(candles[-1]["close"]),
        f"{percent(change, 2, signed=True)} in {count(len(candles) / 60)} h, {name}",
        tone(change),
    )
    made = market.section(found)
    scores = ask_market.scorecard(conn)
    if scores:
        return [tile], [made, forecasts.section(scores, name)]
    if window is not None:
        made = replace(made, lead=[*made.lead, forecasts.MISSING])
    return [tile], [made]
