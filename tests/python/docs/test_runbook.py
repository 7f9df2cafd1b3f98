"""The runbook: every block of commands has a name, and a test that runs it."""

from __future__ import annotations

import re
from pathlib import Path

from runbook import RUNBOOK, procedures

from pgio.connection import PROJECT_DIR

USED = re.compile(r'(?:commands|in_clone)\(\s*"([a-z-]+)"')


def used() -> set[str]:
    """Return the names of the blocks that the recovery tests run."""
    tests = Path(__file__).parent.glob("test_recovery*.py")
    shared = (PROJECT_DIR / "tests/python/helpers").glob("recovery_*.py")
    texts = [path.read_text(encoding="utf-8") for path in (*tests, *shared)]
    return {name for text in texts for name in USED.findall(text)}


def test_every_block_has_a_name() -> None:
    fences = re.findall(r"^```.*$", RUNBOOK.read_text(encoding="utf-8"), re.M)
    assert len(fences) == 2 * len(procedures())


def test_every_block_is_run_by_a_test() -> None:
    assert used() == set(procedures())
