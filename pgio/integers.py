"""Integers of an Arrow column as numpy's; `RowBatch.integers` has the server's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Integers = npt.NDArray[np.int64]


def integers(column: pa.Array | pa.ChunkedArray, null: int | None = None) -> Integers:
    """Return a column of integers, times or booleans as int64, ``(rows,)``.

    Parameters
    ----------
    column
        Of the table or batch; times are counted in their own unit.
    null
        What becomes of NULL.

    Raises
    ------
    ValueError
        There is a NULL, and ``null`` is not given.
    """
    column = column.cast(pa.int64())
    if null is not None:
        column = pc.fill_null(column, null)
    elif column.null_count:
        raise ValueError("a column of integers holds nulls")
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)
