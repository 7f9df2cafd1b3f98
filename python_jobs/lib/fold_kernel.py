"""From fills in order to position episodes: the rules, fill by fill.

All amounts are integers at scales fixed per key, so flat means exactly zero. The
functions are plain Python: compiled they fold 64-bit integers, as they are they fold
arrays of Python's own integers, for keys whose amounts have no room in 64 bits.

The only divisions are those of average cost (what a partial close leaves of the cost)
and of a flip's fee. Both are cut to a billionth of a dollar, and what is cut stays with
the other part: nothing is lost, and the result does not depend on the key's scales.
"""

from __future__ import annotations

from typing import Any

from pgio.compiled import compilable, compiled
from python_jobs.lib.exact import mul_div

#: Columns of a key's state. An episode is the state when it ended plus the last three.
(
    SEEN, LAST_FILL, POSITION, OPENED, ORDINAL, MAX_SIZE, ENTRY_SIZE, ENTRY_NOTIONAL,
    EXIT_SIZE, EXIT_NOTIONAL, COST, GROSS, FEES, FILLS, GAPS, BASIS_KNOWN, LIQUIDATED,
    SIDE, SIZE_SCALE, PX_SCALE, USD_SCALE,
) = range(21)  # fmt: skip
STATE_WIDTH = 21
KEY, CLOSED, REASON = 21, 22, 23
EPISODE_WIDTH = 24

#: Why an episode ended, and what kind of fill can end it.
TRADE, FLIP, LIQUIDATION, ADL, SETTLEMENT, TRANSFER, GAP = range(7)
REASONS = ("trade", "flip", "liquidation", "adl", "settlement", "transfer", "gap")

#: Divided amounts are cut to this scale; no key's dollars are coarser.
USD_GRID = 9


@compilable
def _open(
    state: Any, key: int, time: Any, position: Any, is_basis_known: int, gaps: int
) -> None:
    state[key, ORDINAL] = state[key, ORDINAL] + 1 if state[key, OPENED] == time else 0
    state[key, OPENED] = time
    state[key, POSITION] = position
    state[key, MAX_SIZE] = abs(position)
    for field in range(ENTRY_SIZE, GAPS):  # FILLS is the last of them
        state[key, field] = 0
    state[key, GAPS] = gaps
    state[key, BASIS_KNOWN] = is_basis_known
    state[key, LIQUIDATED] = 0
    state[key, SIDE] = 1 if position > 0 else -1


@compilable
def _close(
    state: Any, key: int, time: Any, reason: Any, episodes: Any, used: int
) -> int:
    for field in range(STATE_WIDTH):
        episodes[used, field] = state[key, field]
    episodes[used, KEY] = key
    episodes[used, CLOSED] = time
    episodes[used, REASON] = reason
    return used + 1


@compilable
def _meet(state: Any, key: int, time: Any, start: Any, episodes: Any, used: int) -> int:
    """Compare the reported position with the carried one before a fill is applied."""
    position = state[key, POSITION]
    if state[key, SEEN] == 0:
        state[key, SEEN] = 1
        if start != 0:
            _open(state, key, time, start, 0, 0)
    elif start != position:
        if (position > 0 and start > 0) or (position < 0 and start < 0):
            state[key, POSITION] = start
            state[key, MAX_SIZE] = max(state[key, MAX_SIZE], abs(start))
            state[key, GAPS] += 1
            state[key, BASIS_KNOWN] = 0
            state[key, COST] = 0
        else:
            if position != 0:
                used = _close(state, key, time, GAP, episodes, used)
                state[key, POSITION] = 0
            if start != 0:
                _open(state, key, time, start, 0, 1)
    return used


@compilable
def _extend(state: Any, key: int, change: Any, px: Any, unit: Any) -> None:
    notional = abs(change) * px
    state[key, ENTRY_SIZE] += abs(change)
    state[key, ENTRY_NOTIONAL] += notional
    if state[key, BASIS_KNOWN]:
        state[key, COST] += notional * unit
    state[key, POSITION] += change
    state[key, SIDE] = 1 if state[key, POSITION] > 0 else -1
    state[key, MAX_SIZE] = max(state[key, MAX_SIZE], abs(state[key, POSITION]))


@compilable
def _cut(amount: Any, grid: Any) -> Any:
    return amount if grid == 1 else amount // grid * grid


@compilable
def _reduce(state: Any, key: int, size: Any, px: Any, unit: Any, grid: Any) -> Any:
    """Take ``size`` off the position at average cost; return its recomputed profit."""
    position = state[key, POSITION]
    left = abs(position) - size
    notional = size * px
    cost = state[key, COST]
    kept = _cut(mul_div(cost, left, abs(position)), grid)
    state[key, COST] = kept
    state[key, EXIT_SIZE] += size
    state[key, EXIT_NOTIONAL] += notional
    state[key, POSITION] = left if position > 0 else -left
    if state[key, BASIS_KNOWN] == 0:
        return 0 * kept
    profit = notional * unit - (cost - kept)
    return profit if position > 0 else -profit


@compilable
def _share(fee: Any, part: Any, whole: Any, grid: Any) -> Any:
    """Return the part of a fee that belongs to ``part`` of ``whole``."""
    cut = _cut(mul_div(abs(fee), part, whole), grid)
    return cut if fee >= 0 else -cut


def fold_keys(
    keys: Any,
    begin: int,
    bounds: Any,
    order: Any,
    time: Any,
    kind: Any,
    px: Any,
    delta: Any,
    start: Any,
    has_start: Any,
    pnl: Any,
    has_pnl: Any,
    fee: Any,
    powers: Any,
    state: Any,
    episodes: Any,
) -> Any:
    """Fold the fills of keys, one key after the other.

    Parameters
    ----------
    keys, begin
        Rows of ``state`` to fold, and which of them to begin with.
    bounds, order
        Fills of ``keys[k]`` are ``order[bounds[k, 0]:bounds[k, 1]]``, in the order they
        happened.
    time, kind
        Milliseconds; `TRADE`, `LIQUIDATION` (of this trader), `ADL`, … per fill.
    px, delta, start, has_start
        Price, signed change of the position, reported position before the fill and
        whether there is one; at the key's price and size scale.
    pnl, has_pnl, fee
        Reported profit, whether there is one, and fee; at the key's dollar scale.
    powers
        Powers of ten.
    state
        ``(all keys, STATE_WIDTH)``, changed in place.
    episodes
        ``(capacity, EPISODE_WIDTH)``, filled from its beginning.

    Returns
    -------
    tuple of int
        (k, used): the first of ``keys`` that was not folded, for which there was no
        room; episodes written.
    """
    used = 0
    for k in range(begin, keys.size):
        key = keys[k]
        # A fill ends at most two episodes: one by a gap and one by itself.
        if used + 2 * (bounds[k, 1] - bounds[k, 0]) > episodes.shape[0]:
            return k, used
        notional_scale = state[key, SIZE_SCALE] + state[key, PX_SCALE]
        unit = powers[state[key, USD_SCALE] - notional_scale]
        grid = powers[state[key, USD_SCALE] - USD_GRID]
        for at in range(bounds[k, 0], bounds[k, 1]):
            i = order[at]
            change = delta[i]
            if change == 0:
                continue
            now = time[i]
            if has_start[i] or state[key, SEEN] == 0:
                used = _meet(state, key, now, start[i], episodes, used)
            position = state[key, POSITION]
            if position == 0:
                _open(state, key, now, position, 1, 0)
            if position == 0 or (position > 0) == (change > 0):
                _extend(state, key, change, px[i], unit)
                state[key, GROSS] += pnl[i]
                state[key, FEES] += fee[i]
                state[key, FILLS] += 1
                state[key, LAST_FILL] = now
                continue

            size = abs(change)
            closing = min(size, abs(position))
            profit = _reduce(state, key, closing, px[i], unit, grid)
            share = _share(fee[i], closing, size, grid) if closing < size else fee[i]
            state[key, GROSS] += pnl[i] if has_pnl[i] else profit
            state[key, FEES] += share
            state[key, FILLS] += 1
            state[key, LAST_FILL] = now
            if kind[i] == LIQUIDATION:
                state[key, LIQUIDATED] = 1
            if state[key, POSITION] == 0:
                is_flip = kind[i] == TRADE and closing < size
                used = _close(
                    state, key, now, FLIP if is_flip else kind[i], episodes, used
                )
            if closing < size:
                _open(state, key, now, 0 * size, 1, 0)
                _extend(state, key, change + position, px[i], unit)
                state[key, FEES] = fee[i] - share
                state[key, FILLS] = 1
    return keys.size, used


fold_keys_compiled = compiled(fold_keys)
