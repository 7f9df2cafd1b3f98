"""The figures as a table and as ``results.json``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TypedDict

import psycopg

from devdb.database import edition

PACKAGES = ("numpy", "numba", "pyarrow", "psycopg", "dbt-core", "dbt-postgres")
SETTINGS = (
    *("shared_buffers", "work_mem", "maintenance_work_mem", "max_wal_size"),
    *("synchronous_commit", "fsync", "wal_level"),
)


class Figure(TypedDict):
    """One measurement.

    Keys
    ----
    name, value, unit
        What was measured; a rate (more is better) or a time or size (less is better).
    peer, peer_value
        The alternative, measured in the same run, or None.
    ratio
        value / peer_value.
    server
        The server's name, as in the machine's ``servers``; None without a server.
    runs
        How many runs the value is the median of; None for as many as the command was
        asked for.
    """

    name: str
    value: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None
    server: str | None
    runs: int | None


class Results(TypedDict):
    """What ``results.json`` holds."""

    machine: dict[str, Any]
    figures: list[Figure]


def figure(
    name: str,
    value: float,
    unit: str,
    peer: str | None = None,
    peer_value: float | None = None,
    *,
    runs: int | None = None,
) -> Figure:
    """Make a figure and its ratio; see `Figure`."""
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=peer,
        peer_value=peer_value,
        ratio=value / peer_value if peer_value else None,
        server=None,
        runs=runs,
    )


def machine() -> dict[str, Any]:
    """Describe where the figures come from; ``servers`` is still empty."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in PACKAGES}
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
        "servers": {},
    }


def server(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """Describe a server: its versions, and the settings that figures depend on."""
    version = (conn.info.parameter_status("server_version") or "?").split()[0]
    extensions = conn.execute(
        "select extname, extversion from pg_extension"
        " where extname in ('timescaledb', 'vector') order by extname"
    )
    found = {"postgresql": version, **dict(extensions.fetchall())}
    if "timescaledb" in found:
        found["edition"] = edition(conn)
    query = "select name, current_setting(name) from unnest(%s::text[]) as name"
    settings = dict(conn.execute(query, [list(SETTINGS)]).fetchall())
    return {"versions": found, "settings": settings}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.processor() or "unknown"


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as JSON."""
    path.write_text(f"{json.dumps(results, indent=2)}\n", encoding="utf-8")


def report(results: Results) -> str:
    """Return the machine and the figures as Markdown."""
    lines = [f"- {line}" for line in _describe(results["machine"])]
    rows = [
        [
            f"`{each['name']}`",
            each["server"] or "",
            f"{_number(each['value'])} {each['unit']}",
            each["peer"] or "",
            _number(each["peer_value"]),
            "" if each["ratio"] is None else f"{each['ratio']:.2f}",
            str(each["runs"] or ""),
        ]
        for each in results["figures"]
    ]
    header = ["figure", "server", "value", "peer", "peer's value", "ratio", "runs"]
    return "\n".join([*lines, "", markdown(header, rows)])


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns are as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines
    )


def _describe(machine: Mapping[str, Any]) -> list[str]:
    """Return lines about the machine, its packages, and each server."""
    return [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}",
        _pairs(machine["versions"]),
        *(
            f"{name}: {_pairs(found['versions'])}; {_pairs(found['settings'])}"
            for name, found in machine["servers"].items()
        ),
    ]


def _number(value: float | None) -> str:
    """Print a number to three digits or whole."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
