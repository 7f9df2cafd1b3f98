"""Fills as the loader reads them → the columns that the fold needs, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

#: Columns of a fill on its way to the fold, as Spark and as Arrow write them. Decimals
#: are text, as checked by the loader: no engine's idea of a decimal touches them.
FILL_SCHEMA = pa.schema(
    [
        ("time", pa.int64()),
        ("user_address", pa.string()),
        ("coin", pa.string()),
        ("px", pa.string()),
        ("sz", pa.string()),
        ("side", pa.string()),
        ("dir", pa.string()),
        ("start_position", pa.string()),
        ("closed_pnl", pa.string()),
        ("fee", pa.string()),
        ("oid", pa.int64()),
        ("tid", pa.int64()),
        ("block_number", pa.int64()),
        ("event_index", pa.int64()),
        ("is_own_liquidation", pa.bool_()),
        ("arrival", pa.int64()),
    ]
)
NUMERICS = ("px", "sz", "start_position", "closed_pnl", "fee")

#: Rows that an object may have: `arrival` is the load's id, then the row.
_MOST_ROWS = 1 << 32


def fill_columns(rows: pa.RecordBatch, load_id: int, first_row: int) -> pa.RecordBatch:
    """Choose and derive the columns of `FILL_SCHEMA`.

    Parameters
    ----------
    rows
        Good rows of a `loaders.chunk.Chunk` of fills.
    load_id
        The load that brought the object they are from.
    first_row
        Number of the first of them in its object.

    Returns
    -------
    pyarrow.RecordBatch
        ``arrival`` orders the rows of all objects by load, then by place in the object.
    """
    number = np.arange(first_row, first_row + rows.num_rows)
    derived = {
        "is_own_liquidation": _own_liquidations(rows),
        "arrival": pa.array(load_id * _MOST_ROWS + number, pa.int64()),
    }
    arrays = [
        derived[field.name] if field.name in derived else rows.column(field.name)
        for field in FILL_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=FILL_SCHEMA)


def _own_liquidations(rows: pa.RecordBatch) -> pa.Array:
    """Tell whether the liquidated one is the row's trader; null where nobody was."""
    notes = rows.column("liquidation")
    if notes.null_count == len(notes):
        return pa.nulls(len(notes), pa.bool_())
    liquidated: dict[str | None, str | None] = {
        text: _liquidated_user(orjson.loads(text))
        for text in pc.unique(notes.drop_null()).to_pylist()
    }
    named = pa.array(map(liquidated.get, notes.to_pylist()), pa.string())
    return pc.equal(named, pc.utf8_lower(rows.column("user_address")))


def _liquidated_user(note: Any) -> str | None:
    user = note.get("liquidatedUser") if isinstance(note, dict) else None
    return user.lower() if isinstance(user, str) else None


def without_duplicates(fills: pa.Table) -> pa.Table:
    """Leave each fill once, the one that arrived first.

    The keys are those of ``hyperliquid.fills``: ``(time, coin, tid, side)``, and where
    ``tid`` is 0 ``(time, user_address, coin, side, oid)``. All rows of a millisecond
    must be there.
    """
    is_dust = pc.equal(fills["tid"], 0)
    none = pa.scalar(None, pa.string())
    keys = fills.select(["time", "coin", "tid", "side", "arrival"])
    keys = keys.append_column("user", pc.if_else(is_dust, fills["user_address"], none))
    keys = keys.append_column("oid", pc.if_else(is_dust, fills["oid"], 0))
    first = keys.group_by(
        ["time", "coin", "tid", "side", "user", "oid"], use_threads=False
    ).aggregate([("arrival", "min")])
    if first.num_rows == fills.num_rows:
        return fills
    return fills.filter(pc.is_in(fills["arrival"], first["arrival_min"]))
