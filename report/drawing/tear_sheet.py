"""One trader's tear sheet: figures, curves, coins, positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from report.blocks import Block, Cell, Column, Row, Section, Table, Tile, Tiles
from report.daily import drawdowns, underwater
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
    usd,
)
from report.reading.ask import Record


@dataclass(frozen=True)
class Trader:
    """Rows of `report.reading.trader` for one trader."""

    profile: Record
    days: Sequence[Record]
    coins: Sequence[Record]
    sides: Sequence[Record]
    positions: Sequence[Record]


def section(trader: Trader, place: int | None) -> Section:
    """Return the section; `place` is the position on the leaderboard, or None."""
    profile = trader.profile
    # A trader who traded only outcome coins has no daily profits.
    days = Days.of(trader.days) if trader.days else None
    money = _money(days, trader.days) if days else []
    blocks: list[Block] = [_tiles(profile, money)]
    if days:
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


def _tiles(profile: Record, money: Sequence[Tile]) -> Tiles:
    return Tiles(
        [
            *money,
            Tile(
                "Sharpe",
                ratio(profile["mtm_sharpe_ratio"]),
                f"Sortino {ratio(profile['mtm_sortino_ratio'])}; realised alone "
                f"{ratio(profile['sharpe_ratio'])}",
            ),
            Tile(
                "Win rate",
                percent(profile["position_win_rate"]),
                f"of {count(profile['closed_positions'])} closed positions; profit "
                f"factor {ratio(profile['profit_factor'])}",
            ),
            Tile(
                "Median hold",
                duration(profile["median_holding_seconds"]),
                f"mean {duration(profile['mean_holding_seconds'])}",
            ),
            Tile(
                "Volume",
                usd(float(profile["volume"])),
                f"{percent(profile['maker_share'])} maker; of USD entered "
                f"{percent(profile['long_share'])} long",
            ),
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


def _money(days: Days, rows: Sequence[Record]) -> list[Tile]:
    """Return tiles of net PnL and its parts over all days, with what is unknown."""
    curve, below = underwater(days.net_pnl)
    sums = {name: float(each.sum()) for name, each in days.parts.items()}
    fees = sum(row["fees_usd"] for row in rows)
    realized, unrealized = sums.get("realised less fees"), sums.get("unrealised")
    if realized is None:
        of_realized = f"not known: fills without closed_pnl; {usd(fees)} fees"
        of_unrealized = f"with realised: {usd(sums['realised or not, less fees'])}"
    else:
        of_realized = f"{usd(realized + fees)} gross, {usd(fees)} fees"
        of_unrealized = f"{count(rows[-1]['open_positions'])} open positions"
    of_net, of_funding = "realised, funding, unrealised", "received less paid"
    unpaid = sum(not row["is_funding_known"] for row in rows)
    if unpaid:
        of_net = "without funding that is not known"
        of_funding = f"not known in full on {count(unpaid)} of {count(len(rows))} days"
    unmarked = sum(not row["has_marks"] for row in rows)
    if unmarked:
        at = f"last trades on {count(unmarked)} of {count(len(rows))} days"
    else:
        at = "the exchange's marks"
    return [
        _gain("Net PnL", float(curve[-1]), of_net),
        _gain("Realised", realized, of_realized),
        _gain("Funding", sums.get("funding"), of_funding),
        _gain("Unrealised", unrealized, f"{of_unrealized}, at {at}"),
        Tile("Max drawdown", usd(float(-below.min())), "of equity, day by day"),
    ]


def _gain(name: str, value: float | None, note: str) -> Tile:
    made = cell(value, usd, toned=True)
    return Tile(name, made.text, note, made.tone)


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
            Column("Net PnL", note="Realised so far, after fees, with funding"),
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
