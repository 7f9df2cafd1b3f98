"""The order in which a trader's fills in a coin happened.

Time first. Within one millisecond the place in the block where the tape gives it;
otherwise the order in which the reported positions chain: every fill leads from its
``start_position`` to ``start_position + delta``, so a group of fills is a graph, and
the order is a trail through all its edges that begins at the position carried in
(Hierholzer 1873). Never the trade id, which is a hash, but as the last resort that
makes the order the same whatever order the rows come in.

Functions here are plain Python; the compiled ones serve 64-bit integers, the plain ones
arrays of Python's own integers.
"""

from __future__ import annotations

from typing import Any

from pgio.compiled import compilable
from python_jobs.lib.fold_kernel import (
    DELTA,
    FLAGS,
    HAS_PLACE,
    HAS_START,
    PX,
    ROW,
    START,
    TIME,
)
from python_jobs.lib.trails import find_trail, follow, greedy


@compilable
def _precedes(a: Any, b: Any, records: Any, tid: Any) -> bool:
    if records[a, START] != records[b, START]:
        return bool(records[a, START] < records[b, START])
    if records[a, DELTA] != records[b, DELTA]:
        return bool(records[a, DELTA] < records[b, DELTA])
    if tid[records[a, ROW]] != tid[records[b, ROW]]:
        return bool(tid[records[a, ROW]] < tid[records[b, ROW]])
    return bool(records[a, PX] < records[b, PX])


@compilable
def _in_block_precedes(a: Any, b: Any, records: Any, block: Any, event: Any) -> bool:
    if block[records[a, ROW]] != block[records[b, ROW]]:
        return bool(block[records[a, ROW]] < block[records[b, ROW]])
    return bool(event[records[a, ROW]] < event[records[b, ROW]])


@compilable
def _order_group(
    group: Any, records: Any, block: Any, event: Any, tid: Any, carried: Any
) -> None:
    """Bring fills of one millisecond, ``group``, into their order, in place."""
    in_block = True
    chains = True
    buys = 0
    for row in group:
        in_block = in_block and bool(records[row, FLAGS] & HAS_PLACE)
        chains = chains and bool(records[row, FLAGS] & HAS_START)
        buys += 1 if records[row, DELTA] > 0 else 0
    # The common case, without the general one's memory and sorting.
    if chains and not in_block and follow(group, records, carried):
        return
    for i in range(1, group.size):
        row = group[i]
        j = i - 1
        while j >= 0 and (
            _in_block_precedes(row, group[j], records, block, event)
            if in_block
            else _precedes(row, group[j], records, tid)
        ):
            group[j + 1] = group[j]
            j -= 1
        group[j + 1] = row
    if in_block or not chains or buys == group.size:
        return
    if buys == 0:
        group[:] = group[::-1].copy()
        return
    found, path = find_trail(group, records, carried)
    if not found:
        path = greedy(group, records, carried)
    group[:] = group[path]


@compilable
def _after(records: Any, row: Any, position: Any) -> Any:
    """Return the position after a fill, by what it reports where it does."""
    change = records[row, DELTA]
    if change == 0:
        return position
    if records[row, FLAGS] & HAS_START:
        return records[row, START] + change
    return position + change


@compilable
def order_ties(
    begin: int,
    end: int,
    order: Any,
    records: Any,
    block: Any,
    event: Any,
    tid: Any,
    carried: Any,
) -> None:
    """Put a key's fills of the same time into the order they happened, in place.

    Parameters
    ----------
    begin, end, order
        Its fills are ``order[begin:end]``, rows of ``records``, in order of time.
    records
        ``(rows, RECORD_WIDTH)``; amounts are integers of one scale within a key.
    block, event, tid
        Block number and index inside the block, -1 where the tape has none; trade id.
        By the ``ROW`` of a record; they are looked at where times tie.
    carried
        The position before the first.
    """
    at = begin
    while at < end:
        first = at
        now = records[order[at], TIME]
        is_buy = records[order[at], DELTA] > 0
        # Fills that chain as they lie, all one way, need no ordering: most ties.
        chains = True
        in_block = True
        position = carried
        while at < end and records[order[at], TIME] == now:
            row = order[at]
            change, flags = records[row, DELTA], records[row, FLAGS]
            chains = (
                chains
                and change != 0
                and (change > 0) == is_buy
                and flags & HAS_START != 0
                and records[row, START] == position
            )
            in_block = in_block and flags & HAS_PLACE != 0
            position = _after(records, row, position)
            at += 1
        if at - first > 1 and (in_block or not chains):
            _order_group(order[first:at], records, block, event, tid, carried)
            position = carried
            for i in range(first, at):
                position = _after(records, order[i], position)
        carried = position
