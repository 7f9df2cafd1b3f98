"""Positions built by Spark from objects in S3, against those that dbt builds.

Spark is no part of the usual environment: without it these tests are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading_database import create_sources
from moto.server import ThreadedMotoServer
from simulated import simulate

from pgio.connection import PROJECT_DIR

pytest.importorskip("pyspark", reason="pyspark is not installed: make spark")

pytestmark = [pytest.mark.slow, pytest.mark.any_server]

POSITIONS = "analytics.trader_position_hours"


@dataclass(frozen=True)
class Desk:
    """A database, a bucket with its fills, and the commands aimed at both."""

    env: dict[str, str]
    conninfo: dict[str, Any]
    bucket: Any

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=PROJECT_DIR,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *command: str) -> str:
        """Run a command that has to succeed, and return what it says."""
        result = self.run(*command)
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def load(self, prefix: str) -> None:
        self.done(
            "loaders.load_to_db", "fills", f"s3://fills/{prefix}", "--no-progress"
        )

    def dbt(self, *arguments: str) -> str:
        return self.done(
            *("dbt.cli.main", "--no-use-colors", "run", *arguments),
            *("--select", "stg_hyperliquid__fills", "trader_position_hours"),
        )

    def spark(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(
            *("runners", "positions", "s3://fills/past/", "--master", "local[2]"),
            *arguments,
        )

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.conninfo, autocommit=True) as conn:
            cursor = conn.execute(query)
            return cursor.fetchall() if cursor.description else []

    def positions(self) -> list[tuple[Any, ...]]:
        """All rows, digit for digit."""
        return self.query(
            f"select t::text from {POSITIONS} as t order by position_id, hour_at"
        )


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(
        tmp_path_factory.mktemp("tape"),
        *("--fills", "60000", "--days", "6", "--seed", "5", "--format", "both"),
    )


@pytest.fixture(scope="module")
def desk(
    make_database: Callable[[], dict[str, Any]],
    tape: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Desk]:
    """Four days are loaded, some of their fills from two objects; two more wait."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        bucket = boto3.resource("s3").create_bucket(Bucket="fills")
    folder = tmp_path_factory.mktemp("objects")
    days = [pq.read_table(path) for path in sorted((tape / "parquet").glob("*"))]
    days[1:3] = [
        days[1],
        pa.concat_tables([days[1].slice(days[1].num_rows // 2), days[2]]),
    ]
    for number, day in enumerate(days):
        name = f"{'past' if number < 4 else 'new'}/{number}.parquet"
        path = folder / f"{number}.parquet"
        pq.write_table(day, path)
        bucket.upload_file(str(path), name)
    conninfo = make_database()
    target = tmp_path_factory.mktemp("dbt")
    create_sources(str(conninfo["dbname"]), target)
    env = os.environ | keys | {"PGDATABASE": str(conninfo["dbname"])}
    env |= {"DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    found = Desk(env, conninfo, bucket)
    found.load("past/")
    yield found
    server.stop()


@pytest.fixture(scope="module")
def folded_by_dbt(desk: Desk) -> list[tuple[Any, ...]]:
    """What dbt makes of the four days; the table is gone afterwards."""
    desk.dbt()
    rows = desk.positions()
    refused = desk.spark()
    assert refused.returncode == 1
    assert "has rows" in refused.stderr
    desk.query(f"drop table {POSITIONS}")
    desk.query("delete from ingestion.applied_loads")
    return rows


@pytest.fixture(scope="module")
def folded_by_spark(
    desk: Desk, folded_by_dbt: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    done = desk.spark()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "4 objects, 4 loads taken in" in done.stdout
    return desk.positions()


def test_every_row_is_the_one_that_dbt_makes(
    folded_by_dbt: list[tuple[Any, ...]], folded_by_spark: list[tuple[Any, ...]]
) -> None:
    assert len(folded_by_spark) > 5_000
    assert folded_by_spark == folded_by_dbt


def test_dbt_goes_on_from_there(
    desk: Desk, folded_by_spark: list[tuple[Any, ...]]
) -> None:
    applied = desk.query(
        "select load_id from ingestion.applied_loads "
        f"where consumer = '{POSITIONS}' order by load_id"
    )
    assert applied == desk.query("select load_id from ingestion.load_log order by 1")
    assert "CHANGED 0 (nothing new)" in desk.dbt()
    assert desk.positions() == folded_by_spark

    # The later day first: the other one's fills come late.
    desk.load("new/5")
    assert "CHANGED" in desk.dbt()
    desk.load("new/4")
    desk.dbt()
    in_steps = desk.positions()
    assert len(in_steps) > len(folded_by_spark)
    desk.dbt("--full-refresh")
    assert desk.positions() == in_steps


def test_objects_and_loads_must_be_the_same(desk: Desk, tmp_path: Path) -> None:
    """All that is refused is refused before Spark starts, with one line."""
    path = tmp_path / "late.parquet"
    pq.write_table(pa.table({"time": [1]}), path)
    desk.bucket.upload_file(str(path), "past/late.parquet")
    for command, complaint in (
        (desk.spark("--full-refresh"), "past/late.parquet is not loaded"),
        (
            desk.run("runners", "positions", "s3://fills/past/0.parquet"),
            "loaded, and not among the paths",
        ),
    ):
        assert command.returncode == 1
        assert complaint in command.stderr
        assert len(command.stderr.splitlines()) == 1
    desk.bucket.Object("past/late.parquet").delete()


def test_a_build_by_dbt_is_waited_for(
    desk: Desk, folded_by_spark: list[tuple[Any, ...]]
) -> None:
    with closing(psycopg.connect(**desk.conninfo, autocommit=True)) as conn:
        conn.execute(
            "select pg_advisory_lock(hashtextextended(%s, 0))", [f"dbt {POSITIONS}"]
        )
        refused = desk.run("runners", "positions", "s3://fills/", "--full-refresh")
    assert refused.returncode == 1
    assert "being built by dbt" in refused.stderr
