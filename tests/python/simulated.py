"""Tapes of the simulator, made by the command that users type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from devdb.conninfo import PROJECT_DIR


def simulate(folder: Path, *options: str) -> Path:
    """Write a tape of fills into a folder, and return the folder."""
    subprocess.run(
        [sys.executable, "-m", "loaders.simulate", str(folder), *options],
        cwd=PROJECT_DIR,
        check=True,
        capture_output=True,
    )
    return folder
