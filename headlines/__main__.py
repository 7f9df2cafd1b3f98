"""Results of a build: row counts, traders, profits, signals, ticks, similar windows.

On TimescaleDB also its hypertables and continuous aggregates. Failed jobs are told by
the warnings of ``dbt build``.

``python -m headlines`` prints them for the server in use; ``make run`` ends with it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from headlines import classes, market, timescale
from headlines.sections import Section
from pgio.connection import connect

RELATIONS = (
    "hyperliquid.fills",
    "ingestion.load_log",
    "ingestion.quarantine",
    "analytics.trader_daily",
    "analytics.coin_daily",
    "analytics.trader_coin_daily",
    "analytics.coin_hourly",
    "analytics.builder_daily",
    "analytics.trader_position_hours",
    "analytics.trader_positions",
    "analytics.coin_funding_hourly",
    "analytics.coin_marks_daily",
    "analytics.coin_open_interest_daily",
    "analytics.trader_pnl_daily",
    "analytics.trader_risk_daily",
    "analytics.trader_win_rates",
    "analytics.trader_profiles",
    "analytics.trader_cohorts",
    "analytics.asset_signals",
    "analytics.smart_money_hourly",
    "market_data.btc_ticks",
    "market_data.window_5m",
    "market_data.btc_ohlcv_100ms",
    "market_data.btc_ohlcv_1m",
    "signals.btc_embeddings",
    "signals.btc_similar_windows",
)

TOP_TRADERS = Section(
    "Top smart-money traders, marked to market (analytics.trader_profiles)",
    [
        ("trader", ""),
        ("class", ""),
        ("net USD", ",.0f"),
        ("realised", ",.0f"),
        ("Sharpe", ".2f"),
        ("wins", ".0%"),
        ("hold h", ",.1f"),
        ("confidence", ".2f"),
    ],
    """
    select
        user_address,
        trader_class,
        mtm_net_pnl,
        net_pnl,
        mtm_sharpe_ratio,
        position_win_rate,
        median_holding_seconds / 3600.0,
        confidence
    from analytics.trader_profiles
    where is_smart_money
    order by
        mtm_sharpe_ratio * confidence desc nulls last,
        user_address
    limit 10
""",
)

# Each part is the sum over the traders for whom it is known.
NEWEST_PROFITS = Section(
    "What traders earned on the last day (analytics.trader_pnl_daily)",
    [
        ("day", ""),
        ("traders", ",d"),
        ("net USD", ",.0f"),
        ("realised", ",.0f"),
        ("unrealised", ",.0f"),
        ("fees", ",.0f"),
        ("funding", ",.0f"),
        ("funding not known of", ""),
    ],
    """
    select
        day,
        count(*),
        sum(net_pnl),
        sum(realized_pnl),
        sum(unrealized_change_usd),
        sum(fees_usd),
        sum(funding_usd),
        case
            when exists (select from analytics.coin_funding_hourly)
                then (count(*) filter (where not is_funding_known))::text
            else 'no rates are loaded'
        end
    from analytics.trader_pnl_daily
    where day = (select max(day) from analytics.trader_pnl_daily)
    group by day
""",
)

LEAST_EXPLAINED = Section(
    "Coins whose open interest the loaded fills explain least"
    " (analytics.coin_open_interest_daily)",
    [
        ("day", ""),
        ("coin", ""),
        ("longs", ",.2f"),
        ("shorts", ",.2f"),
        ("holders", ",d"),
        ("open interest", ",.2f"),
        ("explained", ".0%"),
    ],
    """
    select
        day,
        coin,
        long_size,
        short_size,
        holders,
        open_interest,
        explained_share
    from analytics.coin_open_interest_daily
    where
        day = (
            select max(day)
            from analytics.coin_open_interest_daily
            where explained_share is not null
        )
        and explained_share is not null
    order by abs(explained_share - 1) desc, coin
    limit 5
""",
)

STRONGEST_SIGNALS = Section(
    "Strongest signals on the last day (analytics.asset_signals)",
    [
        ("as of", ""),
        ("coin", ""),
        ("net USD", ",.0f"),
        ("long/short", ".2f"),
        ("flow 24h USD", ",.0f"),
        ("z", "+.2f"),
        ("traders", "d"),
        ("agree", ".0%"),
        ("winners − losers", "+.2f"),
    ],
    """
    select
        as_of_date,
        coin,
        smart_net_usd,
        long_short_ratio,
        net_flow_24h_usd,
        net_z_score,
        trader_count,
        agreement,
        winners_minus_losers
    from analytics.asset_signals
    where as_of_date = (select max(as_of_date) from analytics.asset_signals)
    order by abs(net_z_score) desc nulls last, abs(smart_net_usd) desc
    limit 10
""",
)


def _table(title: str, columns: Sequence[tuple[str, str]], rows: list[Any]) -> Table:
    """Lay out `rows`; each column is a heading and a format, ``""`` for text."""
    table = Table(title_justify="left", title_style="bold", box=None)
    table.title, table.min_width = title, len(title)
    for heading, layout in columns:
        table.add_column(heading, justify="right" if layout else "left", no_wrap=True)
    for row in rows:
        cells = [
            "–" if value is None else format(value, layout) if layout else str(value)
            for value, (_, layout) in zip(row, columns, strict=True)
        ]
        table.add_row(*cells)
    return table


def _asked(
    conn: psycopg.Connection[Any], section: Section
) -> tuple[str, list[tuple[str, str]], list[Any]]:
    # `bytes`: the type checker takes only literals for queries.
    rows = conn.execute(section.query.encode()).fetchall()
    return section.title, section.columns, rows


def print_headlines(conn: psycopg.Connection[Any], console: Console) -> None:
    """Print the tables; on TimescaleDB also its hypertables and aggregates.

    Raises
    ------
    psycopg.errors.UndefinedTable
        Before the first ``dbt build``.
    """
    counts = [
        (name, conn.execute(f"select count(*) from {name}").fetchone()[0])  # type: ignore[index]
        for name in RELATIONS
    ]
    has_timescale = conn.execute(
        "select 1 from pg_extension where extname = 'timescaledb'"
    ).fetchone()
    asked = (
        *(NEWEST_PROFITS, LEAST_EXPLAINED, STRONGEST_SIGNALS),
        *market.SECTIONS,
        *(timescale.SECTIONS if has_timescale else ()),
    )
    sections = [
        ("Rows", [("table", ""), ("rows", ",d")], counts),
        _asked(conn, TOP_TRADERS),
        (
            "What open positions and funding change: the rules with and without curves"
            " marked to market (analytics.trader_profiles)",
            classes.COLUMNS,
            classes.compare_classes(conn),
        ),
        *(_asked(conn, section) for section in asked),
    ]
    for title, columns, rows in sections:
        # A section is empty if one of the two products has no data.
        if rows:
            console.print(_table(title, columns, rows))
            console.print()


def main() -> int:
    """Print the headlines of the server in use."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with connect() as conn:
        try:
            print_headlines(conn, console)
        except psycopg.errors.UndefinedTable as error:
            print(
                f"Not all is built yet ({error.diag.message_primary}): run `dbt build`."
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
