"""The scorecard from recordings to words, through the commands that users type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import psycopg
import pytest
from conftest import Database
from psycopg.rows import dict_row
from whole_project import run_dbt

from pgio.connection import PROJECT_DIR
from pgio.copy_out import read_batches, read_table
from python_jobs.lib.market.candles import Candles
from python_jobs.lib.scorecards.search_scores import BASELINES, TARGETS, Settings, Walk
from python_jobs.lib.scorecards.search_windows import read_history

HORIZONS = {"1 minute": 60, "5 minutes": 300, "15 minutes": 900, "1 hour": 3600}
TRAINED = '{"embedding_training_days": 1}'
EVALUATE = ("build", "--select", "tag:evaluation")

pytestmark = pytest.mark.slow


def run(database: Database, *command: str, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT_DIR,
        env=database.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == fails, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def rows(database: Database) -> list[dict[str, object]]:
    with psycopg.connect(**database.conninfo) as conn:
        cursor = conn.cursor(row_factory=dict_row)
        return cursor.execute(
            "select *, extract(epoch from first_bucket)::bigint as first, "
            "extract(epoch from last_bucket)::bigint as last "
            "from signals.btc_search_scorecard"
        ).fetchall()


def test_recordings_become_a_scorecard_and_words(
    database: Database, tmp_path: Path
) -> None:
    run(
        database,
        *("simulation", "ticks", str(tmp_path / "tape"), "--venues", "binance_spot"),
        *("--ticks", "80000", "--days", "4", "--websocket-minutes", "1", "--seed", "5"),
    )

    def dbt(*command: str, fails: bool = False) -> str:
        done = run_dbt(database.env, *command, target=tmp_path)
        assert done.success != fails, done.said
        return done.said

    dbt("run-operation", "create_sources")
    assert "is not built yet: run `dbt build` first" in dbt(*EVALUATE, fails=True)
    assert "run `make evaluate`" in run(database, "headlines.scorecards", fails=True)

    # Without ticks there is nothing to evaluate.
    models = ("run", "--select", "+btc_embeddings")
    dbt("seed")
    assert "no venue has windows to evaluate" in dbt(
        "run", "--select", "+tag:evaluation"
    )
    assert "No venue has windows" in run(database, "headlines.scorecards")

    run(database, "loaders.load_to_db", "ticks", str(tmp_path / "tape/ticks"))
    # All four days are the scales' training range.
    dbt(*models)
    said = dbt(*EVALUATE)
    assert "binance_spot has 0 windows to evaluate" in said
    assert "30 are needed: load more days, or set embedding_training_range" in said
    assert {row["window_count"] for row in rows(database)} == {0}
    assert {row["p_value"] for row in rows(database)} == {None}
    assert "That is too few to say" in run(database, "headlines.scorecards")

    dbt(*models, "--vars", TRAINED)
    dbt(*EVALUATE, "--vars", TRAINED)
    found = rows(database)
    keys = {(row["horizon"], row["target"], row["baseline"]) for row in found}
    assert keys == {(h, t, b) for h in HORIZONS for t in TARGETS for b in BASELINES}
    [version] = {row["feature_version"] for row in found}
    with psycopg.connect(**database.conninfo, autocommit=True) as conn:
        [(training_to,)] = conn.execute(
            "select distinct extract(epoch from training_to)::bigint "
            "from signals.btc_feature_scales where feature_version = %s",
            [version],
        ).fetchall()
        history = read_history(
            lambda query: read_batches(conn, query),
            Candles(lambda query: read_table(conn, query), "market_data.btc_ohlcv_1s"),
            "signals.btc_embeddings",
            "binance_spot",
            str(version),
            300,
            HORIZONS,
        )
        walk = Walk.over(history, Settings(60, 300, HORIZONS, 10), training_to)
        assert 60 <= walk.queries.size <= 3 * 1440 // 65 + 1
        _agrees_with_the_function(conn, history.starts, walk)
        _agrees_with_labels(conn, history.starts, history.volatility)
    for row in found:
        if row["baseline"] == "same_hour":
            # Four days have no five earlier hours alike.
            assert row["window_count"] == 0
            continue
        assert 30 <= row["window_count"] <= walk.queries.size  # type: ignore[operator]
        assert training_to <= row["first"] < row["last"]  # type: ignore[operator]
        assert sum(row["pit_deciles"]) == pytest.approx(1)  # type: ignore[arg-type]
        assert row["q_value"] >= row["p_value"]  # type: ignore[operator]
        assert (row["hit_rate"] is None) == (row["target"] == "volatility")
    words = " ".join(run(database, "headlines.scorecards").split())
    assert "volatility, 1 hour: " in words
    assert "too few windows to compare with random windows of the same hour" in words
    assert "the commoner sign came in " in words
    # A plain build leaves it out, and so does what is asked for by nothing.
    assert "btc_search_scorecard" not in dbt("ls")


def _agrees_with_the_function(
    conn: psycopg.Connection, starts: np.ndarray, walk: Walk
) -> None:
    """Compare neighbours with those that the SQL function finds exactly."""
    for query, members in list(zip(walk.queries, walk.members["similar"], strict=True))[
        ::7
    ]:
        in_sql = conn.execute(
            "select extract(epoch from neighbour_bucket)::bigint from "
            "signals.similar_windows(to_timestamp(%s), 10, 'binance_spot', "
            "is_exact => true) order by neighbour_rank",
            [int(starts[query])],
        ).fetchall()
        assert [start for (start,) in in_sql] == starts[members].tolist()


def _agrees_with_labels(
    conn: psycopg.Connection, starts: np.ndarray, volatility: np.ndarray
) -> None:
    """Compare a window's volatility with what an earlier one says of the same time.

    The label's first return is from the trade before, the window's from its own first.
    """
    labels = conn.execute(
        "select extract(epoch from bucket)::bigint + 300, "
        "(label_snapshot -> '5 minutes' ->> 'volatility')::float8 "
        "from signals.btc_embeddings "
        "where label_snapshot ->> '5 minutes' is not null"
    ).fetchall()
    own = dict(zip(starts.tolist(), volatility.tolist(), strict=True))
    pairs = np.array([(own[at], label) for at, label in labels if at in own])
    assert len(pairs) > 1000
    assert np.median(np.abs(pairs[:, 0] / pairs[:, 1] - 1)) < 0.05
    assert (pairs[:, 0] <= pairs[:, 1] * 1.2 + 1e-4).mean() > 0.95
