"""What docs/add_your_own.md shows is built, on every server, as it stands there."""

from __future__ import annotations

import re
import textwrap
from decimal import Decimal
from pathlib import Path

import yaml
from conftest import Database
from rollup_project import DAY, START, ChainedProject, fills

PAGE = Path(__file__).resolve().parents[2] / "docs" / "add_your_own.md"


def blocks() -> dict[str, str]:
    """Return the page's blocks of code by the name behind their language."""
    found = re.findall(
        r"^ *```\w+ (\S+)\n(.*?)^ *```$", PAGE.read_text("utf-8"), re.S | re.M
    )
    return {name: textwrap.dedent(text) for name, text in found}


def test_the_rollup_and_the_mart(tmp_path: Path, database: Database) -> None:
    project = ChainedProject(tmp_path, database.conninfo)
    project.create_sources()
    for name, text in blocks().items():
        if name.startswith("models/"):
            path = project.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

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
