"""The figures as a table and as ``results.json``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import psycopg
from rich.console import Console
from rich.table import Table

from devdb.database import describe


class Figure(TypedDict):
    """One measurement.

    Keys
    ----
    name, value, unit
        What was measured; a rate (more is better) or a time or size (less is better).
    peer, peer_value
        What it stands against, measured in the same run; None where there is none.
    ratio
        value / peer_value.
    """

    name: str
    value: float
    unit: str
    peer: str | None
    peer_value: float | None
    ratio: float | None


def figure(
    name: str,
    value: float,
    unit: str,
    peer: str | None = None,
    peer_value: float | None = None,
) -> Figure:
    """Make a figure and its ratio."""
    ratio = value / peer_value if peer_value else None
    return Figure(
        name=name,
        value=value,
        unit=unit,
        peer=peer,
        peer_value=peer_value,
        ratio=ratio,
    )


def machine(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """Describe where the figures come from."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "server": describe(conn),
    }


def write(path: Path, machine: dict[str, Any], figures: Sequence[Figure]) -> None:
    """Write ``results.json``."""
    text = json.dumps({"machine": machine, "figures": list(figures)}, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")


def show(console: Console, figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(box=None, title="Benchmarks", title_justify="left")
    for heading in ("figure", "value", "", "peer", "peer's", "ratio"):
        number = heading in ("value", "peer's", "ratio")
        table.add_column(heading, justify="right" if number else "left")
    for each in figures:
        table.add_row(
            each["name"],
            _number(each["value"]),
            each["unit"],
            each["peer"] or "",
            _number(each["peer_value"]),
            "" if each["ratio"] is None else f"{each['ratio']:.2f}",
        )
    console.print(table)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"
