"""Trails through the fills of one millisecond, from reported position to position.

Each fill's record says where it begins and what it adds; ``carried`` is the position
that the trail should begin at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pgio.compiled import compilable
from python_jobs.lib.fold_kernel import DELTA, START

#: Fills that are compared with each other, all with all.
_SMALL_GROUP = 16


@compilable
def find_trail(edges: Any, records: Any, carried: Any) -> Any:
    """Order edges (sorted by their start) into one trail; False if there is none."""
    count = edges.size
    # run[e]: first edge that leaves the same position; unused[run]: next one to take.
    run = np.empty(count, dtype=np.int64)
    for e in range(count):
        same = e > 0 and records[edges[e], START] == records[edges[e - 1], START]
        run[e] = run[e - 1] if same else e
    unused = run.copy()
    # leads_to[e]: first edge that leaves where e arrives, -1 where none does.
    leads_to = np.full(count, -1, dtype=np.int64)
    balance = np.zeros(count, dtype=np.int64)
    first = -1
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
            leads_to[e] = low
            balance[low] -= 1
        balance[run[e]] += 1
        if records[edges[e], START] == carried and first < 0:
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
def greedy(edges: Any, records: Any, carried: Any) -> Any:
    """Follow the chain as far as it goes, then begin where nothing leads to."""
    count = edges.size
    taken = np.zeros(count, dtype=np.bool_)
    path = np.empty(count, dtype=np.int64)
    position = carried
    for step in range(count):
        chosen = -1
        for e in range(count):
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
    """Order a small group whose fills all start elsewhere, which leaves one trail.

    False if that is not so, or the trail breaks off; the group's order is another then.
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
