"""dbt's parse of a project, reused by the next test.

Parsing all macros takes dbt some seconds, more than the rest of most tests. dbt's
partial parsing reads only files that differ, so a new project may start from the stored
parse of an earlier project of the same kind and database. With another kind dbt may
have to delete functions from the parse, at which 1.12 fails and reads everything.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

KEPT = "partial_parse.msgpack"
Key = tuple[Any, ...]
#: What names a server's database.
PLACE = ("host", "port", "user", "dbname")
_parses: dict[Key, bytes] = {}


def take_over(target: Path, conninfo: dict[str, Any], kind: Hashable) -> None:
    """Copy the stored parse into a new project, if there is one."""
    found = _parses.get(_key(conninfo, kind))
    if found is not None:
        target.mkdir()
        (target / KEPT).write_bytes(found)


def keep(target: Path, conninfo: dict[str, Any], kind: Hashable) -> None:
    """Store the parse of a project, if it is the first of its kind."""
    key = _key(conninfo, kind)
    if key not in _parses and (target / KEPT).exists():
        _parses[key] = (target / KEPT).read_bytes()


def _key(conninfo: dict[str, Any], kind: Hashable) -> Key:
    return (kind, *(conninfo[name] for name in PLACE))
