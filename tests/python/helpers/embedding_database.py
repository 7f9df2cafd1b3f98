"""Fixtures of tests that embed and search; the project itself is a module beside."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from btc_candles import EVENING, HOUR, MIDNIGHT, random_candles
from conftest import Database
from embedding_project import EmbeddingProject


@pytest.fixture
def project(tmp_path: Path, database: Database) -> EmbeddingProject:
    """An empty project in a database of its own."""
    return EmbeddingProject(tmp_path, database.conninfo)


@pytest.fixture(scope="session")
def candles() -> pa.Table:
    """Six hours over midnight, with a gap of an hour."""
    made = random_candles(6 * HOUR, seed=3, start=EVENING, activity=0.1)
    gap = pc.and_(
        pc.greater_equal(made["second"], MIDNIGHT + HOUR),
        pc.less(made["second"], MIDNIGHT + 2 * HOUR),
    )
    return made.filter(pc.invert(gap))
