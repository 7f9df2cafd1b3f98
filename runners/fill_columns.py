"""Select from the loader's fills the columns that the fold needs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_INTEGERS = ("time", "oid", "tid", "block_number", "event_index", "arrival")
#: Columns of a fill for the fold. Decimals are text, validated by the loader, so no
#: engine's decimal type can change them.
FILL_SCHEMA = pa.schema(
    [
        (name, pa.int64() if name in _INTEGERS else pa.string())
        for name in (
            *("time", "user_address", "coin", "px", "sz", "side", "dir"),
            *("start_position", "closed_pnl", "fee", "oid", "tid"),
            *("block_number", "event_index", "liquidation", "arrival"),
        )
    ]
)
#: Most rows of an object: `arrival` is load id × this + row number.
_MOST_ROWS = 1 << 32


def fill_columns(rows: pa.RecordBatch, load_id: int, first_row: int) -> pa.RecordBatch:
    """Select and compute the columns of `FILL_SCHEMA`.

    Parameters
    ----------
    rows
        Valid rows of a `loaders.chunk.Chunk` of fills.
    load_id
        The load of their object.
    first_row
        Number of the first of these rows in the object.

    Returns
    -------
    pyarrow.RecordBatch
        ``arrival`` sorts the rows of all objects by load, then by place in the object.
    """
    number = np.arange(first_row, first_row + rows.num_rows)
    arrival = pa.array(load_id * _MOST_ROWS + number, pa.int64())
    arrays = [
        arrival if name == "arrival" else rows.column(name)
        for name in FILL_SCHEMA.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=FILL_SCHEMA)


def without_duplicates(fills: pa.Table) -> pa.Table:
    """Remove duplicates; the fill with the least ``arrival`` is kept.

    The keys are those of ``hyperliquid.fills``: ``(time, coin, tid, side)``, or
    ``(time, user_address, coin, side, oid)`` where ``tid`` is 0. ``fills`` must contain
    all rows of each millisecond.
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
