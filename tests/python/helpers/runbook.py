"""The commands of docs/runbook.md, by the names of their blocks."""

from __future__ import annotations

import re
from functools import cache

from pgio.connection import PROJECT_DIR

# The procedure is tested here, not the data.
WITHOUT_TESTS = {"DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test"}
RUNBOOK = PROJECT_DIR / "docs" / "runbook.md"
BLOCK = re.compile(r"^```sh (?P<name>[a-z-]+)\n(?P<commands>.*?)^```$", re.S | re.M)


@cache
def procedures() -> dict[str, str]:
    """Return the commands of each block."""
    found = BLOCK.findall(RUNBOOK.read_text(encoding="utf-8"))
    assert len(dict(found)) == len(found), "two blocks of one name"
    return dict(found)


def commands(name: str) -> str:
    """Return the commands of a block."""
    return procedures()[name]
