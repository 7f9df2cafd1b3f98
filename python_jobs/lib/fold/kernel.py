"""Compute positions hour by hour from ordered fills: the rules for each fill.

All amounts are integers at scales fixed per key, so flat means exactly zero. The
functions run compiled, on 64-bit integers, and as plain Python, on arrays of Python
integers for keys whose amounts do not fit in 64 bits.

Only two things are divided: the average cost at a partial close, and the fee of a flip.
Both are cut to a billionth of a dollar, and the remainder goes to the other part. So
nothing is lost, and the result does not depend on the key's scales.
"""

from __future__ import annotations

from typing import Any

from pgio.compiled import compilable
from python_jobs.lib.fold.exact import mul_div

#: Columns of a key's state. A step is the state at the end of an hour or of the
#: position, plus the last four columns: `NEXT` is the time of its next fill, -1 if none
#: was seen.
(
    SEEN, LAST_FILL, POSITION, OPENED, ORDINAL, MAX_SIZE, ENTRY_SIZE, ENTRY_NOTIONAL,
    EXIT_SIZE, EXIT_NOTIONAL, COST, GROSS, FEES, FILLS, GAPS, BASIS_KNOWN, LIQUIDATED,
    SIDE, LAST_EXIT, PNL_KNOWN, SIZE_SCALE, PX_SCALE, USD_SCALE,
) = range(23)  # fmt: skip
STATE_WIDTH = 23
KEY, CLOSED, REASON, NEXT = 23, 24, 25, 26
STEP_WIDTH = 27

#: A fill writes at most three steps: the end of the previous hour, a position closed by
#: a gap, and a position closed by the fill itself.
STEPS_OF_A_FILL = 3
HOUR_MS = 3_600_000

#: Columns of a fill's record. Amounts are mantissas at first (`DELTA`: of the signed
#: size), then integers at the scales of the key. `ROW` is its place in the chunk.
TIME, PX, DELTA, START, PNL, FEE, FLAGS, ROW = range(8)
RECORD_WIDTH = 8

#: Why a position was closed, and what kind of fill can end it.
TRADE, FLIP, LIQUIDATION, ADL, SETTLEMENT, TRANSFER, GAP, DUST = range(8)
REASONS = (
    "trade", "flip", "liquidation", "adl", "settlement", "transfer", "gap", "dust",
)  # fmt: skip

#: A fill's flags: its kind, and whether start, profit and place in a block are known.
KIND_MASK, HAS_START, HAS_PNL, HAS_PLACE = 7, 8, 16, 32

#: Divided amounts are cut to this scale; no key's dollars are coarser.
USD_GRID = 9


@compilable
def _store(row: Any, values: Any) -> None:
    """Write the first columns of a state."""
    for field in range(len(values)):
        row[field] = values[field]


@compilable
def _write_step(
    row: Any, key: int, closed: Any, reason: Any, following: Any, steps: Any, used: int
) -> int:
    for field in range(STATE_WIDTH):
        steps[used, field] = row[field]
    steps[used, KEY] = key
    steps[used, CLOSED] = closed
    steps[used, REASON] = reason
    steps[used, NEXT] = following
    return used + 1


@compilable
def _cut(amount: Any, grid: Any) -> Any:
    return amount if grid == 1 else amount // grid * grid


@compilable
def kept_cost(cost: Any, left: Any, held: Any, grid: Any) -> Any:
    """Return the cost of the part ``left`` that remains of the held size."""
    if left == 0 or cost == 0:
        return 0 * cost
    return _cut(mul_div(cost, left, held), grid)


@compilable
def _share(fee: Any, part: Any, whole: Any, grid: Any) -> Any:
    """Return the part of a fee that belongs to ``part`` of ``whole``."""
    cut = _cut(mul_div(abs(fee), part, whole), grid)
    return cut if fee >= 0 else -cut


@compilable
def fold_key(
    key: Any,
    begin: int,
    end: int,
    order: Any,
    records: Any,
    powers: Any,
    row: Any,
    steps: Any,
    used: int,
) -> int:
    """Fold the fills of a key; return the number of steps in ``steps`` afterwards.

    Parameters
    ----------
    key
        Its number, for the steps.
    begin, end, order
        Its fills are ``order[begin:end]``, in the order they happened.
    records
        ``(rows, RECORD_WIDTH)``: the fills, amounts at the key's scales.
    powers
        Powers of ten.
    row
        ``(STATE_WIDTH,)``: the key's state, changed in place.
    steps, used
        ``(capacity, STEP_WIDTH)``, filled from row ``used`` on, at most
        `STEPS_OF_A_FILL` for each fill.
    """
    unit = powers[row[USD_SCALE] - row[SIZE_SCALE] - row[PX_SCALE]]
    grid = powers[row[USD_SCALE] - USD_GRID]
    # Local variables instead of the array, in its column order: three times as fast.
    seen, last_fill, position = row[SEEN], row[LAST_FILL], row[POSITION]
    opened, ordinal, max_size = row[OPENED], row[ORDINAL], row[MAX_SIZE]
    entry_size, entry_notional = row[ENTRY_SIZE], row[ENTRY_NOTIONAL]
    exit_size, exit_notional = row[EXIT_SIZE], row[EXIT_NOTIONAL]
    cost, gross, fees, fills = row[COST], row[GROSS], row[FEES], row[FILLS]
    gaps, is_known, liquidated = row[GAPS], row[BASIS_KNOWN], row[LIQUIDATED]
    side, last_exit, is_pnl_known = row[SIDE], row[LAST_EXIT], row[PNL_KNOWN]

    for at in range(begin, end):
        i = order[at]
        change = records[i, DELTA]
        if change == 0:
            continue
        now = records[i, TIME]
        flags = records[i, FLAGS]
        if position != 0 and now // HOUR_MS != last_fill // HOUR_MS:
            _store(row, (
                seen, last_fill, position, opened, ordinal, max_size,
                entry_size, entry_notional, exit_size, exit_notional, cost,
                gross, fees, fills, gaps, is_known, liquidated, side, last_exit,
                is_pnl_known,
            ))  # fmt: skip
            used = _write_step(row, key, -1, -1, now, steps, used)
        reported = records[i, START] if flags & HAS_START else position
        if reported != position:
            # A gap, or the first known fill of the key.
            if position != 0 and reported != 0 and (position > 0) == (reported > 0):
                position = reported
                max_size = max(max_size, abs(position))
                gaps += 1
                is_known = 0
                cost = 0 * cost
            else:
                if position != 0:
                    _store(row, (
                        seen, last_fill, position, opened, ordinal, max_size,
                        entry_size, entry_notional, exit_size, exit_notional, cost,
                        gross, fees, fills, gaps, is_known, liquidated, side,
                        last_exit, is_pnl_known,
                    ))  # fmt: skip
                    used = _write_step(row, key, now, GAP, -1, steps, used)
                    position = 0 * position
                if reported != 0:
                    ordinal = ordinal + 1 if opened == now else 0
                    opened = now
                    position = reported
                    side = 1 if position > 0 else -1
                    max_size = abs(position)
                    entry_size = entry_notional = exit_size = exit_notional = 0
                    cost = gross = fees = fills = 0
                    gaps, is_known, liquidated = seen, 0, 0
                    last_exit, is_pnl_known = -1, 1
        seen = 1

        profit, paid = records[i, PNL], records[i, FEE]
        kind = flags & KIND_MASK
        size = abs(change)
        if position != 0 and (position > 0) != (change > 0):
            # Reduce the position at average cost.
            held = abs(position)
            closing = min(size, held)
            left = held - closing
            kept = kept_cost(cost, left, held, grid)
            notional = closing * records[i, PX]
            if not flags & HAS_PNL:
                if is_known:
                    made = notional * unit - (cost - kept)
                    profit = made if position > 0 else -made
                else:
                    is_pnl_known = 0
            share = _share(paid, closing, size, grid) if closing < size else paid
            cost = kept
            exit_size += closing
            exit_notional += notional
            position = left if position > 0 else -left
            gross += profit
            fees += share
            fills += 1
            last_fill = now
            if kind == LIQUIDATION:
                liquidated = 1
            # A dust conversion is done by the exchange: the trader had left before it.
            if kind != DUST:
                last_exit = now
            if left == 0:
                is_flip = kind == TRADE and closing < size
                _store(row, (
                    seen, last_fill, position, opened, ordinal, max_size,
                    entry_size, entry_notional, exit_size, exit_notional, cost,
                    gross, fees, fills, gaps, is_known, liquidated, side, last_exit,
                    is_pnl_known,
                ))  # fmt: skip
                reason = FLIP if is_flip else kind
                used = _write_step(row, key, now, reason, -1, steps, used)
            if closing == size:
                continue
            # The size beyond zero opens the next position; the profit belongs to the
            # closed one.
            size -= closing
            paid -= share
            profit = 0 * profit

        if position == 0:
            ordinal = ordinal + 1 if opened == now else 0
            opened = now
            max_size = entry_size = entry_notional = exit_size = exit_notional = 0
            cost = gross = fees = fills = 0
            gaps, is_known, liquidated = 0, 1, 0
            last_exit, is_pnl_known = -1, 1
        notional = size * records[i, PX]
        entry_size += size
        entry_notional += notional
        if is_known:
            cost += notional * unit
        position += size if change > 0 else -size
        side = 1 if position > 0 else -1
        max_size = max(max_size, abs(position))
        gross += profit
        fees += paid
        fills += 1
        last_fill = now
    _store(row, (
        seen, last_fill, position, opened, ordinal, max_size, entry_size,
        entry_notional, exit_size, exit_notional, cost, gross, fees, fills, gaps,
        is_known, liquidated, side, last_exit, is_pnl_known,
    ))  # fmt: skip
    return used
