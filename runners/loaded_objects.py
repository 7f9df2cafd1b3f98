"""The objects that a table was loaded from, according to the load log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg

from loaders import ledger
from loaders.errors import SetupError
from loaders.fills import FILLS
from loaders.objects import Object
from runners.remote_objects import RemoteObject


@dataclass(frozen=True)
class LoadedObjects:
    """All loaded objects of a table.

    Attributes
    ----------
    objects
        The objects in their present version, each with the id of its first load.
    loads
        Ids of all loads.
    rows
        Rows that the loads stored.
    """

    objects: list[RemoteObject]
    loads: list[int]
    rows: int


def loaded_fills(
    connection: psycopg.Connection[Any],
    found: Sequence[Object],
    request_payer: bool = False,
) -> LoadedObjects:
    """Check that the stored fills were loaded from exactly these objects.

    The raw table stays the source: after a late fill dbt folds a key again from there.

    Raises
    ------
    SetupError
        An object is not loaded, a loaded object is missing or has changed, or fills
        were dropped or replaced.
    """
    ledger.check_tables(connection, FILLS.relation)
    rows = connection.execute(
        """
        select
            load_id, object, object_size, etag, rows_loaded,
            coalesce(rows_replaced, 0) as rows_replaced
        from ingestion.load_log where relation = %s order by load_id
        """,
        [FILLS.relation],
    ).fetchall()
    versions = {uri: (size, etag) for _, uri, size, etag, *_ in rows}
    _check(found, versions)
    if any(row[5] for row in rows):
        raise SetupError(
            "stored fills were replaced (load_to_db fills --replace): their objects no "
            "longer say what the table has. Use: dbt build"
        )
    _check_complete(connection)
    first = {uri: load_id for load_id, uri, *_ in reversed(rows)}
    return LoadedObjects(
        [RemoteObject.of(each, first[each.uri], request_payer) for each in found],
        [row[0] for row in rows],
        sum(row[4] for row in rows),
    )


def _check(found: Sequence[Object], versions: Mapping[str, tuple[int, str]]) -> None:
    new = [
        each.uri for each in found if versions.get(each.uri) != (each.size, each.etag)
    ]
    if new:
        raise SetupError(
            f"{_some(new)} not loaded as it is now: python -m loaders.load_to_db fills "
            "with the same paths first"
        )
    missing = sorted(versions.keys() - {each.uri for each in found})
    if missing:
        raise SetupError(
            f"{_some(missing)} loaded, and not among the paths: positions need all "
            "fills there are"
        )


def _check_complete(connection: psycopg.Connection[Any]) -> None:
    """Raise an error if old fills were dropped; both look-ups are fast by an index."""
    row = connection.execute(
        """
        select
            (
                select min(time_from) from ingestion.load_log where relation = %s
            ) as loaded_from,
            (select min(time) from hyperliquid.fills) as kept_from
        """,
        [FILLS.relation],
    ).fetchone()
    loaded_from, kept_from = cast("tuple[datetime | None, int | None]", row)
    if loaded_from is not None and (
        kept_from is None or FILLS.to_datetime(kept_from) > loaded_from
    ):
        raise SetupError(
            f"fills from {loaded_from.isoformat()} on were loaded and the first are no "
            "longer there: what the objects give is not what dbt goes on from"
        )


def _some(uris: Sequence[str]) -> str:
    rest = f" and {len(uris) - 1:,} more are" if len(uris) > 1 else " is"
    return f"{uris[0]}{rest}"
