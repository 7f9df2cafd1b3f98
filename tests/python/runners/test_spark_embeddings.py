"""Embeddings built by Spark, against those that dbt builds.

Spark is no part of the usual environment: without it these tests are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow as pa
import pytest
from btc_candles import EVENING, HOUR, MIDNIGHT, between
from embedding_project import EmbeddingProject
from servers import environment

from pgio.connection import PROJECT_DIR

pytest.importorskip("pyspark", reason="pyspark is not installed: make spark")

pytest_plugins = ["embedding_database"]

pytestmark = [pytest.mark.slow, pytest.mark.any_server]


def test_every_row_is_the_one_that_dbt_makes_and_dbt_goes_on(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    project.load(between(candles, EVENING, MIDNIGHT + 3 * HOUR))
    project.load(between(candles, EVENING, MIDNIGHT + HOUR), exchange="coinbase")
    project.build()
    by_dbt = project.embeddings()
    state = project.value(
        "select fingerprint from ops.model_state where model = 'signals.btc_embeddings'"
    )
    with project.connect() as conn:
        conn.execute("truncate signals.btc_embeddings")
        for table, column in (
            ("ingestion.applied_loads", "consumer"),
            ("ops.model_state", "model"),
        ):
            conn.execute(
                f"delete from {table} where {column} = 'signals.btc_embeddings'"
            )

    done = subprocess.run(
        [sys.executable, "-m", "runners", "embeddings", "--master", "local[2]"],
        cwd=PROJECT_DIR,
        env=os.environ | environment(project.conninfo),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(by_dbt) > 300
    assert project.embeddings() == by_dbt
    assert state == project.value(
        "select fingerprint from ops.model_state where model = 'signals.btc_embeddings'"
    )

    assert project.build()["btc_embeddings"] == "CHANGED 0 (nothing new)"
    project.load(between(candles, MIDNIGHT + 3 * HOUR, MIDNIGHT + 4 * HOUR))
    project.build()
    in_steps = project.embeddings()
    assert len(in_steps) > len(by_dbt)
    project.build("--full-refresh", select=["btc_embeddings"])
    assert project.embeddings() == in_steps
