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

from pgio.compiled import compilable, compiled
from python_jobs.lib.fold_kernel import HAS_PLACE, HAS_START
from python_jobs.lib.trails import find_trail, follow, greedy


@compilable
def _precedes(
    a: Any, b: Any, start: Any, delta: Any, px: Any, tid: Any, source: Any
) -> bool:
    if start[a] != start[b]:
        return bool(start[a] < start[b])
    if delta[a] != delta[b]:
        return bool(delta[a] < delta[b])
    if tid[source[a]] != tid[source[b]]:
        return bool(tid[source[a]] < tid[source[b]])
    return bool(px[a] < px[b])


@compilable
def _in_block_precedes(a: Any, b: Any, block: Any, event: Any, source: Any) -> bool:
    if block[source[a]] != block[source[b]]:
        return bool(block[source[a]] < block[source[b]])
    return bool(event[source[a]] < event[source[b]])


@compilable
def _order_group(
    group: Any,
    block: Any,
    event: Any,
    start: Any,
    flags: Any,
    delta: Any,
    px: Any,
    tid: Any,
    source: Any,
    carried: Any,
) -> None:
    """Bring fills of one millisecond, ``group``, into their order, in place."""
    in_block = True
    chains = True
    buys = 0
    for row in group:
        in_block = in_block and bool(flags[row] & HAS_PLACE)
        chains = chains and bool(flags[row] & HAS_START)
        buys += 1 if delta[row] > 0 else 0
    # The common case, without the general one's memory and sorting.
    if chains and not in_block and follow(group, start, delta, carried):
        return
    for i in range(1, group.size):
        row = group[i]
        j = i - 1
        while j >= 0 and (
            _in_block_precedes(row, group[j], block, event, source)
            if in_block
            else _precedes(row, group[j], start, delta, px, tid, source)
        ):
            group[j + 1] = group[j]
            j -= 1
        group[j + 1] = row
    if in_block or not chains or buys == group.size:
        return
    if buys == 0:
        group[:] = group[::-1].copy()
        return
    found, path = find_trail(group, start, delta, carried)
    if not found:
        path = greedy(group, start, delta, carried)
    group[:] = group[path]


def order_ties(
    bounds: Any,
    order: Any,
    time: Any,
    block: Any,
    event: Any,
    start: Any,
    flags: Any,
    delta: Any,
    px: Any,
    tid: Any,
    source: Any,
    position: Any,
) -> None:
    """Put fills of the same key and time into the order they happened, in place.

    Parameters
    ----------
    bounds
        ``(keys, 2)``: fills of key ``k`` are ``order[bounds[k, 0]:bounds[k, 1]]``, in
        order of ``time``.
    order
        Rows of ``time``, ``start``, ``flags``, ``delta``, ``px`` and ``source``.
    time, flags
        Milliseconds; `HAS_START` and `HAS_PLACE` where start and place are known.
    start, delta, px
        Reported position before the fill, what the fill adds, its price; integers of
        one scale within a key.
    block, event, tid
        Block number and index inside the block, -1 where the tape has none; trade id.
        They are looked at where times tie.
    source
        Where each row is in ``block``, ``event`` and ``tid``.
    position
        ``(keys,)``: position carried into each key.
    """
    for key in range(bounds.shape[0]):
        carried = position[key]
        at = bounds[key, 0]
        end = bounds[key, 1]
        while at < end:
            until = at + 1
            while until < end and time[order[until]] == time[order[at]]:
                until += 1
            if until - at > 1:
                _order_group(
                    order[at:until], block, event, start, flags, delta, px, tid,
                    source, carried,
                )  # fmt: skip
            for i in range(at, until):
                row = order[i]
                if delta[row] != 0:
                    known = start[row] if flags[row] & HAS_START else carried
                    carried = known + delta[row]
            at = until


order_ties_compiled = compiled(order_ties)
