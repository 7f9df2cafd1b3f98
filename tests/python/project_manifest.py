"""The project as dbt parses it, for tests of what stands in it; no server is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from review.parse import parse

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def project_manifest() -> dict[str, Any]:
    """The manifest of the repository's own project."""
    parsed = parse(REPO)
    assert parsed.manifest is not None, parsed.warnings
    return parsed.manifest
