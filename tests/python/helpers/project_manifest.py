"""dbt's manifest of the project, parsed without a server."""

from __future__ import annotations

from typing import Any

import pytest

from pgio.connection import PROJECT_DIR
from review.parse import parse


@pytest.fixture(scope="session")
def project_manifest() -> dict[str, Any]:
    """The manifest of the repository's own project."""
    parsed = parse(PROJECT_DIR)
    assert parsed.manifest is not None, parsed.warnings
    return parsed.manifest
