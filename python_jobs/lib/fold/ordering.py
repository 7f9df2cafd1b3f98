"""The order in which a trader's fills in a coin happened.

Time comes first. Within one millisecond:

- all fills have a block: the place in the block;
- not all have a ``start_position``: the place in the file;
- only buys: ascending ``start_position``; only sells: descending;
- buys and sells: the trail through all fills, each of which leads from its
  ``start_position`` to ``start_position + delta``. If there are several trails, the
  reported profit decides, then the place in the file; if there is none, the chain is
  followed as far as it goes (`trails`).

Where the place in the file is unknown or equal, values of the fills decide (start,
price, size, profit), so that the order is always the same. The trade id is never used:
it is a hash.

The same functions run compiled, on 64-bit integers, and as plain Python, on arrays of
Python integers for large values.

After a change of the order, here or in `trails`, increase `RULES` in positions.py:
stored positions are then computed again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pgio.compiled import compilable
from python_jobs.lib.fold.kernel import (
    DELTA,
    FLAGS,
    HAS_PLACE,
    HAS_START,
    PNL,
    POSITION,
    PX,
    ROW,
    SEEN,
    START,
    STEP_WIDTH,
    STEPS_OF_A_FILL,
    TIME,
    fold_key,
)
from python_jobs.lib.fold.trails import find_trail, follow, greedy


@compilable
def _in_block_precedes(a: Any, b: Any, records: Any, block: Any, event: Any) -> bool:
    if block[records[a, ROW]] != block[records[b, ROW]]:
        return bool(block[records[a, ROW]] < block[records[b, ROW]])
    return bool(event[records[a, ROW]] < event[records[b, ROW]])


@compilable
def _in_file_precedes(a: Any, b: Any, records: Any, event: Any) -> bool:
    """Compare places in the file; without them, compare the values of the fills."""
    if event[records[a, ROW]] != event[records[b, ROW]]:
        return bool(event[records[a, ROW]] < event[records[b, ROW]])
    start_a = records[a, START] if records[a, DELTA] > 0 else -records[a, START]
    start_b = records[b, START] if records[b, DELTA] > 0 else -records[b, START]
    if start_a != start_b:
        return bool(start_a < start_b)
    if records[a, PX] != records[b, PX]:
        return bool(records[a, PX] < records[b, PX])
    if records[a, DELTA] != records[b, DELTA]:
        return bool(abs(records[a, DELTA]) < abs(records[b, DELTA]))
    return bool(records[a, PNL] < records[b, PNL])


#: The first key of `_sort`.
_BY_BLOCK, _BY_FILE, _UP, _DOWN = range(4)


@compilable
def _sort(group: Any, by: int, records: Any, block: Any, event: Any) -> None:
    """Sort fills by block, file, or start (up or down), then file, in place."""
    for i in range(1, group.size):
        row = group[i]
        start = records[row, START]
        j = i - 1
        while j >= 0:
            other = group[j]
            if by == _BY_BLOCK:
                precedes = _in_block_precedes(row, other, records, block, event)
            elif by == _BY_FILE or start == records[other, START]:
                precedes = _in_file_precedes(row, other, records, event)
            else:
                precedes = bool(start < records[other, START]) == (by == _UP)
            if not precedes:
                break
            group[j + 1] = other
            j -= 1
        group[j + 1] = row


@compilable
def _is_mixed(
    group: Any, records: Any, block: Any, event: Any, carried: Any, is_seen: Any
) -> bool:
    """Order fills of one millisecond in place; True if `find_trail` has to do it."""
    in_block = True
    has_starts = True
    buys = 0
    for row in group:
        in_block = in_block and bool(records[row, FLAGS] & HAS_PLACE)
        has_starts = has_starts and bool(records[row, FLAGS] & HAS_START)
        buys += 1 if records[row, DELTA] > 0 else 0
    if in_block:
        _sort(group, _BY_BLOCK, records, block, event)
        return False
    if not has_starts:
        _sort(group, _BY_FILE, records, block, event)
        return False
    # The common case needs neither memory nor sorting.
    if is_seen and follow(group, records, carried):
        return False
    _sort(group, _UP if buys > 0 else _DOWN, records, block, event)
    return bool(0 < buys < group.size)


@compilable
def _after(records: Any, row: Any, position: Any) -> Any:
    """Return the position after a fill, by its reported start if it has one."""
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
    state: Any,
    powers: Any,
) -> None:
    """Sort fills of a key with equal times into the order they happened, in place.

    Parameters
    ----------
    begin, end, order
        Its fills are ``order[begin:end]``, rows of ``records``, in order of time.
    records
        ``(rows, RECORD_WIDTH)``; amounts are integers of one scale within a key.
    block, event
        Block number, -1 where the data have none; and the index inside the block or,
        without a block, the place in the file, -1 where it is unknown. Indexed by the
        ``ROW`` of a record; read only for equal times.
    state
        ``(STATE_WIDTH,)``: the key's state before the first, not changed.
    powers
        Powers of ten.
    """
    at = begin
    carried = state[POSITION]
    # The state before the fills of this millisecond; updated only where a trail needs
    # it.
    current = state.copy()
    folded = begin
    while at < end:
        first = at
        now = records[order[at], TIME]
        is_buy = records[order[at], DELTA] > 0
        # Most ties need no sorting: the fills chain as they are, in one direction.
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
            group = order[first:at]
            is_seen = state[SEEN] != 0 or first > begin
            if _is_mixed(group, records, block, event, carried, is_seen):
                most = STEPS_OF_A_FILL * (first - folded)
                room = np.empty((most, STEP_WIDTH), records.dtype)
                fold_key(0, folded, first, order, records, powers, current, room, 0)
                folded = first
                found, path = find_trail(group, records, event, current, powers)
                if not found:
                    path = greedy(group, records, current)
                group[:] = group[path]
            position = carried
            for i in range(first, at):
                position = _after(records, order[i], position)
        carried = position
