"""What the exchange does by itself: dust conversion, vault netting, settlement."""

from __future__ import annotations

import numpy as np

from pgio.compiled import compilable
from simulation.fills.arithmetic import price_at, snap
from simulation.fills.codes import Dir, Kind
from simulation.fills.matching import next_tid
from simulation.fills.settlement import can_trade, next_oid, settle_leg
from simulation.fills.state import ROWS_LEFT, Event, Leg, World

_PERP = int(Kind.PERP)
_SPOT = int(Kind.SPOT)
_DUST = int(Dir.DUST)
_SETTLEMENT = int(Dir.SETTLEMENT)
_NET_CHILD_VAULTS = int(Dir.NET_CHILD_VAULTS)


@compilable
def convert_dust(world: World, time: int, block: int, is_visible: bool) -> None:
    """Sell every spot balance of less than a lot: one leg, no trade id, no hash.

    Parameters
    ----------
    world : World
    time, block : int
        The first block of a day.
    is_visible : bool
    """
    event = Event(time, block, 0, 0, 0, -1, 0, 0, is_visible)
    # Trades come in two rows: leave one balance for tomorrow if the rows of the tape
    # would not come out even.
    is_skipping = (world.counters[ROWS_LEFT] - _count_dust(world)) % 2 == 1
    for coin in range(len(world.instruments)):
        instrument = world.instruments[coin]
        if instrument.kind != _SPOT:
            continue
        px = snap(
            world.paths[coin, 0], False, instrument.price_unit, instrument.least_tick
        )
        for trader in range(len(world.agents)):
            held = world.keys[trader, coin].position
            if held <= 0 or held >= instrument.lot:
                continue
            if world.counters[ROWS_LEFT] < 1:
                return
            if is_skipping:
                is_skipping = False
                continue
            oid = next_oid(world)
            leg = Leg(trader, coin, -1, px, held, oid, False, _DUST, True)
            settle_leg(world, event, leg)


@compilable
def _count_dust(world: World) -> int:
    count = 0
    for coin in range(len(world.instruments)):
        instrument = world.instruments[coin]
        if instrument.kind == _SPOT:
            held = world.keys[:, coin]["position"]
            count += int(np.sum((held > 0) & (held < instrument.lot)))
    return count


@compilable
def net_vaults(
    world: World, time: int, block: int, time_of_day: int, is_visible: bool
) -> None:
    """Net opposite positions of the two quoting vaults against each other.

    Parameters
    ----------
    world : World
    time, block : int
    time_of_day : int
        Milliseconds since midnight.
    is_visible : bool
    """
    for coin in range(len(world.instruments)):
        instrument = world.instruments[coin]
        one = world.keys[0, coin].position
        other = world.keys[1, coin].position
        if instrument.kind != _PERP or one == 0 or other == 0:
            continue
        if (one > 0) == (other > 0) or world.counters[ROWS_LEFT] < 2:
            continue
        side = -1 if one > 0 else 1
        if not can_trade(world, 0, coin, side, block, is_visible):
            continue
        if not can_trade(world, 1, coin, -side, block, is_visible):
            continue
        size = min(abs(one), abs(other))
        mid = price_at(world.paths, coin, time_of_day)
        px = snap(mid, False, instrument.price_unit, instrument.least_tick)
        event = Event(time, block, next_tid(world), 0, 0, -1, 0, 0, is_visible)
        for vault in range(2):
            oid = next_oid(world)
            words = _NET_CHILD_VAULTS
            leg = Leg(vault, coin, side, px, size, oid, vault == 0, words, True)
            settle_leg(world, event, leg)
            side = -side


@compilable
def settle_coin(
    world: World, time: int, block: int, coin: int, time_of_day: int
) -> None:
    """Delist a coin: every position is closed at the mark, one leg each, no trade id.

    Parameters
    ----------
    world : World
    time, block : int
    coin : int
    time_of_day : int
        Milliseconds since midnight.
    """
    instrument = world.instruments[coin]
    mid = price_at(world.paths, coin, time_of_day)
    px = snap(mid, False, instrument.price_unit, instrument.least_tick)
    event = Event(time, block, 0, 0, 0, -1, 0, 0, True)
    for trader in range(len(world.agents)):
        position = world.keys[trader, coin].position
        side = -1 if position > 0 else 1
        if position == 0 or world.counters[ROWS_LEFT] < 1:
            continue
        oid = next_oid(world)
        size = abs(position)
        leg = Leg(trader, coin, side, px, size, oid, False, _SETTLEMENT, True)
        settle_leg(world, event, leg)
    instrument.is_settled = 1
