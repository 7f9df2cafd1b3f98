"""The end of a ruined position: the market, the backstop vault, or ADL."""

from __future__ import annotations

from pgio.compiled import compilable
from simulation.fills.arithmetic import snap, uniform
from simulation.fills.codes import Dir, Method
from simulation.fills.decisions import part_of
from simulation.fills.matching import next_tid, next_tx, sweep
from simulation.fills.settlement import can_trade, next_oid, settle_leg
from simulation.fills.state import Event, Leg, Request, World

_BY_POSITION = int(Dir.BY_POSITION)
_LIQUIDATED_LONG = int(Dir.LIQUIDATED_LONG)
_LIQUIDATED_SHORT = int(Dir.LIQUIDATED_SHORT)
_ADL = int(Dir.AUTO_DELEVERAGING)
_BACKSTOP = int(Method.BACKSTOP)
# The population lists two quoting vaults first, then this one.
_LIQUIDATOR_VAULT = 2


@compilable
def liquidate(
    world: World,
    time: int,
    block: int,
    trader: int,
    coin: int,
    mid: float,
    is_visible: bool,
) -> None:
    """Close a ruined position: on the market, by the backstop vault, or by ADL.

    Parameters
    ----------
    world : World
    time, block : int
    trader, coin : int
    mid : float
        Price units.
    is_visible : bool
    """
    instrument = world.instruments[coin]
    position = world.keys[trader, coin].position
    side = -1 if position > 0 else 1
    draw = uniform(world.random)
    if draw < 0.7:
        share = 0.3 if draw < 0.15 else 1.0
        part = part_of(abs(position), share, instrument)
        sweep(
            world,
            Request(time, block, trader, coin, side, part, mid, 0, trader, is_visible),
        )
        return
    if not can_trade(world, trader, coin, side, block, is_visible):
        return
    other = -1
    size = abs(position)
    if draw < 0.85:
        other = _deleveraged(world, trader, coin, side, block, is_visible)
    direction = _ADL
    if other >= 0:
        size = min(size, abs(world.keys[other, coin].position))
    else:
        other = _LIQUIDATOR_VAULT
        direction = _BY_POSITION
        if not can_trade(world, other, coin, -side, block, is_visible):
            return
    px = snap(mid, side < 0, instrument.price_unit, instrument.least_tick)
    event = Event(
        time,
        block,
        next_tid(world),
        next_tx(world),
        0,
        trader,
        px,
        _BACKSTOP,
        is_visible,
    )
    words = _LIQUIDATED_LONG if position > 0 else _LIQUIDATED_SHORT
    oid = next_oid(world)
    leg = Leg(trader, coin, side, px, size, oid, True, words, True)
    settle_leg(world, event, leg)
    oid = next_oid(world)
    leg = Leg(other, coin, -side, px, size, oid, False, direction, True)
    settle_leg(world, event, leg)


@compilable
def _deleveraged(
    world: World, ruined: int, coin: int, side: int, block: int, is_visible: bool
) -> int:
    """Find a trader on the other side who is made to close against the ruined one."""
    for _ in range(200):
        trader = int(uniform(world.random) * len(world.agents))
        if trader <= _LIQUIDATOR_VAULT or trader == ruined:
            continue
        # The ruined trader sells a long: the other one must be short, and buys.
        if world.keys[trader, coin].position * side > 0 and can_trade(
            world, trader, coin, -side, block, is_visible
        ):
            return trader
    return -1
