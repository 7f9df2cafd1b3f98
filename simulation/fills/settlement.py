"""One leg of a trade: position, cost, PnL, fee, the line on the tape, the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from pgio.compiled import compilable
from simulation.fills.agents import RATE_UNIT
from simulation.fills.arithmetic import proportion
from simulation.fills.codes import Dir, Kind
from simulation.fills.ledger import book
from simulation.fills.state import (
    LEGS,
    NEXT_CLOID,
    NEXT_OID,
    ROWS,
    ROWS_LEFT,
    Event,
    Leg,
    World,
)

_PERP = int(Kind.PERP)
_SPOT = int(Kind.SPOT)
_OUTCOME = int(Kind.OUTCOME)
_BY_POSITION = int(Dir.BY_POSITION)
_OPEN_LONG = int(Dir.OPEN_LONG)
_CLOSE_LONG = int(Dir.CLOSE_LONG)
_OPEN_SHORT = int(Dir.OPEN_SHORT)
_CLOSE_SHORT = int(Dir.CLOSE_SHORT)
_LONG_TO_SHORT = int(Dir.LONG_TO_SHORT)
_SHORT_TO_LONG = int(Dir.SHORT_TO_LONG)
_BUY = int(Dir.BUY)
_SELL = int(Dir.SELL)
# A key that has turned round within a block trades no more in it.
_LOCKED = 2


@compilable
def next_oid(world: World) -> int:
    """Take the next order id; ids of other people's orders lie between."""
    world.counters[NEXT_OID] += 1 + np.int64(world.random[0] >> np.uint64(59))
    return int(world.counters[NEXT_OID])


@compilable
def can_trade(
    world: World, trader: int, coin: int, side: int, block: int, is_visible: bool
) -> bool:
    """Tell whether one more fill in this block keeps the order of fills readable.

    A tape without event numbers orders the fills of one millisecond by chaining
    `startPosition`. That is unambiguous while no start occurs twice: fills on one side,
    then at most one fill back, and nothing missing in between.

    Parameters
    ----------
    world : World
    trader, coin : int
    side : int
        +1 to buy, -1 to sell.
    block : int
    is_visible : bool
        Whether the tape will show the fill.

    Returns
    -------
    bool
    """
    key = world.keys[trader, coin]
    if key.block != block:
        return True
    if not is_visible or key.block_side == _LOCKED:
        return False
    return bool(key.block_side == side or key.met_block != block)


@compilable
def _direction(kind: int, start: int, delta: int) -> int:
    if kind != _PERP:
        return _BUY if delta > 0 else _SELL
    end = start + delta
    if delta > 0:
        if start >= 0:
            return _OPEN_LONG
        return _SHORT_TO_LONG if end > 0 else _CLOSE_SHORT
    if start <= 0:
        return _OPEN_SHORT
    return _LONG_TO_SHORT if end < 0 else _CLOSE_LONG


@compilable
def _charge(amount: int, rate: int) -> int:
    """Return a fee, cut to the unit of the amount, towards zero."""
    if rate >= 0:
        return amount * rate // RATE_UNIT
    return -(amount * -rate // RATE_UNIT)


@compilable
def _rate(agent: Any, kind: int, is_crossed: bool) -> int:
    if kind == _SPOT:
        return int(agent.spot_taker if is_crossed else agent.spot_maker)
    return int(agent.perp_taker if is_crossed else agent.perp_maker)


@compilable
def settle_leg(world: World, event: Event, leg: Leg) -> None:
    """Settle one side of a trade and put it on the tape.

    Parameters
    ----------
    world : World
    event : Event
    leg : Leg
    """
    trader, coin, side, px, sz, oid, is_crossed, direction, is_free = leg
    key = world.keys[trader, coin]
    instrument = world.instruments[coin]
    agent = world.agents[trader]
    kind = instrument.kind
    is_free = is_free or kind == _OUTCOME
    in_token = kind == _SPOT and side > 0 and not is_free
    rate = 0 if is_free else _rate(agent, kind, is_crossed)
    base = sz if in_token else px * sz // instrument.lot
    # Builders are not paid on spot buys.
    builder_fee = 0 if is_free or in_token else _charge(base, agent.builder_rate)
    fee = _charge(base, rate) + builder_fee
    delta = side * sz - (fee if in_token else 0)

    start = key.position
    is_closing = start != 0 and (start > 0) != (delta > 0)
    closing = min(abs(start), abs(delta)) if is_closing else 0
    pnl = 0
    if closing > 0:
        released = proportion(key.cost, closing, abs(start))
        gain = px * closing // instrument.lot - released
        pnl = gain if start > 0 else -gain
        key.cost -= released
    key.cost += px * (abs(delta) - closing) // instrument.lot
    key.position = start + delta

    if key.block != event.block:
        key.block = event.block
        key.block_side = side if event.is_visible else _LOCKED
    elif key.block_side != side:
        key.block_side = _LOCKED
    world.counters[LEGS] += 1
    if not event.is_visible:
        return
    world.counters[ROWS_LEFT] -= 1

    row = world.rows[world.counters[ROWS]]
    world.counters[ROWS] += 1
    row.time = event.time
    row.block = event.block
    row.user = trader
    row.coin = coin
    row.side = side
    if direction == _BY_POSITION:
        direction = _direction(kind, start, delta)
    row.dir = direction
    row.crossed = is_crossed
    row.fee_in_token = in_token
    row.px = px
    row.sz = sz
    row.start = start
    row.pnl = pnl
    row.fee = fee
    row.builder_fee = builder_fee
    row.builder = agent.builder if builder_fee > 0 else -1
    row.liquidated = event.liquidated
    row.mark = event.mark
    row.method = event.method
    row.tx = event.tx
    row.oid = oid
    row.tid = event.tid
    row.twap = event.twap if is_crossed else 0
    row.cloid = 0
    if agent.uses_cloid and event.tid != 0:
        world.counters[NEXT_CLOID] += 1
        row.cloid = world.counters[NEXT_CLOID]
    if kind != _OUTCOME:
        fee_usd = fee * (px if in_token else instrument.fee_scale)
        book(world, trader, coin, event, direction, start, delta, pnl, fee_usd)
    else:
        # Outcomes stay out of PnL: the truth knows only how many there are.
        if key.fills == 0:
            key.first_start = start
        if key.fills == 0 or key.tape_position != start:
            key.met_block = event.block
        key.fills += 1
        key.tape_position = start + delta
