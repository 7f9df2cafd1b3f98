"""The same fills and ticks, built on every server, give the same rows in every model.

The servers run one after the other: each one's rows are compared with those of the
first that ran in this session.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from servers import environment, storage
from simulated import BUILT_FROM_FILLS_AND_RATES, LUCK_COUNTS, WITHOUT_TESTS, simulate
from workspace import Workspace

from headlines.__main__ import print_headlines
from headlines.classes import compare_classes
from pgio.connection import PROJECT_DIR

pytestmark = pytest.mark.slow

# Each model's key, by which its rows are ordered.
MODELS = BUILT_FROM_FILLS_AND_RATES | {
    "market_data.btc_ohlcv_100ms": "bucket, exchange",
    "market_data.btc_ohlcv_1s": "bucket, exchange",
    "market_data.btc_ohlcv_1m": "bucket, exchange",
    "market_data.btc_ohlcv_5m": "bucket, exchange",
    "market_data.tick_gaps": "exchange, seq_from",
    "signals.btc_embeddings": "bucket, exchange",
}
# Those that do not differ from run to run, where the others do.
COLUMNS = {
    "signals.btc_embeddings": "bucket, exchange, feature_vector::text, label_snapshot"
}
# A view: nothing of it is stored.
VIEWS = {"market_data.tick_gaps"}
# Seeds stay as the fixture left them.
SEEDLESS = ("--exclude-resource-type", "seed")
SEEDLESS_WITHOUT_TESTS = (*WITHOUT_TESTS, "seed")
# Late rows, of which each edition's rollups must take exactly the touched buckets.
HELPINGS = 2

# Has the commands by which Python models can be built apart from the others.
ADR = PROJECT_DIR / "docs/adr/0035-two-versions-of-dbt-and-a-way-to-dbt-2.md"

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(
        tmp_path_factory.mktemp("editions_tape"),
        *("--fills", "12000", "--days", "16", "--seed", "23"),
        *("--format", "parquet", "--hourly"),
    )


@pytest.fixture(scope="session")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the last days: older ones would be due to be dropped."""
    folder = tmp_path_factory.mktemp("editions_ticks")
    command = [sys.executable, "-m", "simulation", "ticks", str(folder)]
    amount = ["--ticks", "30000", "--days", "2", "--venues", "binance_spot,kraken"]
    subprocess.run([*command, *amount], cwd=PROJECT_DIR, check=True)
    return folder


@pytest.fixture(scope="session")
def rows_by_server() -> dict[str, dict[str, Rows]]:
    """Rows of every model by server, filled as the servers run."""
    return {}


@dataclass(frozen=True)
class Built(Workspace):
    """A database in which everything is built.

    Attributes
    ----------
    server
        Its server's edition and port.
    """

    server: str

    def all_rows(self) -> dict[str, Rows]:
        """Return all rows of every model, ordered."""
        return {
            relation: self.query(
                f"select {COLUMNS.get(relation, '*')} from {relation} order by {key}"
            )
            for relation, key in MODELS.items()
        }

    def row_versions(self) -> dict[str, Rows]:
        """Say where each row lies and which transaction wrote it."""
        return {
            relation: self.query(
                f"select tableoid, ctid::text, xmin::text"
                f" from {storage(self.query, relation)}"
                " order by tableoid, ctid"
            )
            for relation in MODELS.keys() - VIEWS
        }


@pytest.fixture(scope="module")
def built(
    edition: str,
    make_database: Callable[[], dict[str, Any]],
    tape: Path,
    ticks: Path,
    tmp_path_factory: pytest.TempPathFactory,
    rows_by_server: dict[str, dict[str, Rows]],
) -> Built:
    conninfo = make_database()
    server = f"{edition} at {conninfo['port']}"
    target = tmp_path_factory.mktemp("target")
    built = Built(environment(conninfo), conninfo, target, server)
    _load_and_build(built, tape, ticks, ["build"])
    rows_by_server[built.server] = built.all_rows()
    return built


def _load_and_build(
    built: Built, tape: Path, ticks: Path, builds: list[str], *left_out: str
) -> None:
    """Load and build the tapes in helpings whose files interleave.

    The last builds leave out resources of these types, and seeds; the others all tests.
    """
    hours = sorted((tape / "parquet").rglob("*.parquet"))
    contexts = sorted((tape / "asset_ctxs").iterdir())
    rates = sorted((tape / "funding").iterdir())
    recordings = sorted((ticks / "ticks").rglob("*.*"))
    loader = (sys.executable, "-m", "loaders.load_to_db")
    built.dbt("seed")
    with psycopg.connect(**built.conninfo) as conn:
        conn.execute(LUCK_COUNTS)
    for number in range(HELPINGS):
        built.dbt("run-operation", "create_sources")
        built.run(*loader, "fills", *map(str, hours[number::HELPINGS]))
        built.run(*loader, "contexts", *map(str, contexts[number::HELPINGS]))
        built.run(*loader, "funding", *map(str, rates[number::HELPINGS]))
        built.run(*loader, "ticks", *map(str, recordings[number::HELPINGS]))
        is_last = number == HELPINGS - 1
        for build in builds:
            options = (*SEEDLESS, *left_out) if is_last else SEEDLESS_WITHOUT_TESTS
            built.dbt(*build.split(), *options)


@pytest.mark.parametrize("relation", MODELS)
def test_every_edition_gives_the_same_rows(
    built: Built, rows_by_server: dict[str, dict[str, Rows]], relation: str
) -> None:
    first = next(iter(rows_by_server))
    rows = rows_by_server[built.server][relation]
    assert rows, f"{relation} is empty: the tape is too small for this test"
    assert rows == rows_by_server[first][relation], f"{built.server} is not as {first}"


@pytest.mark.any_server
def test_python_models_between_two_selections_give_the_same_rows(
    built: Built,
    make_database: Callable[[], dict[str, Any]],
    tape: Path,
    ticks: Path,
    tmp_path: Path,
    rows_by_server: dict[str, dict[str, Rows]],
) -> None:
    builds = re.findall(r"^dbt (build .*)$", ADR.read_text("utf-8"), re.M)
    assert len(builds) == 3
    conninfo = make_database()
    apart = Built(environment(conninfo), conninfo, tmp_path, built.server)
    _load_and_build(apart, tape, ticks, builds, "test", "unit_test")
    assert apart.all_rows() == rows_by_server[built.server]


def test_every_simulated_tick_is_there_once(built: Built, ticks: Path) -> None:
    truth = pq.read_table(ticks / "truth" / "ticks.parquet").to_pylist()
    with psycopg.connect(**built.conninfo) as conn:
        stored = conn.execute(
            "select exchange, source_seq, date_trunc('milliseconds', ts), price, "
            "volume, side from market_data.btc_ticks order by 1, 2"
        ).fetchall()
    wanted = [
        (
            *(tick["exchange"], tick["source_seq"]),
            tick["ts"].replace(microsecond=tick["ts"].microsecond // 1000 * 1000),
            *(tick["price"], tick["volume"], tick["side"]),
        )
        for tick in truth
    ]
    assert stored == sorted(wanted)


def test_the_gaps_are_those_that_were_simulated(built: Built, ticks: Path) -> None:
    with (ticks / "truth" / "gaps.csv").open() as file:
        wanted = [
            (gap["exchange"], int(gap["seq_before"]), int(gap["missing"]))
            for gap in csv.DictReader(file)
        ]
    with psycopg.connect(**built.conninfo) as conn:
        found = conn.execute(
            "select exchange, seq_from - 1, missing_count from market_data.tick_gaps"
        ).fetchall()
    assert len(wanted) > 0
    assert sorted(found) == sorted(wanted)


def test_headlines_show_the_repetitions_of_the_newest_pattern(
    built: Built, ticks: Path
) -> None:
    said = built.run(sys.executable, "-m", "headlines").stdout
    planted = (ticks / "truth" / "patterns.csv").read_text().splitlines()[1:]
    name, newest, *_ = planted[-1].split(",")
    starts = [row.split(",")[1] for row in planted[:-1] if row.startswith(f"{name},")]
    shown = said[said.index("Windows most like the newest one") :]
    assert f"{newest[:10]} {newest[11:16]}" in shown
    found = [start for start in starts if f"{start[:10]} {start[11:16]}" in shown]
    assert len(found) > len(starts) / 2


def test_headlines_say_what_traders_earned_and_whose_funding_is_not_known(
    built: Built,
) -> None:
    [(day, traders, net_pnl, trader)] = built.query(
        "select day, count(*), sum(net_pnl), min(user_address)"
        " from analytics.trader_pnl_daily group by day order by day desc limit 1"
    )

    def said() -> list[str]:
        console = Console(file=io.StringIO(), width=120)
        print_headlines(conn, console)
        lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        titled = [i for i, line in enumerate(lines) if "What traders earned" in line]
        return str(lines[titled[0] + 2]).split()

    with psycopg.connect(**built.conninfo) as conn:
        conn.execute(
            "update analytics.trader_pnl_daily"
            " set is_funding_known = user_address <> %s where day = %s",
            [trader, day],
        )
        assert said()[:3] == [str(day), f"{traders:,}", f"{net_pnl:,.0f}"]
        assert said()[-1] == "1"
        conn.execute("delete from analytics.coin_funding_hourly")
        assert said()[-4:] == ["no", "rates", "are", "loaded"]
        conn.rollback()


def test_headlines_say_whose_class_curves_change(built: Built) -> None:
    # Losers by the shipped rules, with the curve where it is known and without.
    [(traders, by_curves, by_fills, differing)] = built.query(
        """
        select
            count(*),
            count(*) filter (where profiles.is_loser),
            count(*) filter (where fills.is_loser),
            count(*) filter (where profiles.is_loser <> fills.is_loser)
        from analytics.trader_profiles as profiles
        inner join reference.trader_classes using (trader_class)
        cross join lateral (
            select
                coalesce(net_pnl < 0 and confidence >= 0.3, false)
                and not leaves_signals as is_loser
        ) as fills
        """
    )
    with psycopg.connect(**built.conninfo) as conn:
        rows = {row[0]: row[1:] for row in compare_classes(conn)}
    assert rows["is_loser"] == (
        traders, differing, differing / traders, by_curves, by_fills
    )  # fmt: skip
    assert 0 < rows["trader_class"][1] < traders


def test_headlines_say_what_the_server_runs(built: Built, edition: str) -> None:
    said = built.run(sys.executable, "-m", "headlines").stdout
    assert "Strongest signals" in said
    hypertables = "timescaledb_information.hypertables" in said
    assert hypertables == (edition != "postgres")
    with psycopg.connect(**built.conninfo) as conn:
        if edition == "community":
            query = (
                "select view_schema || '.' || view_name "
                "from timescaledb_information.continuous_aggregates"
            )
            names = {name for (name,) in conn.execute(query)}
            assert {"analytics.trader_daily", "market_data.btc_ohlcv_100ms"} <= names
            assert all(name in said for name in names)


def test_building_again_writes_nothing(built: Built) -> None:
    before = built.row_versions()
    assert all(before.values())
    built.dbt("build", *SEEDLESS_WITHOUT_TESTS)
    assert built.row_versions() == before


def test_a_full_refresh_gives_the_same_rows(
    built: Built, rows_by_server: dict[str, dict[str, Rows]]
) -> None:
    built.dbt("build", "--full-refresh", *SEEDLESS_WITHOUT_TESTS)
    assert built.all_rows() == rows_by_server[built.server]
