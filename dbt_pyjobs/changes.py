"""What a Python model hands back, and what all of it comes down to."""

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
    """A model's result together with what it means for the table.

    On a first build or a full refresh ``rows`` is the whole table, and ``deletes`` and
    ``scope`` mean nothing. On an incremental run the rows are put in place by
    ``unique_key``; a row that is there already and equal is not written again.

    Attributes
    ----------
    rows
        Rows to put in place: an Arrow table, a frame of pandas, polars or another
        library that hands out Arrow (``__arrow_c_stream__``), or an iterable of record
        batches or frames, which is consumed as it is written: memory holds a few.
    deletes
        The ``unique_key`` columns of rows to remove. A key that is in ``rows`` as well
        stays.
    scope
        An SQL predicate on the table's own columns. Where it holds, ``rows`` is the
        complete content: other rows there are removed. ``"true"`` means all of it.
    loads
        Ids of ``ingestion.load_log`` to mark as applied by this model, in the
        transaction that writes the rows.
    fingerprint
        Text to keep in ``ops.model_state``, in the same transaction.
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
    """Turn what a model returned into `Changes`, or None for "nothing new".

    Raises
    ------
    TypeError
        The model returned something that is neither.
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
    """Say whether rows are a pandas frame, without loading pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(rows, pandas.DataFrame)


def iter_pieces(rows: Any) -> Iterator[Any]:
    """Yield a result that is one table or frame, or each one that it yields.

    Raises
    ------
    TypeError
        It yields something else.
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
    """Yield the record batches of a table, a batch or a frame that is not pandas'.

    At least one batch is yielded, so that an empty table has its columns checked like
    any other.
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
