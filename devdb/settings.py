"""Server settings, scaled to the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MiB = 1 << 20
GiB = 1 << 30

CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_bytes() -> int:
    """Return the memory this process may use: the machine's or its container's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in CGROUP_LIMITS:
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):  # no such controller, or "max"
            continue
    return total


def shared_memory_type() -> str:
    """Return ``posix``, or ``mmap`` where a container's ``/dev/shm`` is too small."""
    try:
        space = os.statvfs("/dev/shm")
    except OSError:
        return "posix"
    return "posix" if space.f_frsize * space.f_blocks >= GiB else "mmap"


def development_settings(memory: int) -> dict[str, str]:
    """Return settings for bulk loads and analytical queries by a handful of sessions.

    Parameters
    ----------
    memory
        Bytes to scale to; about a third of them will be used at most.
    """
    return {
        "shared_buffers": _size(memory // 8, 128 * MiB, 4 * GiB),
        "effective_cache_size": _size(memory // 2, 256 * MiB, 64 * GiB),
        "work_mem": _size(memory // 256, 8 * MiB, 128 * MiB),
        "maintenance_work_mem": _size(memory // 16, 64 * MiB, GiB),
        "dynamic_shared_memory_type": shared_memory_type(),
        "max_wal_size": _size(memory // 4, GiB, 4 * GiB),
        "checkpoint_timeout": "15min",
        # A crash may lose the last transactions, whole ones: fine for data that can be
        # loaded again.
        "synchronous_commit": "off",
        # No replicas and no backups: rows copied into a new table skip the log.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "random_page_cost": "1.1",
        # Compiling costs more than it saves on queries of a second or two.
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_line_prefix": "'%m [%p] %q%d '",
    }


def throwaway_settings(memory: int) -> dict[str, str]:
    """Return settings for a temporary cluster: nothing is durable."""
    return {
        **development_settings(memory // 4),
        "fsync": "off",
        "full_page_writes": "off",
    }


def timescale_settings() -> dict[str, str]:
    """Return additional settings for a server with TimescaleDB.

    Every database with the extension has a scheduler and its jobs have workers: a test
    session has dozens of databases.
    """
    return {
        "shared_preload_libraries": "timescaledb",
        "timescaledb.telemetry_level": "off",
        "timescaledb.max_background_workers": "32",
        "max_worker_processes": "64",
    }


def render(settings: Mapping[str, str]) -> str:
    """Return the text of a ``postgresql.conf``."""
    lines = [f"{name} = {value}" for name, value in settings.items()]
    header = "# Written at every start; your own settings: ALTER SYSTEM SET …"
    return "\n".join([header, *lines, ""])


def _size(value: int, least: int, most: int) -> str:
    return f"{min(max(value, least), most) // MiB}MB"
