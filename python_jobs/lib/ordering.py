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

import numpy as np

from pgio.compiled import compilable, compiled


@compiled
def sort_by_key(keys: Any, permutation: Any, key_count: int) -> Any:
    """Sort rows by key, keeping the order of ``permutation`` inside a key.

    Returns (order, bounds): rows of key ``k`` are ``order[bounds[k]:bounds[k + 1]]``.
    """
    bounds = np.zeros(key_count + 1, dtype=np.int64)
    for row in range(keys.size):
        bounds[keys[row] + 1] += 1
    for key in range(key_count):
        bounds[key + 1] += bounds[key]
    free = bounds[:-1].copy()
    order = np.empty(keys.size, dtype=np.int64)
    for row in permutation:
        order[free[keys[row]]] = row
        free[keys[row]] += 1
    return order, bounds


@compilable
def _precedes(a: Any, b: Any, start: Any, delta: Any, px: Any, tid: Any) -> bool:
    if start[a] != start[b]:
        return bool(start[a] < start[b])
    if delta[a] != delta[b]:
        return bool(delta[a] < delta[b])
    if tid[a] != tid[b]:
        return bool(tid[a] < tid[b])
    return bool(px[a] < px[b])


@compilable
def _in_block_precedes(a: Any, b: Any, block: Any, event: Any) -> bool:
    if block[a] != block[b]:
        return bool(block[a] < block[b])
    return bool(event[a] < event[b])


@compilable
def _trail(edges: Any, start: Any, delta: Any, carried: Any) -> Any:
    """Order edges (sorted by their start) into one trail; False if there is none."""
    count = edges.size
    # run[e]: first edge that leaves the same position; unused[run]: next one to take.
    run = np.empty(count, dtype=np.int64)
    for e in range(count):
        same = e > 0 and start[edges[e]] == start[edges[e - 1]]
        run[e] = run[e - 1] if same else e
    unused = run.copy()
    # leads_to[e]: first edge that leaves where e arrives, -1 where none does.
    leads_to = np.full(count, -1, dtype=np.int64)
    balance = np.zeros(count, dtype=np.int64)
    first = -1
    for e in range(count):
        end = start[edges[e]] + delta[edges[e]]
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if start[edges[middle]] < end:
                low = middle + 1
            else:
                high = middle
        if low < count and start[edges[low]] == end:
            leads_to[e] = low
            balance[low] -= 1
        balance[run[e]] += 1
        if start[edges[e]] == carried and first < 0:
            first = e
    if first < 0:
        for e in range(count):
            if run[e] == e and balance[e] > 0:
                first = e
                break
    if first < 0:
        first = 0

    stack = np.empty(count + 1, dtype=np.int64)
    vertices = np.empty(count + 1, dtype=np.int64)
    trail = np.empty(count, dtype=np.int64)
    depth, done = 1, 0
    stack[0], vertices[0] = -1, first
    while depth > 0:
        vertex = vertices[depth - 1]
        edge = unused[vertex] if vertex >= 0 else count
        if edge < count and run[edge] == vertex:
            unused[vertex] = edge + 1
            stack[depth], vertices[depth] = edge, leads_to[edge]
            depth += 1
        else:
            depth -= 1
            if stack[depth] >= 0:
                trail[count - 1 - done] = stack[depth]
                done += 1
    if done < count:
        return False, trail
    for e in range(1, count):
        if leads_to[trail[e - 1]] != run[trail[e]]:
            return False, trail
    return True, trail


@compilable
def _greedy(edges: Any, start: Any, delta: Any, carried: Any) -> Any:
    """Follow the chain as far as it goes, then begin where nothing leads to."""
    count = edges.size
    taken = np.zeros(count, dtype=np.bool_)
    path = np.empty(count, dtype=np.int64)
    position = carried
    for step in range(count):
        chosen = -1
        for e in range(count):
            if not taken[e] and start[edges[e]] == position:
                chosen = e
                break
        if chosen < 0:
            for e in range(count):
                is_source = not taken[e]
                for other in range(count):
                    if is_source and not taken[other]:
                        end = start[edges[other]] + delta[edges[other]]
                        is_source = end != start[edges[e]]
                if is_source:
                    chosen = e
                    break
        if chosen < 0:
            for e in range(count):
                if not taken[e]:
                    chosen = e
                    break
        taken[chosen] = True
        path[step] = chosen
        position = start[edges[chosen]] + delta[edges[chosen]]
    return path


@compilable
def _order_group(
    group: Any,
    block: Any,
    event: Any,
    start: Any,
    has_start: Any,
    delta: Any,
    px: Any,
    tid: Any,
    carried: Any,
) -> None:
    """Bring fills of one millisecond, ``group``, into their order, in place."""
    in_block = True
    chains = True
    buys = 0
    for row in group:
        in_block = in_block and block[row] >= 0 and event[row] >= 0
        chains = chains and bool(has_start[row])
        buys += 1 if delta[row] > 0 else 0
    for i in range(1, group.size):
        row = group[i]
        j = i - 1
        while j >= 0 and (
            _in_block_precedes(row, group[j], block, event)
            if in_block
            else _precedes(row, group[j], start, delta, px, tid)
        ):
            group[j + 1] = group[j]
            j -= 1
        group[j + 1] = row
    if in_block or not chains or buys == group.size:
        return
    if buys == 0:
        group[:] = group[::-1].copy()
        return
    found, path = _trail(group, start, delta, carried)
    if not found:
        path = _greedy(group, start, delta, carried)
    group[:] = group[path]


def order_ties(
    bounds: Any,
    order: Any,
    time: Any,
    block: Any,
    event: Any,
    start: Any,
    has_start: Any,
    delta: Any,
    px: Any,
    tid: Any,
    position: Any,
) -> None:
    """Put fills of the same key and time into the order they happened, in place.

    Parameters
    ----------
    bounds
        ``(keys, 2)``: fills of key ``k`` are ``order[bounds[k, 0]:bounds[k, 1]]``, in
        order of ``time``.
    order
        Rows of the arrays below.
    time, tid
        Milliseconds; trade ids.
    block, event
        Block number and index inside the block, -1 where the tape has none.
    start, has_start, delta, px
        Reported position before the fill, whether there is one, what the fill adds, its
        price; integers of one scale within a key.
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
                    order[at:until], block, event, start, has_start, delta, px, tid,
                    carried,
                )  # fmt: skip
            for i in range(at, until):
                row = order[i]
                carried = (start[row] if has_start[row] else carried) + delta[row]
            at = until


order_ties_compiled = compiled(order_ties)
