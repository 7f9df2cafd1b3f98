"""The figures as a table and as ``results.json``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypedDict

import psycopg
from rich.console import Console
from rich.table import Table

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
        How many runs the value is the median of.
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
    """Make a figure and its ratio.

    Parameters
    ----------
    name, value, unit, peer, peer_value
        See `Figure`.
    runs
        None for as many as the command was asked for.
    """
    ratio = value / peer_value if peer_value else None
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=peer,
        peer_value=peer_value,
        ratio=ratio,
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
    available = conn.execute(
        "select name, default_version from pg_available_extensions"
        " where name in ('timescaledb', 'vector') order by name"
    )
    found = {"postgresql": version, **dict(available.fetchall())}
    [(licence,)] = conn.execute(
        "select current_setting('timescaledb.license', true)"
    ).fetchall()
    if licence is None:  # it is there and not loaded
        found.pop("timescaledb", None)
    else:
        found["edition"] = "community" if licence == "timescale" else "apache"
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


def write(path: Path, results: Results) -> None:
    """Write ``results.json``."""
    path.write_text(f"{json.dumps(results, indent=2)}\n", encoding="utf-8")


def show(console: Console, results: Results) -> None:
    """Print the machine and the table."""
    console.print(*describe(results["machine"]), sep="\n", highlight=False)
    table = Table(box=None, title="Benchmarks", title_justify="left")
    for heading in ("figure", "server", "value", "", "peer", "peer's", "ratio", "runs"):
        is_number = heading in ("value", "peer's", "ratio", "runs")
        table.add_column(heading, justify="right" if is_number else "left")
    for each in results["figures"]:
        table.add_row(
            each["name"],
            each["server"] or "",
            number(each["value"]),
            each["unit"],
            each["peer"] or "",
            number(each["peer_value"]),
            "" if each["ratio"] is None else f"{each['ratio']:.2f}",
            str(each["runs"] or ""),
        )
    console.print(table)


def describe(machine: Mapping[str, Any]) -> list[str]:
    """Return lines about the machine, its packages, and each server."""
    if "versions" not in machine:  # a file of before there were several servers
        return [", ".join(f"{name} {value}" for name, value in machine.items())]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}",
        _pairs(machine["versions"]),
    ]
    for name, found in machine["servers"].items():
        settings = _pairs(found["settings"])
        lines.append(f"{name}: {_pairs(found['versions'])}; {settings}")
    return lines


def number(value: float | None) -> str:
    """Print a number to three digits or whole."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
