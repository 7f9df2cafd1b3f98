"""What smart money holds, by coin over time, from `analytics.asset_signals`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date

import plotly.graph_objects as go

from report.ask import POINTS, Connection, Record, ask
from report.blocks import Chart, Section, Tile, View
from report.figures import DAYS, figure, plain, rows_axis, stack
from report.numbers import count, day, digits, percent, ratio, short_name, usd
from report.palette import LIGHT, SERIES
from report.tables import Column, Table, gains, tone

#: Coins that are shown by name; the others are one row of each day.
COINS = 20
#: Z-scores are coloured up to here.
Z_LIMIT = 3.0


def history(conn: Connection, coins: int = COINS) -> list[Record]:
    """Return positions by coin and day, and one row per day for all other coins.

    Ordered by day and rank. Coins are ranked by their mean absolute net position over
    the days shown; rank ``coins + 1`` is all others, without a name or a z-score. A
    long history is thinned to every n-th day and the last one.
    """
    return ask(
        conn,
        """
        with days as (
            select
                max(as_of_date) as last_date,
                ceil(
                    (max(as_of_date) - min(as_of_date) + 1) / %(points)s::float8
                )::int as step
            from analytics.asset_signals
        ),

        shown as (
            select signals.*
            from analytics.asset_signals as signals
            cross join days
            where mod(days.last_date - signals.as_of_date, days.step) = 0
        ),

        ranked as (
            select
                coin,
                least(
                    row_number() over (order by sum(abs(smart_net_usd)) desc, coin),
                    %(coins)s + 1
                )::int as coin_rank
            from shown
            group by coin
        )

        select
            shown.as_of_date,
            ranked.coin_rank,
            case when ranked.coin_rank <= %(coins)s then shown.coin end as coin,
            count(*) as coins,
            sum(shown.smart_net_usd)::float8 as net_usd,
            sum(shown.smart_long_usd)::float8 as long_usd,
            sum(shown.smart_short_usd)::float8 as short_usd,
            sum(shown.net_flow_24h_usd)::float8 as flow_24h_usd,
            case
                when ranked.coin_rank <= %(coins)s then max(shown.net_z_score)
            end as z_score
        from shown
        inner join ranked using (coin)
        group by 1, 2, 3
        order by 1, 2
        """,
        points=POINTS,
        coins=coins,
    )


def latest(conn: Connection) -> list[Record]:
    """Return the last day's signals of the coins with the largest net positions."""
    return ask(
        conn,
        """
        select
            as_of_date,
            coin,
            smart_net_usd::float8 as net_usd,
            smart_long_usd::float8 as long_usd,
            smart_short_usd::float8 as short_usd,
            long_short_ratio,
            net_z_score as z_score,
            net_flow_24h_usd::float8 as flow_24h_usd,
            net_flow_7d_usd::float8 as flow_7d_usd,
            trader_count,
            agreement,
            winners_minus_losers
        from analytics.asset_signals
        where as_of_date = (select max(as_of_date) from analytics.asset_signals)
        order by abs(smart_net_usd) desc, coin
        limit %(coins)s
        """,
        coins=COINS,
    )


def totals(rows: Sequence[Record]) -> Record:
    """Return the last day's sums over all coins of a history that is not empty."""
    last = [row for row in rows if row["as_of_date"] == rows[-1]["as_of_date"]]
    names = ("coins", "net_usd", "long_usd", "short_usd", "flow_24h_usd")
    return {
        "as_of_date": rows[-1]["as_of_date"],
        **{name: sum(row[name] or 0 for row in last) for name in names},
    }


def tiles(total: Record) -> list[Tile]:
    """Return what smart money holds, for the head of the page."""
    gross = total["long_usd"] + total["short_usd"]
    return [
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


def section(rows: Sequence[Record], newest: Sequence[Record]) -> Section:
    """Return the section of what `history` and `latest` return; neither is empty."""
    total = totals(rows)
    # Nobody is smart money in the first weeks: leave these empty days out.
    held = [row["as_of_date"] for row in rows if row["long_usd"] or row["short_usd"]]
    first = min(held, default=rows[0]["as_of_date"])
    shown = Held([row for row in rows if row["as_of_date"] >= first])
    return Section(
        "positioning",
        "Holdings",
        "What smart money holds",
        _lead(newest, total),
        [
            Chart(
                "positions-over-time",
                "Net position by coin and day",
                f"Net position of smart money in {len(shown.coins)} coins at the end "
                f"of each day, {day(shown.days[0])} to {day(shown.days[-1])}. On the "
                f"last day all coins together came to {usd(total['net_usd'])}. The "
                "table below has the last day's positions.",
                [shown.stacked(), shown.net_map(), shown.z_map()],
                note="By day: coins on top of each other, long above and short below "
                "zero; the line is their sum. z-score: against the same coin's days "
                "before.",
                height=460,
                phone_height=430,
            ),
            _table(newest),
        ],
    )


def _lead(newest: Sequence[Record], total: Record) -> list[str]:
    net = total["net_usd"]
    stance = "flat" if not net else "net long" if net > 0 else "net short"
    lead = [
        f"At the end of {day(total['as_of_date'])} smart money was {stance} by "
        f"{usd(abs(net))}: {usd(total['long_usd'])} long and {usd(total['short_usd'])} "
        f"short in {count(total['coins'])} coins."
    ]
    parts = []
    for side, sign in (("long", 1), ("short", -1)):
        largest = next((row for row in newest if row["net_usd"] * sign > 0), None)
        if largest:
            name, size = short_name(largest["coin"]), usd(abs(largest["net_usd"]))
            parts.append(f"the largest {side} is {name} ({size})")
    if parts:
        text = " and ".join(parts)
        lead.append(f"{text[0].upper()}{text[1:]}.")
    scored = [row for row in newest if row["z_score"] is not None]
    if scored:
        unusual = max(scored, key=lambda row: abs(row["z_score"]))
        lead.append(
            f"Of the largest, {short_name(unusual['coin'])} is furthest from its usual "
            f"position, z = {ratio(unusual['z_score'], signed=True)}."
        )
    return lead


class Held:
    """Positions of smart money by coin and day, and the ways to draw them."""

    def __init__(self, rows: Sequence[Record]) -> None:
        self.days: list[date] = sorted({row["as_of_date"] for row in rows})
        names = {
            row["coin_rank"]: row["coin"] for row in rows if row["coin"] is not None
        }
        #: By rank, the largest first.
        self.coins = [names[rank] for rank in sorted(names)]
        self.cells = {(row["coin_rank"], row["as_of_date"]): row for row in rows}
        self.texts = [each.isoformat() for each in self.days]

    def _by_day(self, rank: int) -> list[Record | None]:
        return [self.cells.get((rank, each)) for each in self.days]

    def stacked(self) -> View:
        """Draw the first coins stacked, the others as one, and the sum of all."""
        net = {
            rank: [row["net_usd"] if row else 0.0 for row in self._by_day(rank)]
            for rank in range(1, COINS + 2)
        }
        shown = min(len(SERIES), len(self.coins))
        rest = [sum(each) for each in zip(*list(net.values())[shown:], strict=True)]
        series = [
            (short_name(self.coins[i], 16), net[i + 1], SERIES[i]) for i in range(shown)
        ]
        if any(rest):
            series.append(("others", rest, LIGHT["grey"]))
        traces, legend = stack(self.texts, series, "all coins")
        made = figure(
            traces,
            barmode="relative",
            bargap=0.12,
            hovermode="x unified",
            xaxis=DAYS,
            yaxis={"title": "USD", "nticks": 8},
        )
        return View("By day", made, legend)

    def net_map(self) -> View:
        """Colour by the root of the net position, so that small coins show too."""
        known = [abs(row["net_usd"]) for row in self.cells.values() if row["coin"]]
        largest = max(known, default=0.0) or 1.0

        def value(row: Record) -> float:
            root = math.sqrt(abs(row["net_usd"]) / largest)
            return math.copysign(root, row["net_usd"])

        scale = [usd(share * abs(share) * largest) for share in (-1, -0.5, 0, 0.5, 1)]
        return self._map(
            "By coin", scale, 1.0, value, lambda row: f"net {usd(row['net_usd'])}"
        )

    def z_map(self) -> View:
        """Colour by the z-score, up to `Z_LIMIT`."""
        return self._map(
            "z-score",
            ("−3", "−1.5", "usual", "+1.5", "+3"),
            Z_LIMIT,
            lambda row: row["z_score"],
            lambda row: f"z {ratio(row['z_score'], signed=True)}",
        )

    def _map(
        self,
        label: str,
        scale: Sequence[str],
        limit: float,
        value: Callable[[Record], float | None],
        text: Callable[[Record], str],
    ) -> View:
        """Draw one row per coin, with gaps for unknown values."""
        rows = [self._by_day(rank) for rank in range(1, len(self.coins) + 1)]
        trace = go.Heatmap(
            x=self.texts,
            y=list(range(len(self.coins))),
            z=[[value(each) if each else None for each in row] for row in rows],
            customdata=[
                [
                    f"{plain(coin)}, {at}<br>{text(each)}" if each else ""
                    for at, each in zip(self.texts, row, strict=True)
                ]
                for coin, row in zip(self.coins, rows, strict=True)
            ],
            zmin=-limit,
            zmax=limit,
            xgap=1 if len(self.days) <= 90 else 0,
            ygap=1,
        )
        made = figure(
            [trace],
            xaxis=DAYS,
            yaxis=rows_axis([short_name(name, 14) for name in self.coins]),
        )
        return View(label, made, scale=scale)


def _table(newest: Sequence[Record]) -> Table:
    return Table.of(
        f"The largest positions at the end of {day(newest[0]['as_of_date'])}",
        newest,
        Column("Coin", "coin", is_name=True),
        gains("Net", "net_usd", usd),
        Column(
            "z",
            "z_score",
            digits(ratio, 2, signed=True),
            "Against the coin's days before",
        ),
        Column("Long", "long_usd", usd),
        Column("Short", "short_usd", usd),
        Column("Long/short", "long_short_ratio", ratio),
        gains("Flow 24 h", "flow_24h_usd", usd, "Bought minus sold on this day"),
        gains("Flow 7 d", "flow_7d_usd", usd, "Bought minus sold over seven days"),
        Column("Traders", "trader_count", count),
        Column(
            "Agree",
            "agreement",
            percent,
            "Traders on the net side",
        ),
        gains(
            "Winners −\u00a0losers",
            "winners_minus_losers",
            digits(ratio, 2, signed=True),
            "Net over gross of each, −2 to 2",
        ),
        is_sortable=True,
    )
