"""What docs/add_your_own.md shows is built, on every server, as it stands there."""

from __future__ import annotations

import re
import textwrap
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from conftest import Database
from rollup_project import DAY, START, ChainedProject, fills

from pgio.connection import PROJECT_DIR

PAGE = PROJECT_DIR / "docs" / "add_your_own.md"


def blocks() -> dict[str, str]:
    """Return the page's blocks of code by the name behind their language."""
    found = re.findall(
        r"^ *```\w+ (\S+)\n(.*?)^ *```$", PAGE.read_text("utf-8"), re.S | re.M
    )
    return {name: textwrap.dedent(text) for name, text in found}


class ContractedProject(ChainedProject):
    """Rollups and marts are under contract, as in the project that the page is for."""

    keeps_contracts = True


@pytest.fixture
def project(tmp_path: Path, database: Database) -> ContractedProject:
    """The project with the page's models."""
    made = ContractedProject(tmp_path, database.conninfo)
    for name, text in blocks().items():
        if name.startswith("models/"):
            path = made.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    made.create_sources()
    return made


def test_the_rollup_and_the_mart(project: ContractedProject) -> None:
    days = fills(0, [0], per_hour=4) + fills(1, [0], per_hour=4)
    project.load([f | {"px": "2", "sz": "3", "coin": "BTC"} for f in days])
    assert "twap_daily" in project.run("--select", "+twap_share")
    shares = "select day, coin, twap_share from analytics.twap_share order by day"
    assert project.query(shares) == [(START, "BTC", 0), (START + DAY, "BTC", 0)]

    # One of five trades of the second day, in a load that comes later.
    late = [f | {"twap_id": 7} for f in fills(1, [1], per_hour=1)]
    project.load([f | {"px": "2", "sz": "3", "coin": "BTC"} for f in late])
    project.run("--select", "+twap_share")
    assert project.query(shares) == [
        (START, "BTC", 0),
        (START + DAY, "BTC", Decimal("0.2")),
    ]


WEEKS = """
    select this.as_of_date, this.coin, sum(earlier.volume)
    from (select *, {day} as as_of_date from analytics.coin_daily) as this
    join (select *, {day} as as_of_date from analytics.coin_daily) as earlier
        on this.coin = earlier.coin
        and earlier.as_of_date between this.as_of_date - 6 and this.as_of_date
    group by 1, 2 order by 1, 2
""".format(day="(to_timestamp(day / 1000) at time zone 'utc')::date")
TRADERS = """
    select user_address, count(distinct day), sum(volume)
    from analytics.trader_daily group by 1 order by 1
"""


def test_the_marts_that_take_in_loads(project: ContractedProject) -> None:
    select = ("--select", "+coin_weekly", "+trader_volumes")
    weeks = "select * from analytics.coin_weekly order by 1, 2"
    traders = "select * from analytics.trader_volumes order by 1"
    project.load(row for day in range(10) for row in fills(day, [1]))
    project.run(*select)
    # A day more, and one that comes late.
    for day, number in ((10, 2), (3, 14)):
        project.load(fills(day, [2], per_hour=2))
        done = project.run(*select)
        assert done["coin_weekly"] == f"SYNC {number}"
        assert project.query(weeks) == project.query(WEEKS)
        assert project.query(traders) == project.query(TRADERS)
    done = project.run(*select)
    assert done["coin_weekly"] == "CHANGED 0 (nothing new)"
    assert done["trader_volumes"] == "CHANGED 0 (nothing new)"


def test_the_column_and_the_retention(tmp_path: Path, database: Database) -> None:
    project = ChainedProject(tmp_path, database.conninfo)
    project.create_sources()
    page = blocks()
    with project.edit_source("fills") as table:
        table["columns"] += yaml.safe_load(page["column"])
        table["config"]["meta"]["timescale"] |= yaml.safe_load(page["retention"])
    project.create_sources()
    assert project.query(
        "select format_type(atttypid, null) from pg_attribute"
        " where attrelid = 'hyperliquid.fills'::regclass and attname = 'liquidity_tier'"
    ) == [("text",)]
    assert project.query(
        "select policy ->> 'drop_after' from ops.retention_jobs"
        " where job_name = 'retention hyperliquid.fills'"
    ) == [(str(180 * DAY),)]
