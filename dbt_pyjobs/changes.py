"""The result of a Python model, and its conversion to record batches."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

#: Rows of one batch when a whole table is written.
BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Changes:
    """A model's result, and how it is applied to the table.

    On a first build or a full refresh ``rows`` is the whole table, and ``deletes`` and
    ``scope`` are ignored. On an incremental run the rows are inserted or updated by
    ``unique_key``; a row equal to the stored one is not written.

    Attributes
    ----------
    rows
        Rows to insert or update: an Arrow table, a data frame of pandas, polars or
        another library with ``__arrow_c_stream__``, or an iterable of record batches or
        frames. An iterable is consumed while it is written, so memory holds few
        batches.
    deletes
        The ``unique_key`` columns of rows to delete. A key that is also in ``rows`` is
        not deleted.
    scope
        An SQL condition on the table's columns. ``rows`` is the complete content of the
        rows that meet it: other such rows are deleted. ``"true"`` means the whole
        table.
    loads
        Ids of ``ingestion.load_log`` to mark as applied by this model, in the
        transaction that writes the rows.
    fingerprint
        Text to store in ``ops.model_state``, in the same transaction.
    made_of
        What all rows depend on apart from the loads, as JSON-compatible values: rules,
        settings, definitions of upstream models. It is stored in ``ops.model_builds``
        when the whole model is computed. If it differs in a later run, dbt's log shows
        what differs.
    """

    rows: Any
    deletes: Any | None = None
    scope: str | None = None
    loads: Sequence[int] = ()
    fingerprint: str | None = None
    made_of: Mapping[str, Any] | None = None


def as_changes(result: Any) -> Changes | None:
    """Convert the result of a model to `Changes`; None means that nothing is new.

    Raises
    ------
    TypeError
        The model returned an object of another type.
    """
    if result is None:
        return None
    changes = result if isinstance(result, Changes) else Changes(rows=result)
    if isinstance(changes.rows, (str, bytes, dict)) or not (
        hasattr(changes.rows, "__arrow_c_stream__") or hasattr(changes.rows, "__iter__")
    ):
        raise TypeError(
            "a Python model returns a data frame (pandas, polars), a pyarrow.Table, an "
            "iterator of these, dbt_pyjobs.Changes, or None when nothing is new; "
            f"this one returned {type(changes.rows).__name__}"
        )
    return changes


def is_pandas(rows: Any) -> bool:
    """Return whether rows are a pandas frame, without importing pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(rows, pandas.DataFrame)


def iter_pieces(rows: Any) -> Iterator[Any]:
    """Yield the tables or frames of a result, which may be a single one.

    Raises
    ------
    TypeError
        The result yields an object of another type.
    """
    if hasattr(rows, "__arrow_c_stream__"):
        yield rows
        return
    for piece in rows:
        if not hasattr(piece, "__arrow_c_stream__"):
            raise TypeError(
                "the iterator a Python model returns yields record batches or data "
                f"frames; this one yielded {type(piece).__name__}"
            )
        yield piece


def iter_batches(piece: Any) -> Iterator[pa.RecordBatch]:
    """Yield the record batches of a table, a batch, or a frame other than pandas'.

    At least one batch is yielded, so the columns of an empty table are checked too.
    """
    if isinstance(piece, pa.Table):
        reader = piece.to_reader(max_chunksize=BATCH_ROWS)
    else:
        reader = pa.RecordBatchReader.from_stream(piece)
    batch = None
    for batch in reader:
        yield batch
    if batch is None:
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)
