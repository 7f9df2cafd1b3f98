"""A copy of the project to break: the same files, the same environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pgio.connection import PROJECT_DIR

_LEFT_BEHIND = (
    *(".git", ".venv", ".vigil", "target", "logs", "dbt_packages", "__pycache__"),
    *(".*_cache", ".hypothesis", "fixtures"),
)


def copy_project(to: Path) -> Path:
    """Copy the project without build artifacts; `make` works in the copy."""
    shutil.copytree(PROJECT_DIR, to, ignore=shutil.ignore_patterns(*_LEFT_BEHIND))
    (to / ".venv").symlink_to(PROJECT_DIR / ".venv")
    # Older than the environment, which `make` would otherwise set up for the copy.
    for name in ("requirements.lock", "pyproject.toml"):
        os.utime(to / name, (0, 0))
    return to
