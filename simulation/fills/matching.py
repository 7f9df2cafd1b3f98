"""Finding the other side: sweeps through makers, and resting orders."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pgio.compiled import compilable
from simulation.fills.arithmetic import scramble, snap, uniform
from simulation.fills.codes import Dir, Kind, Method
from simulation.fills.decisions import part_of, size_of, value_of
from simulation.fills.settlement import can_trade, next_oid, settle_leg
from simulation.fills.state import NEXT_TX, ROWS_LEFT, Event, Leg, Request, World

_PERP = int(Kind.PERP)
_BY_POSITION = int(Dir.BY_POSITION)
_MARKET = int(Method.MARKET)
# The population lists the quoting vaults first.
_VAULTS = 2
_LEVELS = 5
_TID_MASK = np.uint64((1 << 50) - 1)


@compilable
def next_tx(world: World) -> int:
    """Take the next transaction number."""
    world.counters[NEXT_TX] += 1
    return int(world.counters[NEXT_TX])


@compilable
def next_tid(world: World) -> int:
    """Draw a trade id: 50 bits, never 0."""
    uniform(world.random)
    return int(np.int64(scramble(world.random[0]) & _TID_MASK) | np.int64(1))


@compilable
def _resting_oid(world: World, trader: int, coin: int, side: int) -> int:
    """Return the order a maker is filled on: often the one of the last fill."""
    key = world.keys[trader, coin]
    oid = key.bid_oid if side > 0 else key.ask_oid
    if oid == 0 or uniform(world.random) < 0.6:
        oid = next_oid(world)
        if side > 0:
            key.bid_oid = oid
        else:
            key.ask_oid = oid
    return int(oid)


@compilable
def _accepts(
    world: World, trader: int, coin: int, side: int, size: int, mid: float, room: float
) -> bool:
    """Tell whether a trader takes a trade on: within the limit, nothing sold short."""
    position = world.keys[trader, coin].position
    instrument = world.instruments[coin]
    if instrument.kind != _PERP and side < 0:
        return bool(position >= size)
    after = abs(value_of(position + side * size, mid, instrument))
    return after <= room or after < abs(value_of(position, mid, instrument))


@compilable
def _pick(
    world: World,
    tickets: npt.NDArray[np.int64],
    taker: int,
    coin: int,
    side: int,
    size: int,
    mid: float,
    block: int,
    is_visible: bool,
) -> int:
    """Draw counterparties for `side` and take the keenest to shed inventory, or -1."""
    best = -1
    best_score = -1e9
    instrument = world.instruments[coin]
    for _ in range(6):
        trader = tickets[int(uniform(world.random) * len(tickets))]
        room = world.agents[trader].limit_usd
        if trader == taker:
            continue
        if not can_trade(world, trader, coin, side, block, is_visible):
            continue
        if not _accepts(world, trader, coin, side, size, mid, room):
            continue
        stock = value_of(world.keys[trader, coin].position, mid, instrument)
        if instrument.kind != _PERP:
            stock -= room / 2
        score = -side * stock / room + 0.5 * uniform(world.random)
        if score > best_score:
            best_score = score
            best = trader
    return best


@compilable
def sweep(world: World, request: Request) -> None:
    """Cross the spread and trade with one maker after another.

    Parameters
    ----------
    world : World
    request : Request
    """
    time, block, taker, coin, side, size, mid, twap, liquidated, is_visible = request
    instrument = world.instruments[coin]
    # The exchange itself, not a signed transaction, sends the slices of a TWAP order.
    tx = 0 if twap > 0 else next_tx(world)
    oid = next_oid(world)
    mark = snap(mid, False, instrument.price_unit, instrument.least_tick)
    left = size
    for level in range(_LEVELS):
        if left == 0 or (is_visible and world.counters[ROWS_LEFT] < 2):
            return
        if not can_trade(world, taker, coin, side, block, is_visible):
            return
        part = left
        if level < _LEVELS - 1 and uniform(world.random) < 0.4:
            part = part_of(left, 0.2 + 0.5 * uniform(world.random), instrument)
            # A perpetual is counted in lots; what spot leaves over stays as dust.
            part = left if part == 0 else part
        maker = _pick(
            world, world.makers, taker, coin, -side, part, mid, block, is_visible
        )
        if maker < 0:
            maker = _last_resort(world, taker, coin, -side, part, block, is_visible)
        if maker < 0:
            return
        away = mid * (1.0 + side * instrument.half_spread * (1.0 + 0.6 * level))
        px = snap(away, side > 0, instrument.price_unit, instrument.least_tick)
        event = Event(
            time,
            block,
            next_tid(world),
            tx,
            twap,
            liquidated,
            mark,
            _MARKET if liquidated >= 0 else 0,
            is_visible,
        )
        maker_oid = _resting_oid(world, maker, coin, -side)
        leg = Leg(taker, coin, side, px, part, oid, True, _BY_POSITION, False)
        settle_leg(world, event, leg)
        leg = Leg(maker, coin, -side, px, part, maker_oid, False, _BY_POSITION, False)
        settle_leg(world, event, leg)
        left -= part


@compilable
def _last_resort(
    world: World, taker: int, coin: int, side: int, size: int, block: int, shown: bool
) -> int:
    """Return a quoting vault, whatever its limits, or -1."""
    for vault in range(_VAULTS):
        if vault == taker or not can_trade(world, vault, coin, side, block, shown):
            continue
        if (
            world.instruments[coin].kind == _PERP
            or side > 0
            or world.keys[vault, coin].position >= size
        ):
            return vault
    return -1


@compilable
def rest(world: World, request: Request) -> int:
    """Leave an order in the book, where up to three other traders take it.

    Parameters
    ----------
    world : World
    request : Request

    Returns
    -------
    int
        What nobody took, if nobody took anything: the trader crosses then. Else 0.
    """
    time, block, maker, coin, side, size, mid, _, _, is_visible = request
    instrument = world.instruments[coin]
    inside = mid * (1.0 - side * instrument.half_spread)
    px = snap(inside, side < 0, instrument.price_unit, instrument.least_tick)
    oid = next_oid(world)
    left = size
    for _ in range(3):
        if left == 0 or (is_visible and world.counters[ROWS_LEFT] < 2):
            break
        if not can_trade(world, maker, coin, side, block, is_visible):
            return 0
        likely = size_of(500.0 + 1500.0 * uniform(world.random), mid, instrument)
        part = min(left, likely)
        taker = _pick(
            world, world.takers, maker, coin, -side, part, mid, block, is_visible
        )
        if taker < 0:
            break
        event = Event(
            time, block, next_tid(world), next_tx(world), 0, -1, 0, 0, is_visible
        )
        taker_oid = next_oid(world)
        leg = Leg(taker, coin, -side, px, part, taker_oid, True, _BY_POSITION, False)
        settle_leg(world, event, leg)
        leg = Leg(maker, coin, side, px, part, oid, False, _BY_POSITION, False)
        settle_leg(world, event, leg)
        left -= part
    return left if left == size else 0
