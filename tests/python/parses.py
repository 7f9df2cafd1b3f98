"""dbt's parse of the project, taken over from test to test.

Parsing all macros takes dbt some seconds, more than most tests take otherwise. Its own
partial parsing reads again only the files that differ, so a new project may start from
what dbt kept of any earlier one that named the same database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

KEPT = "partial_parse.msgpack"
Connection = tuple[Any, ...]
_parses: dict[Connection, bytes] = {}


def take_over(target: Path, conninfo: dict[str, Any]) -> None:
    """Give a new project what dbt kept of an earlier one, if there was any."""
    found = _parses.get(_connection(conninfo))
    if found is not None:
        target.mkdir()
        (target / KEPT).write_bytes(found)


def keep(target: Path, conninfo: dict[str, Any]) -> None:
    """Remember what dbt kept of a project, if it is the first of its database."""
    if _connection(conninfo) not in _parses and (target / KEPT).exists():
        _parses[_connection(conninfo)] = (target / KEPT).read_bytes()


def _connection(conninfo: dict[str, Any]) -> Connection:
    return tuple(conninfo[name] for name in ("host", "port", "user", "dbname"))
