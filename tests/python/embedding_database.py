"""The fixture of tests that embed and search; the project itself is a module beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from embedding_project import EmbeddingProject


@pytest.fixture
def project(
    tmp_path: Path, make_database: Callable[[], dict[str, Any]]
) -> EmbeddingProject:
    """An empty project in a database of its own."""
    return EmbeddingProject(tmp_path, make_database())
