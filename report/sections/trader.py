"""One trader's tear sheet: figures, curves, coins, positions.

Results are in USD, as everywhere in this project: what a trader has on the exchange is
not in the fills, so that there is no capital to divide by.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from report.ask import Connection, Record, ReportError, ask
from report.blocks import Block, Chart, Row, Section, Tile, Tiles, View
from report.figures import DAYS, figure, stack
from report.numbers import (
    count,
    day,
    digits,
    duration,
    label,
    moment,
    percent,
    price,
    ratio,
    usd,
)
from report.palette import LIGHT, gain, translucent
from report.tables import Column, Table, cell, gains

POSITIONS = 15
COINS = 12
#: Colours of the parts of net PnL; none is that of gains or of losses.
PARTS = {
    "realised less fees": LIGHT["accent"],
    "realised or not, less fees": LIGHT["accent"],
    "unrealised": LIGHT["purple"],
    "funding": LIGHT["gold"],
}


def profile(conn: Connection, trader: str) -> Record:
    """Return the trader's row of `analytics.trader_profiles`.

    Raises
    ------
    ReportError
        When there is no such trader.
    """
    found = ask(
        conn,
        """
        select profiles.*, classes.description as class_description
        from analytics.trader_profiles as profiles
        left join reference.trader_classes as classes using (trader_class)
        where user_address in (%(trader)s, lower(%(trader)s))
        order by user_address = %(trader)s desc
        limit 1
        """,
        trader=trader,
    )
    if not found:
        raise ReportError(
            f"no trader {trader!r} in analytics.trader_profiles: take an address from "
            "its user_address, or leave --trader out for the first of the leaderboard"
        )
    return found[0]


def days(conn: Connection, trader: str) -> list[Record]:
    """Return the days on which the trader traded or held something, ordered.

    Net PnL of each day and its parts; unknown parts are None.
    """
    return ask(
        conn,
        """
        select
            day,
            net_pnl::float8 as net_pnl,
            realized_pnl::float8 as realized_pnl,
            fees_usd::float8 as fees_usd,
            funding_usd::float8 as funding_usd,
            unrealized_change_usd::float8 as unrealized_change_usd,
            open_positions,
            is_funding_known,
            has_marks
        from analytics.trader_pnl_daily
        where user_address = %(trader)s
        order by day
        """,
        trader=trader,
    )


def closed(conn: Connection, trader: str) -> list[Record]:
    """Return closed positions by side, then by coin.

    Coins with the largest result first, then a row without a name for the other coins.
    Positions of unknown net PnL are left out.
    """
    return ask(
        conn,
        """
        with summed as (
            select
                side,
                coin,
                count(*) as positions,
                count(*) filter (where net_pnl > 0) as won,
                count(*) filter (where side = 'long') as longs,
                sum(net_pnl) as net_pnl,
                sum(entry_notional_usd) as entered_usd,
                row_number() over (
                    partition by side order by abs(sum(net_pnl)) desc, coin
                ) as place
            from analytics.trader_positions
            where
                user_address = %(trader)s
                and status = 'closed'
                and net_pnl is not null
            group by grouping sets ((side), (coin))
        )

        select
            side,
            case when place <= %(coins)s then coin end as coin,
            sum(positions)::bigint as positions,
            sum(won)::bigint as won,
            sum(longs)::bigint as longs,
            sum(net_pnl)::float8 as net_pnl,
            sum(entered_usd)::float8 as entered_usd,
            count(*) as coins
        from summed
        group by side, 2, least(place, %(coins)s + 1)
        order by side, least(place, %(coins)s + 1)
        """,
        trader=trader,
        coins=COINS,
    )


def positions(conn: Connection, trader: str) -> list[Record]:
    """Return the latest positions, open ones first, then by their last fill."""
    return ask(
        conn,
        """
        select
            coin,
            side,
            status,
            opened_at,
            max_size::float8 as max_size,
            entry_vwap::float8 as entry_vwap,
            exit_vwap::float8 as exit_vwap,
            entry_notional_usd::float8 as entered_usd,
            net_pnl::float8 as net_pnl,
            holding_seconds::float8 as holding_seconds,
            close_reason
        from analytics.trader_positions
        where user_address = %(trader)s
        order by status = 'open' desc, last_fill_at desc, position_id
        limit %(positions)s
        """,
        trader=trader,
        positions=POSITIONS,
    )


def calendar(rows: Sequence[Record]) -> pd.DataFrame:
    """Return net PnL and its parts of every calendar day, those without a row as zero.

    If the realised profit of a day is unknown, realised and unrealised are one part:
    their split is unknown from that day on. Funding is a part only if some of it is
    known.

    Returns
    -------
    DataFrame, shape (days, 1 + parts)
        ``net``, then its parts, which are keys of `PARTS`; their sum is ``net``. USD.
    """
    known = pd.DataFrame(rows).set_index("day")
    amounts = known[[name for name in known if name.endswith(("_pnl", "_usd"))]]
    amounts = amounts.astype(float)
    paid = amounts["funding_usd"].fillna(0.0)
    parts = {"net": amounts["net_pnl"]}
    if amounts["realized_pnl"].notna().all():
        parts["realised less fees"] = amounts["realized_pnl"] - amounts["fees_usd"]
        parts["unrealised"] = amounts["unrealized_change_usd"]
    else:
        parts["realised or not, less fees"] = amounts["net_pnl"] - paid
    if paid.any() or known["is_funding_known"].all():
        parts["funding"] = paid
    made = pd.DataFrame(parts)
    made.index = pd.to_datetime(made.index)
    return made.asfreq("D", fill_value=0.0)


def underwater(net: pd.Series) -> pd.Series:
    """Return how far cumulative net PnL is below its highest point so far, by day.

    The curve starts at zero, which counts as a highest point. USD, zero or negative;
    the lowest value is `trader_profiles.mtm_max_drawdown`, negated.
    """
    equity = net.cumsum()
    return equity - equity.cummax().clip(lower=0.0)


def drawdowns(below: pd.Series, most: int = 5) -> list[Record]:
    """Return the deepest falls of what `underwater` returns, the deepest first.

    `began` is the day of the highest point, `lowest` that of the deepest, `ended` the
    first day at or above the highest point again, None where the fall goes on; `depth`
    is in USD, positive.
    """
    falls = below[below < 0]
    # The days of one fall have the same number of days at the top before them.
    before = (below >= 0).cumsum()[falls.index]
    one_day = pd.Timedelta(days=1)
    found = []
    for _, fall in falls.groupby(before):
        began, after = fall.index[0] - one_day, fall.index[-1] + one_day
        found.append(
            {
                "began": began,
                "lowest": fall.idxmin(),
                "ended": after if after in below.index else None,
                "depth": -fall.min(),
                "days": (min(after, below.index[-1]) - began).days,
            }
        )
    return sorted(found, key=lambda each: (-each["depth"], each["began"]))[:most]


def section(conn: Connection, trader: str, leaderboard: Sequence[str]) -> Section:
    """Return the section; `leaderboard` are the addresses on it.

    Raises
    ------
    ReportError
        When there is no such trader.
    """
    figures = profile(conn, trader)
    name = figures["user_address"]
    place = leaderboard.index(name) + 1 if name in leaderboard else None
    blocks: list[Block] = []
    money: list[Tile] = []
    # A trader who traded only outcome coins has no daily profits.
    if rows := days(conn, name):
        parts = calendar(rows)
        below = underwater(parts["net"])
        money = _money(parts, below, rows)
        blocks += [_equity(parts, below), Row([_months(parts), _drawdowns(below)])]
    if rows := closed(conn, name):
        blocks.append(Row([_coins(rows), _sides(rows)]))
    if rows := positions(conn, name):
        blocks.append(_positions(rows))
    tiles = Tiles([*money, *_tiles(figures)])
    return Section(
        "trader", "Trader", "A trader", _lead(figures, place), [tiles, *blocks]
    )


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
        f"{day(profile['first_active_at'])} to {day(profile['last_active_at'])}."
    )
    return lead


def _tiles(profile: Record) -> list[Tile]:
    return [
        Tile(
            "Sharpe",
            ratio(profile["mtm_sharpe_ratio"]),
            f"Sortino {ratio(profile['mtm_sortino_ratio'])}; realised alone "
            f"{ratio(profile['sharpe_ratio'])}",
        ),
        Tile(
            "Win rate",
            percent(profile["position_win_rate"]),
            f"of {count(profile['closed_positions'])} closed positions; profit factor "
            f"{ratio(profile['profit_factor'])}",
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
        Tile("Confidence", percent(profile["confidence"]), "what the sample supports"),
        Tile("Best trade", percent(profile["top_trade_share"]), "of all gains"),
        Tile(
            "Liquidations",
            count(profile["liquidation_count"]),
            f"{percent(profile['liquidation_share'])} of positions",
        ),
    ]


def _money(parts: pd.DataFrame, below: pd.Series, rows: Sequence[Record]) -> list[Tile]:
    """Return tiles of net PnL and its parts over all days, with what is unknown."""
    sums = parts.sum().to_dict()
    fees = sum(row["fees_usd"] for row in rows)
    realized, unrealized = sums.get("realised less fees"), sums.get("unrealised")
    if realized is None:
        of_realized = f"not known: fills without closed_pnl; {usd(fees)} fees"
        of_unrealized = f"with realised: {usd(sums['realised or not, less fees'])}"
    else:
        of_realized = f"{usd(realized + fees)} gross, {usd(fees)} fees"
        held = rows[-1]["open_positions"]
        of_unrealized = f"{count(held)} open position{'' if held == 1 else 's'}"
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
        _gain("Net PnL", sums["net"], of_net),
        _gain("Realised", realized, of_realized),
        _gain("Funding", sums.get("funding"), of_funding),
        _gain("Unrealised", unrealized, f"{of_unrealized}, at {at}"),
        Tile("Max drawdown", usd(-below.min()), "of equity, day by day"),
    ]


def _gain(name: str, value: float | None, note: str) -> Tile:
    made = cell(value, usd, toned=True)
    return Tile(name, made.text, note, made.tone)


def _equity(parts: pd.DataFrame, below: pd.Series) -> Chart:
    """Draw equity as the sum of its parts, the drawdown, and each day's result."""
    # The curve starts at zero on the day before the first one.
    start = parts.index[0] - pd.Timedelta(days=1)
    by_day = pd.concat([pd.DataFrame(0.0, [start], parts.columns), parts])
    so_far = by_day.cumsum()
    at = [day(each) for each in by_day.index]
    bars, legend = stack(
        at,
        [
            (name, so_far[name].tolist(), PARTS[name])
            for name in parts.columns
            if name != "net"
        ],
        "equity",
    )
    falls, net = [0.0, *below], by_day["net"].tolist()
    made = figure(
        [
            *bars,
            go.Scatter(
                x=at,
                y=falls,
                yaxis="y2",
                name="drawdown",
                mode="lines",
                line={"color": LIGHT["down"], "width": 1},
                fill="tozeroy",
                fillcolor=translucent(LIGHT["down"], 0.18),
                customdata=[usd(v) for v in falls],
                hovertemplate="drawdown: %{customdata}<extra></extra>",
            ),
            go.Bar(
                x=at,
                y=net,
                yaxis="y3",
                name="day",
                marker={"color": [gain(v) for v in net]},
                customdata=[usd(v) for v in net],
                hovertemplate="day: %{customdata}<extra></extra>",
            ),
        ],
        barmode="relative",
        bargap=0.12,
        hovermode="x unified",
        hoversubplots="axis",
        xaxis={**DAYS, "anchor": "y3"},
        yaxis={"title": "equity, USD", "domain": [0.5, 1.0]},
        yaxis2={"title": "drawdown", "domain": [0.26, 0.46], "nticks": 4},
        yaxis3={"title": "by day", "domain": [0.0, 0.22], "nticks": 4},
    )
    ends = ", ".join(
        f"{name} {usd(value)}"
        for name, value in so_far.iloc[-1].items()
        if name != "net"
    )
    return Chart(
        "tear-equity",
        "Equity, drawdown and daily result",
        f"Cumulative net PnL from {at[1]} to {at[-1]}: it ends at "
        f"{usd(so_far['net'].iloc[-1])} ({ends}), its highest point was "
        f"{usd(so_far['net'].max())}, its deepest fall {usd(-below.min())}. The table "
        "below has each month.",
        [View("Equity", made, legend)],
        note="Equity is net PnL since the first fill: its parts on top of each other, "
        f"gains above and losses below zero; the line is their sum. {_days(parts)}",
        height=540,
        phone_height=480,
    )


def _days(parts: pd.DataFrame) -> str:
    net = parts["net"]
    return (
        f"{percent((net > 0).mean())} of {count(len(net))} calendar days won; best day "
        f"{usd(net.max())}, worst {usd(net.min())}, mean {usd(net.mean())}."
    )


def _months(parts: pd.DataFrame) -> Table:
    by_month = parts.resample("MS").sum()
    rows = [
        {"month": f"{month:%Y-%m}", **sums}
        for month, sums in by_month.assign(equity=by_month["net"].cumsum())
        .to_dict("index")
        .items()
    ]
    return Table.of(
        "Net PnL by month, and its parts",
        rows[-60:],
        Column("Month", "month"),
        gains("Net PnL", "net", usd),
        *(
            gains(name.capitalize(), name, usd)
            for name in parts.columns
            if name != "net"
        ),
        gains("Equity", "equity", usd, "At the month's end"),
    )


def _drawdowns(below: pd.Series) -> Table:
    return Table.of(
        "Deepest drawdowns",
        drawdowns(below),
        gains("Depth", lambda fall: -fall["depth"], usd),
        Column("From", lambda fall: day(fall["began"])),
        Column("Lowest", lambda fall: day(fall["lowest"])),
        Column(
            "Made good", lambda fall: day(fall["ended"]) if fall["ended"] else "not yet"
        ),
        Column("Days", "days", count),
    )


def _coins(rows: Sequence[Record]) -> Table:
    def name(row: Record) -> str:
        return f"{row['coins']} others" if row["coin"] is None else row["coin"]

    return Table.of(
        "Closed positions by coin",
        [row for row in rows if row["side"] is None],
        Column("Coin", name, is_name=True),
        *_RESULTS,
        Column("Long", lambda row: row["longs"] / row["positions"], percent),
    )


def _sides(rows: Sequence[Record]) -> Table:
    return Table.of(
        "Long and short, closed positions",
        [row for row in rows if row["side"] is not None],
        Column("Side", "side"),
        *_RESULTS,
        gains(
            "of USD entered",
            lambda row: (
                row["net_pnl"] / row["entered_usd"] if row["entered_usd"] else None
            ),
            digits(percent, 2, signed=True),
            "Net PnL over USD entered",
        ),
    )


#: Columns of what `closed` returns.
_RESULTS = (
    Column("Positions", "positions", count, "Without those of unknown profit"),
    Column("Won", lambda row: row["won"] / row["positions"], percent),
    Column("Entered", "entered_usd", usd),
    gains("Net PnL", "net_pnl", usd),
)


def _positions(rows: Sequence[Record]) -> Table:
    return Table.of(
        "Latest positions",
        rows,
        Column("Coin", "coin", is_name=True),
        Column("Side", "side"),
        Column(
            "State",
            lambda row: "open" if row["status"] == "open" else row["close_reason"],
        ),
        gains("Net PnL", "net_pnl", usd, "Realised so far, after fees, with funding"),
        Column("Opened, UTC", lambda row: moment(row["opened_at"])),
        Column("Held", "holding_seconds", duration),
        Column("Largest size", "max_size", price),
        Column("Entry", "entry_vwap", price),
        Column("Exit", "exit_vwap", price),
        Column("Entered", "entered_usd", usd),
        is_sortable=True,
    )
