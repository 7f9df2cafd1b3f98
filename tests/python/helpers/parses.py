"""dbt's parse of the project, taken over from test to test.

Parsing all macros takes dbt some seconds, more than most tests take otherwise. Its own
partial parsing reads again only the files that differ, so a new project may start from
what dbt kept of an earlier one of its kind that named the same database. From one of
another kind it may have to forget functions, at which dbt 1.12 fails and reads
everything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

KEPT = "partial_parse.msgpack"
Key = tuple[Any, ...]
_parses: dict[Key, bytes] = {}


def take_over(target: Path, conninfo: dict[str, Any], kind: type) -> None:
    """Give a new project what dbt kept of an earlier one, if there was any."""
    found = _parses.get(_key(conninfo, kind))
    if found is not None:
        target.mkdir()
        (target / KEPT).write_bytes(found)


def keep(target: Path, conninfo: dict[str, Any], kind: type) -> None:
    """Remember what dbt kept of a project, if it is the first of its kind."""
    key = _key(conninfo, kind)
    if key not in _parses and (target / KEPT).exists():
        _parses[key] = (target / KEPT).read_bytes()


def _key(conninfo: dict[str, Any], kind: type) -> Key:
    return (kind, *(conninfo[name] for name in ("host", "port", "user", "dbname")))
