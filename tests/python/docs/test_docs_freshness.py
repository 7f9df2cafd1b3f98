"""`dbt source freshness`: every source table has an answer, and none is dear."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Database
from rollup_project import RollupProject, insert_load

pytest_plugins = ["project_manifest"]

FRESH = {
    *("hyperliquid.fills", "market_data.btc_ticks", "market_data.window_5m"),
    *("ingestion.load_log", "ingestion.applied_loads", "ingestion.stream_offsets"),
    "ingestion.sequence_runs",
}


def test_a_source_is_to_be_fresh_or_says_why_not(
    project_manifest: dict[str, Any],
) -> None:
    to_be_fresh = set()
    for source in project_manifest["sources"].values():
        name = f"{source['schema']}.{source['identifier']}"
        freshness = source["config"].get("freshness") or {}
        reason = source["config"]["meta"].get("no_freshness")
        if freshness.get("warn_after") and freshness["warn_after"]["count"]:
            assert freshness["error_after"]["count"], name
            assert reason is None, name
            to_be_fresh.add(name)
        else:
            assert reason, f"{name} has neither freshness nor no_freshness"
    assert to_be_fresh == FRESH


class FreshProject(RollupProject):
    """Sources alone, with what a load leaves behind at a given time."""

    writes_artifacts = True

    def loaded_at(self, at: datetime) -> None:
        """Leave what loads of both products leave, all of it at one time."""
        with psycopg.connect(**self.conninfo) as conn:
            fill = {
                "time": int(at.timestamp() * 1000),
                **{"user_address": "0xa", "coin": "BTC", "side": "B"},
                **{"px": 1, "sz": 1, "oid": 1, "tid": 1},
            }
            load_id = insert_load(conn, [fill])
            conn.execute("update ingestion.load_log set finished_at = %s", [at])
            conn.execute(
                "insert into ingestion.load_log (relation, object, rows_read,"
                " rows_loaded, rows_duplicate, rows_quarantined, time_from, time_to,"
                " started_at, finished_at) values ('market_data.btc_ticks', 'test',"
                " 1, 1, 0, 0, %(at)s, %(at)s, %(at)s, %(at)s)",
                {"at": at},
            )
            conn.execute(
                "insert into ingestion.applied_loads values ('model', %s, %s)",
                [load_id, at],
            )
            conn.execute(
                "insert into ingestion.stream_offsets (source, updated_at)"
                " values ('file:///x', %s)",
                [at],
            )
            conn.execute(
                "insert into ingestion.sequence_runs values ('v', 1, 1, %s, %s)",
                [at, at],
            )
            start = at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)
            conn.execute(
                "insert into market_data.window_5m (window_start, exchange)"
                " values (%s, 'v')",
                [start],
            )

    def freshness(self) -> dict[str, str]:
        """Run the command; return the status by table."""
        self.invoke("source", "freshness")
        results = json.loads((self.folder / "target/sources.json").read_text())
        return {
            result["unique_id"].removeprefix("source.vigil."): result["status"]
            for result in results["results"]
        }


@pytest.fixture
def project(tmp_path: Path, database: Database) -> FreshProject:
    made = FreshProject(tmp_path, database.conninfo)
    made.create_sources()
    return made


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(minutes=10), "pass"),
        (timedelta(hours=7), "warn"),
        (timedelta(days=3), "error"),
    ],
)
def test_the_age_of_the_data_decides(
    project: FreshProject, age: timedelta, status: str
) -> None:
    project.loaded_at(datetime.now(UTC) - age)
    assert project.freshness() == dict.fromkeys(FRESH, status)


def test_where_nothing_was_ever_loaded_nothing_is_fresh(project: FreshProject) -> None:
    assert project.freshness() == dict.fromkeys(FRESH, "error")


@pytest.mark.any_server
def test_the_big_tables_are_not_read(project: FreshProject) -> None:
    """Fills and ticks are answered for by the log, windows by the end of an index."""
    project.loaded_at(datetime.now(UTC))
    big = ("hyperliquid.fills", "market_data.btc_ticks")
    with psycopg.connect(**project.conninfo, autocommit=True) as conn:
        for name in big:
            conn.execute(f"alter table {name} rename to hidden")
            try:
                # Only the tables themselves are hidden: the answer is the same.
                assert project.freshness()[name] == "pass"
            finally:
                schema = name.partition(".")[0]
                conn.execute(
                    f"alter table {schema}.hidden rename to {name.partition('.')[2]}"
                )
        conn.execute(
            "insert into market_data.window_5m (window_start, exchange)"
            " select start, 'v' from generate_series(timestamptz '2024-01-01Z',"
            " '2024-06-01Z', interval '5 minutes') as start"
        )
        conn.execute("analyze market_data.window_5m")
        plan = conn.execute(
            "explain (analyze, format json)"
            " select max(window_start) from market_data.window_5m"
        ).fetchone()
    assert plan is not None
    assert _rows_read(plan[0][0]["Plan"]) < 10


def _rows_read(node: dict[str, Any]) -> float:
    own = 0.0
    if "Relation Name" in node:
        own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node[
            "Actual Loops"
        ]
    return own + sum(_rows_read(child) for child in node.get("Plans", ()))
