"""Outcomes and scorecard of signals, through dbt."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from servers import environment
from simulated import simulate
from workspace import Workspace

from headlines.scorecards import SIGNAL_ROWS, signal_lines
from pgio.copy_out import read_table
from python_jobs.lib.scorecards.signal_reading import Reader, Tables

pytestmark = [pytest.mark.slow, pytest.mark.any_server]

HORIZONS = [1, 24, 72]
SETTINGS = (
    "{sharpe_min_days: 5, signal_z_min_days: 2, signal_shuffles: 40,"
    f" signal_horizons: {HORIZONS}}}"
)
BUILD = ("--vars", SETTINGS, "--select", "+signal_outcomes", "+smart_money_hourly")
OUTCOMES = "select * from analytics.signal_outcomes where {} order by 1, 2, 3"


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Days of fills, a folder each."""
    folder = simulate(
        tmp_path_factory.mktemp("tape"),
        *("--fills", "60000", "--days", "16", "--seed", "11"),
        *("--format", "parquet", "--hourly"),
    )
    return sorted((folder / "parquet").iterdir())


@pytest.fixture(scope="module")
def space(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    tape: list[Path],
) -> Workspace:
    """All days but the last, built."""
    conninfo = make_database()
    made = Workspace(environment(conninfo), conninfo, tmp_path_factory.mktemp("dbt"))
    made.dbt("run-operation", "create_sources")
    made.dbt("seed")
    made.execute(
        "update reference.trader_class_rules set threshold = 1"
        " where metric = 'mtm_q_value'"
    )
    made.load(*tape[:-1])
    made.dbt("run", *BUILD, "+asset_signals")
    return made


def test_the_scorecard_judges_the_tables(space: Workspace) -> None:
    """Its signals are those of the tables; computed again, they are the same."""
    done = space.dbt("build", "--vars", SETTINGS, "--select", "signal_scorecard")
    assert done["signal_scorecard_ranges"].status == "pass"
    with psycopg.connect(**space.conninfo, autocommit=True) as conn:
        rows = conn.cursor(row_factory=psycopg.rows.dict_row).execute(SIGNAL_ROWS)
        found = rows.fetchall()
        names = {
            name: f"{'reference' if name == 'trader_classes' else 'analytics'}.{name}"
            for name in Tables.__annotations__
        }
        reader = Reader(
            conn, functools.partial(read_table, conn), Tables(**names), 365, 1
        )
        observed = reader.observed(HORIZONS)
        strata = reader.traders(5000)
        market = reader.market(observed.grids, 30, 2)
    assert len(found) == 11 * len(HORIZONS)
    assert space.query(
        "select distinct shuffle_count from analytics.signal_scorecard"
    ) == [(40,)]
    again = market.signals(np.arange(strata.size))
    assert again.keys() == observed.signals.keys()
    for name, signal in observed.signals.items():
        assert (~np.isnan(signal)).sum() > 20, name
        assert np.allclose(signal, again[name], atol=1e-6, equal_nan=True), name
    # One of them by hand, from the tables.
    [(observations, hits)] = space.query(
        "select count(*), count(*) filter ("
        "where sign(smart_net_usd) = sign(log_return))"
        " from analytics.asset_signals inner join analytics.signal_outcomes"
        " on (as_of_date + 1)::timestamp at time zone 'utc' = known_at"
        " and asset_signals.coin = signal_outcomes.coin"
        " where smart_net_usd <> 0 and log_return <> 0 and horizon_hours = 24"
    )
    [row] = [
        row
        for row in found
        if row["signal"] == "asset_signals.smart_net_usd" and row["horizon_hours"] == 24
    ]
    assert observations > 20
    assert row["hit_rate"] == pytest.approx(hits / observations)
    # Sixteen days are too few for an interval of returns over three.
    assert "three times the horizon" in found[2]["note"]
    text = "\n".join(signal_lines(found))
    assert text.count("(no interval)") > 5
    assert "So: " in text


def test_a_day_more_completes_outcomes_and_changes_no_other(
    space: Workspace, tape: list[Path]
) -> None:
    """Rows become known by the build that first knows them, as a rebuild has them."""
    [(last,)] = space.query("select max(known_at) from analytics.signal_outcomes")
    known = "known_at + horizon_hours * interval '1 hour' < "
    before = space.query(OUTCOMES.format(f"{known} '{last}'"))
    [(waiting,)] = space.query(
        "select count(*) from analytics.signal_outcomes"
        f" where not {known} '{last}' and entry_px is not null and log_return is null"
    )
    assert waiting > 100
    space.load(tape[-1])
    space.dbt("run", *BUILD)
    assert space.query(OUTCOMES.format(f"{known} '{last}'")) == before
    [(completed,)] = space.query(
        "select count(*) from analytics.signal_outcomes"
        f" where known_at < '{last}' and not {known} '{last}'"
        " and log_return is not null"
    )
    assert completed > 100
    by_loads = space.query(OUTCOMES.format("true"))
    space.dbt("run", "--full-refresh", *BUILD[:2], "--select", "signal_outcomes")
    assert space.query(OUTCOMES.format("true")) == by_loads
    done = space.dbt("run", *BUILD[:2], "--select", "signal_outcomes")
    assert done["signal_outcomes"].adapter_response["rows_affected"] == 0


def test_without_fills_it_says_so(
    make_database: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    conninfo = make_database()
    empty = Workspace(environment(conninfo), conninfo, tmp_path)
    empty.dbt("run-operation", "create_sources")
    empty.dbt("seed")
    empty.dbt("run", "--select", "+signal_scorecard")
    with psycopg.connect(**conninfo, row_factory=psycopg.rows.dict_row) as conn:
        found = conn.execute(SIGNAL_ROWS).fetchall()
    assert {row["note"] for row in found} == {
        "no coin has both this signal and a return"
    }
    assert "Too little to say" in " ".join(signal_lines(found))
