"""Fixtures: empty tables for the loader of ticks, and small chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pgio.connection import connect

Database = psycopg.Connection[Any]

TABLES = (
    *("market_data.btc_ticks", "market_data.window_5m", "ingestion.load_log"),
    *("ingestion.quarantine", "ingestion.stream_offsets", "ingestion.sequence_runs"),
    "ops.retention_marks",
)


@pytest.fixture
def ticks_db(
    loading_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """Connection to empty tables for ticks; the loader uses them too."""
    monkeypatch.setenv("PGDATABASE", loading_database)
    with connect(autocommit=True) as conn:
        conn.execute(f"truncate {', '.join(TABLES)}")
        yield conn
        conn.execute("truncate ops.retention_marks")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """Set a small chunk size, so that a test load has many transactions."""
    rows = 100
    monkeypatch.setattr("loaders.lines.BATCH_LINES", rows)
    return rows
