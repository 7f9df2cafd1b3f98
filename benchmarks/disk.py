"""Check that the disk has room for a run."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import psycopg

#: Bytes a fill takes, measured: on the tape, and in all tables with their indexes and
#: what builds them.
TAPE_BYTES = 55
DATABASE_BYTES = 470
#: The server's log of changes, and what queries sort on disk.
SERVER_BYTES = 6 << 30


def check_space(
    server: Mapping[str, Any], scratch: Path, fills: int, *, has_tape: bool
) -> None:
    """Refuse a run that does not fit on the disk.

    Parameters
    ----------
    server
        Arguments for `psycopg.connect`; only a server on this machine is looked at.
    scratch
        Where a tape would go.
    fills
        How many.
    has_tape
        Whether there is a tape already.

    Raises
    ------
    click.ClickException
        With what is needed and what is free.
    """
    needed = {scratch: 0 if has_tape else fills * TAPE_BYTES}
    with psycopg.connect(**server) as conn:
        [(data,)] = conn.execute("show data_directory").fetchall()
    if Path(data).is_dir():
        needed[Path(data)] = fills * DATABASE_BYTES + SERVER_BYTES
    by_disk: Counter[int] = Counter()
    for path, size in needed.items():
        by_disk[path.stat().st_dev] += size
    for path in needed:
        wanted = by_disk[path.stat().st_dev]
        free = shutil.disk_usage(path).free
        if free < wanted:
            raise click.ClickException(
                f"{fills:,} fills need about {wanted / 2**30:.0f} GiB of disk at "
                f"{path}; {free / 2**30:.0f} GiB are free"
            )
