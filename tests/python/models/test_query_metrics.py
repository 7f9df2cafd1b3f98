"""Metrics, asked as docs/query_metrics.md says, against the same in SQL."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from project_copy import copy_project
from servers import environment
from whole_project import run_dbt

from pgio.connection import PROJECT_DIR

PAGE = (PROJECT_DIR / "docs/query_metrics.md").read_text(encoding="utf-8")
[BLOCK] = re.findall(r"^```sh metrics\n(.*?)^```$", PAGE, re.S | re.M)
COMMANDS = BLOCK.splitlines()
NAME = re.compile(r"`([a-z0-9_]+)`")

pytest_plugins = ["project_manifest", "report_database"]

# By what a command groups by: the same rows in SQL.
QUERIES = {
    "trader": """
        select
            user_address as trader,
            case when bool_and(net_pnl is not null) then sum(net_pnl) end as net_pnl,
            sum(maker_volume) + sum(taker_volume) as trades_volume,
            sum(fees_usd) as fees_usd,
            sum(winning_closes)::float8 / nullif(sum(closing_fills), 0)::float8
                as fill_win_rate,
            sum(maker_volume)::float8
            / nullif(sum(maker_volume + taker_volume), 0)::float8 as maker_share
        from analytics.trader_daily
        group by user_address
    """,
    "metric_time__week": """
        select
            date_trunc('week', to_timestamp(day / 1000) at time zone 'utc')
                as metric_time__week,
            case when bool_and(net_pnl is not null) then sum(net_pnl) end as net_pnl,
            sum(net_pnl) as reported_net_pnl,
            sum(fills_without_pnl) as fills_without_pnl,
            sum(fill_count) as fills,
            sum(volume) as volume
        from analytics.trader_daily
        group by 1
    """,
    "trader__trader_class": """
        select
            profiles.trader_class as trader__trader_class,
            count(distinct daily.user_address) as active_traders,
            sum(daily.maker_volume) as maker_volume,
            sum(daily.closing_fills) as closing_fills,
            sum(daily.winning_closes) as winning_closes
        from analytics.trader_daily as daily
        left join analytics.trader_profiles as profiles using (user_address)
        group by profiles.trader_class
    """,
    "coin,metric_time__month": """
        with

        volumes as (
            select
                coin,
                date_trunc('month', to_timestamp(day / 1000) at time zone 'utc')
                    as month,
                sum(volume) as coin_volume
            from analytics.coin_daily
            group by 1, 2
        ),

        signals as (
            select *, date_trunc('month', as_of_date::timestamp) as month
            from analytics.asset_signals
        ),

        held as (
            select * from signals
            where as_of_date in (select max(as_of_date) from signals group by month)
        )

        select
            coin,
            month as metric_time__month,
            coin_volume,
            smart_net_usd,
            smart_long_usd,
            smart_short_usd,
            smart_long_usd::float8 / nullif(smart_short_usd, 0)::float8
                as smart_long_short_ratio
        from volumes
        full join held using (coin, month)
    """,
    "exchange,metric_time__hour": """
        select
            exchange,
            date_trunc('hour', bucket at time zone 'utc') as metric_time__hour,
            sum(volume) as btc_volume,
            sum(notional) as btc_notional,
            sum(trade_count) as btc_trades,
            sum(notional)::float8 / nullif(sum(volume), 0)::float8 as btc_vwap
        from market_data.btc_ohlcv_1m
        group by 1, 2
    """,
}


def _asked(command: str) -> tuple[list[str], str]:
    """Return the metrics of a command of the page, and what it groups by."""
    match = re.fullmatch(r"mf query --metrics (\S+) --group-by (\S+)", command)
    assert match is not None, command
    return match[1].split(","), match[2]


@pytest.fixture(scope="module")
def project(
    report_database: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the project, parsed: `mf` reads ./target and takes no other."""
    folder = copy_project(tmp_path_factory.mktemp("metrics") / "project")
    # The names of relations hold that of the database.
    env = environment(report_database)
    done = run_dbt(env, "parse", "--write-json", target=folder / "target")
    assert done.success, done.said
    return folder


@pytest.mark.slow
@pytest.mark.any_server
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: _asked(command)[1])
def test_the_metrics_equal_sql(
    command: str, project: Path, report_database: dict[str, Any]
) -> None:
    metrics, group_by = _asked(command)
    mf, *options = command.split()
    done = subprocess.run(
        [Path(sys.executable).with_name(mf), *options, "--csv", "rows.csv"],
        cwd=project,
        env={**os.environ, **environment(report_database)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (project / "rows.csv").open(encoding="utf-8", newline="") as file:
        names, *rows = list(csv.reader(file))
    with psycopg.connect(**report_database) as connection:
        query = connection.execute(QUERIES[group_by])
        wanted = [["" if v is None else str(v) for v in row] for row in query]
        assert query.description is not None
        columns = [column.name for column in query.description]
    keys = len(names) - len(metrics)
    order = [columns.index(name) for name in names]
    wanted = sorted([row[i] for i in order] for row in wanted)
    rows.sort()
    assert [row[:keys] for row in rows] == [row[:keys] for row in wanted]
    for number, metric in enumerate(names[keys:], keys):
        # dbt hands numbers to `mf` as doubles.
        found, same = ([float(r[number] or "nan") for r in t] for t in (rows, wanted))
        assert found == pytest.approx(same, rel=1e-13, nan_ok=True), metric
        assert any(value == value for value in found), f"{metric} is NULL everywhere"


def test_the_page_shows_and_asks_every_metric(project_manifest: dict[str, Any]) -> None:
    metrics = {metric["name"] for metric in project_manifest["metrics"].values()}
    shown = [
        name
        for line in PAGE.splitlines()
        if line.startswith("| `")
        for name in NAME.findall(line.split("|")[1])
    ]
    assert sorted(shown) == sorted(metrics)
    asked = {name for command in COMMANDS for name in _asked(command)[0]}
    assert asked == metrics
