"""The compiled fold of a chunk, key by key.

All steps are done for one key while its records are in the CPU cache. A pass over the
whole chunk for each step would fetch them from memory each time.
"""

from __future__ import annotations

from typing import Any

from pgio.compiled import compiled
from python_jobs.lib.fold.decimals import POWERS
from python_jobs.lib.fold.kernel import STEPS_OF_A_FILL, fold_key
from python_jobs.lib.fold.ordering import order_ties
from python_jobs.lib.fold.records import measure_key, scale_key
from python_jobs.lib.fold.scales import settle_scales


@compiled
def fold_keys(
    keys: Any,
    begin: int,
    stop: int,
    starts: Any,
    records: Any,
    order: Any,
    block: Any,
    event: Any,
    state: Any,
    is_large: Any,
    steps: Any,
) -> Any:
    """Fold the records of keys, one key after the other.

    Parameters
    ----------
    keys, begin, stop
        Rows of ``state``; ``keys[begin:stop]`` are folded.
    starts, records
        The records of ``keys[k]`` are ``starts[k]:starts[k + 1]``, in order of time and
        not scaled yet; changed in place.
    order
        ``(rows,)`` of 0, 1, 2, …; equal times are sorted in it.
    block, event
        Values of the chunk's fills, indexed by the ``ROW`` of a record.
    state
        ``(all keys, STATE_WIDTH)``, changed in place.
    is_large
        ``(keys,)``: keys to skip. Keys that do not fit in 64 bits are added; their
        records and state stay unchanged.
    steps
        ``(capacity, STEP_WIDTH)``, filled from the start.

    Returns
    -------
    tuple of int
        (k, used): the first key that was not folded because ``steps`` had no room, or
        ``stop``; and the number of steps written.
    """
    used = 0
    for k in range(begin, stop):
        first, end = starts[k], starts[k + 1]
        if used + STEPS_OF_A_FILL * (end - first) > steps.shape[0]:
            return k, used
        if is_large[k]:
            continue
        row = state[keys[k]]
        found, sums = measure_key(first, end, records)
        is_narrow, scales = settle_scales(found, sums, row)
        if not is_narrow:
            is_large[k] = True
            continue
        scale_key(first, end, scales, records)
        order_ties(first, end, order, records, block, event, row, POWERS)
        used = fold_key(keys[k], first, end, order, records, POWERS, row, steps, used)
    return stop, used
