"""The architecture guide's own SQL and our rollups, side by side on the same fills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Database
from guard_project import has_timescale, is_community
from rollup_project import ChainedProject, RollupProject, fills

# The two statements as the guide defines them, column by column.
GUIDE = {
    "trader_daily": (
        "user_address",
        """
        select
            time_bucket(86400000::bigint, time) as day,
            user_address,
            count(*) as fill_count,
            sum((px::numeric) * (sz::numeric)) as volume,
            sum(coalesce(closed_pnl::numeric, 0)) as realized_pnl,
            sum(coalesce(fee::numeric, 0)) as fees_paid,
            avg(case when not crossed then 1.0 else 0.0 end) as maker_pct,
            sum(case when closed_pnl::numeric > 0 then 1 else 0 end) as winning_trades,
            sum(case when closed_pnl::numeric < 0 then 1 else 0 end) as losing_trades,
            count(distinct coin) as unique_coins
        from hyperliquid.fills
        group by day, user_address
        """,
    ),
    "coin_daily": (
        "coin",
        """
        select
            time_bucket(86400000::bigint, time) as day,
            coin,
            count(*) as fill_count,
            count(distinct user_address) as unique_traders,
            sum((px::numeric) * (sz::numeric)) as volume,
            sum(case when dir like 'Open Long%' or dir like 'Close Short%'
                then (sz::numeric) else 0 end) as buy_volume,
            sum(case when dir like 'Open Short%' or dir like 'Close Long%'
                then (sz::numeric) else 0 end) as sell_volume
        from hyperliquid.fills
        group by day, coin
        """,
    ),
}

DIRECTIONS = (
    *("Open Long", "Close Long", "Open Short", "Close Short", "Long > Short"),
    *("Short > Long", "Buy", "Sell", "Spot Dust Conversion", "Net Child Vaults"),
    *("Close Long (Liquidated)", "Settlement"),
)


def varied(day: int, hours: range) -> list[dict[str, Any]]:
    """Fills of every direction, with gaps where the exchange leaves them."""
    rows = fills(day, hours)
    for number, row in enumerate(rows):
        row["dir"] = DIRECTIONS[number % len(DIRECTIONS)]
        if number % 5 == 0:
            row["closed_pnl"] = None
        if number % 7 == 0:
            row["fee"] = None
        if number % 11 == 0:
            row["crossed"] = None
        if number % 13 == 0:
            row["fee"] = "-0.0000000123"
    return rows


@pytest.fixture
def project(tmp_path: Path, database: Database) -> RollupProject:
    made = ChainedProject(tmp_path, database.conninfo)
    made.create_sources()
    return made


def create_guides(project: RollupProject) -> None:
    """The guide's relations: continuous aggregates where there are any."""
    project.execute("create schema guide")
    for name, (_, query) in GUIDE.items():
        if is_community(project):
            project.execute(
                f"create materialized view guide.{name}"
                f" with (timescaledb.continuous) as {query} with no data"
            )
        else:
            if not has_timescale(project):
                query = query.replace(
                    "time_bucket(86400000::bigint, time)", "time / 86400000 * 86400000"
                )
            project.execute(f"create view guide.{name} as {query}")


def refresh_guides(project: RollupProject) -> None:
    if is_community(project):
        for name in GUIDE:
            project.execute(
                f"call refresh_continuous_aggregate('guide.{name}', null, null)"
            )


def test_the_guides_columns_are_equal(project: RollupProject) -> None:
    create_guides(project)
    for load in (varied(0, range(24)), varied(2, range(3)), varied(1, range(20, 24))):
        project.load(load)
        project.run()
        refresh_guides(project)
        for name, (key, _) in GUIDE.items():
            columns = [
                row[0]
                for row in project.query(
                    "select attname::text from pg_attribute where attnum > 0"
                    f" and attrelid = 'guide.{name}'::regclass order by attnum"
                )
            ]
            assert len(columns) == {"trader_daily": 10, "coin_daily": 7}[name]
            listed = f"select {', '.join(columns)} from"
            guides = project.query(f"{listed} guide.{name} order by day, {key}")
            ours = project.query(f"{listed} analytics.{name} order by day, {key}")
            assert len(guides) >= 4
            assert ours == guides


def test_the_guides_columns_come_first_and_in_order(project: RollupProject) -> None:
    """`select *` of the guide's relation and of ours begin alike."""
    create_guides(project)
    project.run()
    for name in GUIDE:
        [guides, ours] = [
            [
                row[0]
                for row in project.query(
                    "select attname::text from pg_attribute where attnum > 0"
                    f" and attrelid = '{schema}.{name}'::regclass order by attnum"
                )
            ]
            for schema in ("guide", "analytics")
        ]
        assert ours[: len(guides)] == guides
