"""One trader's tear sheet: figures, curves, coins, positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from report.blocks import Block, Cell, Column, Row, Section, Table, Tile, Tiles
from report.daily import drawdowns
from report.drawing import tear_bars, tear_curves
from report.drawing.tear_curves import Days
from report.numbers import (
    cell,
    count,
    day,
    duration,
    label,
    moment,
    percent,
    price,
    ratio,
    tone,
    usd,
)
from report.reading.ask import Record


@dataclass(frozen=True)
class Trader:
    """What `report.reading.trader` gives of one trader."""

    profile: Record
    days: Sequence[Record]
    coins: Sequence[Record]
    sides: Sequence[Record]
    positions: Sequence[Record]


def section(trader: Trader, place: int | None) -> Section:
    """Return the section; `place` is the trader's on the leaderboard, if any."""
    profile = trader.profile
    blocks: list[Block] = [_tiles(profile)]
    if trader.days:
        days = Days.of(trader.days)
        blocks += [
            tear_curves.equity(days),
            Row([tear_bars.monthly(days), _drawdowns(days)]),
        ]
        spread, rolling = tear_bars.distribution(days), tear_curves.rolling(days)
        blocks.append(Row([spread, rolling] if rolling else [spread]))
    if trader.coins:
        blocks.append(Row([tear_bars.coins(trader.coins), _sides(trader.sides)]))
    if trader.positions:
        blocks.append(_positions(trader.positions))
    return Section("trader", "Trader", "A trader", _lead(profile, place), blocks)


def _lead(profile: Record, place: int | None) -> list[str]:
    rank = f", number {place} of the leaderboard" if place else ""
    smart = "smart money" if profile["is_smart_money"] else "not smart money"
    lead = [
        f"{profile['user_address']}{rank}: {label(profile['trader_class'])}, "
        f"{label(profile['trading_style'])}, {label(profile['size_tier'])}, {smart}."
    ]
    if profile["class_description"]:
        lead.append(f"{profile['class_description']}.")
    lead.append(
        f"Active on {count(profile['active_days'])} of "
        f"{count(profile['calendar_days'])} days, "
        f"{day(profile['first_active_at'].date())} to "
        f"{day(profile['last_active_at'].date())}."
    )
    return lead


def _tiles(profile: Record) -> Tiles:
    net = float(profile["net_pnl"])
    return Tiles(
        [
            Tile(
                "Net PnL",
                usd(net),
                f"{usd(float(profile['gross_pnl']))} gross, "
                f"{usd(float(profile['fees_usd']))} fees",
                tone(net),
            ),
            Tile("Sharpe", ratio(profile["sharpe_ratio"]), "daily, × √365"),
            Tile("Sortino", ratio(profile["sortino_ratio"]), "daily, × √365"),
            Tile("Max drawdown", usd(profile["max_drawdown"]), "of cumulative net PnL"),
            Tile(
                "Win rate",
                percent(profile["position_win_rate"]),
                f"of {count(profile['closed_positions'])} closed positions",
            ),
            Tile("Profit factor", ratio(profile["profit_factor"]), "gains over losses"),
            Tile(
                "Median hold",
                duration(profile["median_holding_seconds"]),
                f"mean {duration(profile['mean_holding_seconds'])}",
            ),
            Tile(
                "Volume",
                usd(float(profile["volume"])),
                f"{percent(profile['maker_share'])} maker",
            ),
            Tile("Long share", percent(profile["long_share"]), "of USD entered"),
            Tile(
                "Confidence", percent(profile["confidence"]), "what the sample supports"
            ),
            Tile("Best trade", percent(profile["top_trade_share"]), "of all gains"),
            Tile(
                "Liquidations",
                count(profile["liquidation_count"]),
                f"{percent(profile['liquidation_share'])} of positions",
            ),
        ]
    )


def _drawdowns(days: Days) -> Table:
    return Table(
        "Deepest drawdowns",
        [
            Column("Depth"),
            Column("From", is_number=False),
            Column("Lowest", is_number=False),
            Column("Made good", is_number=False),
            Column("Days"),
        ],
        [
            [
                cell(-fall.depth, usd, toned=True),
                Cell(day(fall.began)),
                Cell(day(fall.lowest)),
                Cell(day(fall.ended) if fall.ended else "not yet"),
                cell(((fall.ended or days.last) - fall.began).days, count),
            ]
            for fall in drawdowns(days.numbers, days.net_pnl)
        ],
    )


def _sides(sides: Sequence[Record]) -> Table:
    return Table(
        "Long and short, closed positions",
        [
            Column("Side", is_number=False),
            Column("Positions"),
            Column("Won"),
            Column("Entered"),
            Column("Net PnL"),
            Column("of USD entered", note="Net PnL over USD entered"),
        ],
        [
            [
                Cell(row["side"]),
                cell(row["positions"], count),
                cell(row["won"] / row["positions"], percent),
                cell(row["entered_usd"], usd),
                cell(row["net_pnl"], usd, toned=True),
                cell(
                    row["net_pnl"] / row["entered_usd"] if row["entered_usd"] else None,
                    lambda v: percent(v, 2, signed=True),
                    toned=True,
                ),
            ]
            for row in sides
        ],
    )


def _positions(positions: Sequence[Record]) -> Table:
    return Table(
        "Latest positions",
        [
            Column("Coin", is_number=False),
            Column("Side", is_number=False),
            Column("State", is_number=False),
            Column("Net PnL", note="After fees, realised so far"),
            Column("Opened, UTC", is_number=False),
            Column("Held"),
            Column("Largest size"),
            Column("Entry"),
            Column("Exit"),
            Column("Entered"),
        ],
        [
            [
                Cell(row["coin"], title=row["coin"]),
                Cell(row["side"], tone="up" if row["side"] == "long" else "down"),
                Cell("open" if row["status"] == "open" else row["close_reason"]),
                cell(row["net_pnl"], usd, toned=True),
                Cell(moment(row["opened_at"]), row["opened_at"].timestamp()),
                cell(row["holding_seconds"], duration),
                cell(row["max_size"], price),
                cell(row["entry_vwap"], price),
                cell(row["exit_vwap"], price),
                cell(row["entered_usd"], usd),
            ]
            for row in positions
        ],
        is_sortable=True,
    )
