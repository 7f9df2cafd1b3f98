"""Find the order of buys and sells of one millisecond from the positions they report.

`ordering` calls `find_trail` for groups that have both, all with a ``start_position``
and not all with a block. It sorts other groups by itself, small ones by `follow`. A
group of fills is a graph. Each
fill is an edge from its ``start_position`` to ``start_position`` + size change. The
order of the fills is a trail through all edges (an Eulerian trail). A position from
which several edges leave is a fork. At a fork the fill comes first whose reported
profit fits the average cost of the position best, to the cent; then the order of the
file decides. To use every edge, one edge of each position is reserved and used last:
the one that leads toward the end of the trail (the construction of the BEST theorem:
van Aardenne-Ehrenfest, de Bruijn 1951).

After a change of the order, increase `RULES` in positions.py: stored positions are then
computed again.

Two round trips in one millisecond: buys at 100 and 102 lead from 0 to 1, sells at 101
(profit +1) and at 99 (profit -3) lead back. After the buy at 100 the sell at 101 fits,
after the buy at 102 the one at 99.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pgio.compiled import compilable
from python_jobs.lib.fold.kernel import (
    BASIS_KNOWN,
    COST,
    DELTA,
    FLAGS,
    HAS_PNL,
    PNL,
    POSITION,
    PX,
    PX_SCALE,
    ROW,
    SEEN,
    SIZE_SCALE,
    START,
    USD_GRID,
    USD_SCALE,
    kept_cost,
)

#: Largest group for the quadratic method in `follow`.
_SMALL_GROUP = 16

#: Special values instead of a position. `_NOWHERE`: no fill of the group starts there.
#: `_NONE`: not set.
_NOWHERE, _NONE = -1, -2


@compilable
def find_trail(edges: Any, records: Any, event: Any, state: Any, powers: Any) -> Any:
    """Order fills into one trail.

    Parameters
    ----------
    edges
        Rows of ``records``, sorted by start position, then by their order in the file.
    records, event
        As in `ordering.order_ties`.
    state
        ``(STATE_WIDTH,)``: the key's state before the group.
    powers
        Powers of ten.

    Returns
    -------
    (bool, ndarray)
        Whether there is a trail, and the indices of the edges in its order.
    """
    count = edges.size
    path = np.empty(count, dtype=np.int64)
    # A position is identified by the index of the first edge that starts there.
    start, arrival = _positions(edges, records)
    balance = np.zeros(count, dtype=np.int64)
    leaving = 0
    for e in range(count):
        balance[start[e]] += 1
        if arrival[e] == _NOWHERE:
            leaving += 1
        else:
            balance[arrival[e]] -= 1
    first, last, surplus = _NONE, _NOWHERE, 0
    for e in range(count):
        surplus += max(balance[e], 0)
        if balance[e] > 0:
            first = e
        elif balance[e] < 0:
            last = e
    if surplus > 1:
        return False, path
    if surplus == 0:
        # Balanced: the trail is a closed loop.
        first = last = start[_loop_start(edges, records, event, state, powers)]
    reserved = _reserved_edges(last, start, arrival)
    for e in range(count):
        if reserved[start[e]] == _NONE and start[e] != last:
            return False, path

    position = records[edges[first], START]
    is_carried = state[SEEN] != 0 and position == state[POSITION]
    # 0 of the type that the amounts have: 64-bit or Python's integer.
    cost = state[COST] if is_carried else 0 * state[COST]
    is_known = state[BASIS_KNOWN] if is_carried else 0
    taken = np.zeros(count, dtype=np.bool_)
    at = first
    for step in range(count):
        free, to_reserved = 0, 0
        e = at
        while e < count and start[e] == at:
            if not taken[e]:
                free += 1
                to_reserved += 1 if arrival[e] == reserved[at] else 0
            e += 1
        chosen, least = _NONE, 0 * cost
        e = at
        while e < count and start[e] == at:
            # The last edge to the reserved neighbour waits until no other is left.
            is_reserved = arrival[e] == reserved[at] and to_reserved == 1 and free > 1
            if not taken[e] and not is_reserved:
                cents = 0 * cost
                if free > 1:
                    cents = _cents_off(
                        records[edges[e]], position, cost, is_known, state, powers
                    )
                if chosen == _NONE or cents < least:
                    chosen, least = e, cents
            e += 1
        taken[chosen] = True
        path[step] = chosen
        _, position, cost, is_known = _apply_fill(
            records[edges[chosen]], position, cost, is_known, state, powers
        )
        at = arrival[chosen]
    return True, path


@compilable
def _positions(edges: Any, records: Any) -> Any:
    """Return the position at which each edge starts and the one at which it ends."""
    count = edges.size
    start = np.empty(count, dtype=np.int64)
    for e in range(count):
        same = e > 0 and records[edges[e], START] == records[edges[e - 1], START]
        start[e] = start[e - 1] if same else e
    arrival = np.full(count, _NOWHERE, dtype=np.int64)
    for e in range(count):
        end = records[edges[e], START] + records[edges[e], DELTA]
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if records[edges[middle], START] < end:
                low = middle + 1
            else:
                high = middle
        if low < count and records[edges[low], START] == end:
            arrival[e] = low
    return start, arrival


@compilable
def _reserved_edges(last: int, start: Any, arrival: Any) -> Any:
    """Return, for each position, the neighbour that its reserved edge leads to.

    Following these neighbours leads to ``last``.
    """
    count = start.size
    reserved = np.full(count, _NONE, dtype=np.int64)
    is_found = True
    while is_found:
        is_found = False
        for e in range(count):
            here, there = start[e], arrival[e]
            if here == last or reserved[here] != _NONE:
                continue
            if there == last or (there >= 0 and reserved[there] != _NONE):
                reserved[here] = there
                is_found = True
    return reserved


@compilable
def _loop_start(edges: Any, records: Any, event: Any, state: Any, powers: Any) -> int:
    """Return an edge at the position where a closed loop starts.

    1. The position before the group, if the loop contains it.
    2. Otherwise flat, if the reported profits add up to all that the loop earned:
       everything sold was then bought in the loop. If they do not, any position but
       flat.
    3. Among the positions left, the one where the first fill of the file starts.
    """
    unit = powers[state[USD_SCALE] - state[SIZE_SCALE] - state[PX_SCALE]]
    rest = 0 * state[COST]
    has_profits = True
    gets_flat = False
    for row in edges:
        gets_flat = gets_flat or bool(records[row, START] == 0)
        has_profits = has_profits and bool(records[row, FLAGS] & HAS_PNL)
        rest += records[row, PNL] + records[row, DELTA] * records[row, PX] * unit
    earned_all = abs(rest) <= powers[state[USD_SCALE] - 2] * edges.size
    first = _NONE
    for e in range(edges.size):
        row = edges[e]
        if state[SEEN] != 0 and records[row, START] == state[POSITION]:
            return e
        if gets_flat and has_profits and earned_all != (records[row, START] == 0):
            continue
        if (
            first == _NONE
            or event[records[row, ROW]] < event[records[edges[first], ROW]]
        ):
            first = e
    return first


@compilable
def _apply_fill(
    fill: Any, position: Any, cost: Any, is_known: Any, state: Any, powers: Any
) -> Any:
    """Apply a fill to a position.

    Returns its profit at average cost, the new position, the new cost, and whether the
    cost is known.
    """
    unit = powers[state[USD_SCALE] - state[SIZE_SCALE] - state[PX_SCALE]]
    change = fill[DELTA]
    size = abs(change)
    profit = 0 * cost
    if position != 0 and (position > 0) != (change > 0):
        held = abs(position)
        closing = min(size, held)
        left = held - closing
        left_cost = kept_cost(cost, left, held, powers[state[USD_SCALE] - USD_GRID])
        profit = closing * fill[PX] * unit - (cost - left_cost)
        if position < 0:
            profit = -profit
        cost = left_cost
        position = left if position > 0 else -left
        size -= closing
    if size > 0:
        if position == 0:
            is_known = 1
        if is_known:
            cost += size * fill[PX] * unit
        position += size if change > 0 else -size
    return profit, position, cost, is_known


@compilable
def _cents_off(
    fill: Any, position: Any, cost: Any, is_known: Any, state: Any, powers: Any
) -> Any:
    """Return by how many cents a fill's reported profit misses the average cost.

    0 where that cannot be judged: nothing speaks against such a fill.
    """
    reduces = position != 0 and (position > 0) != (fill[DELTA] > 0)
    if not fill[FLAGS] & HAS_PNL or (reduces and not is_known):
        return 0 * cost
    profit, _, _, _ = _apply_fill(fill, position, cost, is_known, state, powers)
    return abs(profit - fill[PNL]) // powers[state[USD_SCALE] - 2]


@compilable
def greedy(edges: Any, records: Any, state: Any) -> Any:
    """Order fills that no trail connects.

    Follows the chain of positions. Where it breaks, continues at a fill to whose start
    no remaining fill leads.
    """
    count = edges.size
    taken = np.zeros(count, dtype=np.bool_)
    path = np.empty(count, dtype=np.int64)
    position = state[POSITION]
    for step in range(count):
        chosen = -1
        # In the first step, `position` means something only if the key was seen before.
        for e in range(count if step > 0 or state[SEEN] != 0 else 0):
            if not taken[e] and records[edges[e], START] == position:
                chosen = e
                break
        if chosen < 0:
            for e in range(count):
                is_source = not taken[e]
                for other in range(count):
                    if is_source and not taken[other]:
                        to = edges[other]
                        end = records[to, START] + records[to, DELTA]
                        is_source = end != records[edges[e], START]
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
        position = records[edges[chosen], START] + records[edges[chosen], DELTA]
    return path


@compilable
def follow(group: Any, records: Any, carried: Any) -> bool:
    """Order a small group in which no two fills start at the same position.

    At most one trail exists then. Returns False if two starts are equal or the trail
    breaks; the group may then be partly reordered.
    """
    if group.size > _SMALL_GROUP:
        return False
    for i in range(1, group.size):
        for j in range(i):
            if records[group[i], START] == records[group[j], START]:
                return False
    position = carried
    for i in range(group.size):
        j = i
        while j < group.size and records[group[j], START] != position:
            j += 1
        if j == group.size:
            return False
        row = group[j]
        group[j] = group[i]
        group[i] = row
        position += records[row, DELTA]
    return True
