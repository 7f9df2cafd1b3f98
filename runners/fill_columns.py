"""Fills as the loader reads them → the columns that the fold needs, and no others."""

from __future__ import annotations

import numpy as np
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
        ("liquidation", pa.string()),
        ("arrival", pa.int64()),
    ]
)
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
    arrival = pa.array(load_id * _MOST_ROWS + number, pa.int64())
    arrays = [
        arrival if name == "arrival" else rows.column(name)
        for name in FILL_SCHEMA.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=FILL_SCHEMA)


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
