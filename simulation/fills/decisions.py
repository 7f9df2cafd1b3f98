"""What traders want: side and size of an order, from position, skill and price."""

from __future__ import annotations

from typing import Any

from pgio.compiled import compilable
from simulation.fills.arithmetic import price_at, uniform
from simulation.fills.codes import Kind, Order, Role
from simulation.fills.state import World

_PERP = int(Kind.PERP)
_WINNER = int(Role.WINNER)
_MARKET_MAKER = int(Role.MARKET_MAKER)
_VAULT = int(Role.VAULT)
_LIQUIDATOR = int(Role.LIQUIDATOR)
_SCALP_EXIT = int(Order.SCALP_EXIT)
_HIDDEN_RESIZE = int(Order.HIDDEN_RESIZE)
_HIDDEN_CLOSE = int(Order.HIDDEN_CLOSE)
_HIDDEN_FLIP = int(Order.HIDDEN_FLIP)
# A winner stays out when the move ahead would not pay for fees and spread.
_LEAST_EDGE = 0.0025


@compilable
def size_of(usd: float, mid: float, instrument: Any) -> int:
    """Return the size in position units that some dollars buy, at least one lot.

    Parameters
    ----------
    usd : float
    mid : float
        Price units.
    instrument : record of INSTRUMENT

    Returns
    -------
    int
    """
    return max(1, int(usd * instrument.money_unit / mid)) * int(instrument.lot)


@compilable
def value_of(size: int, mid: float, instrument: Any) -> float:
    """Return the dollars that a size (position units, signed) is worth."""
    return float(size * mid / (instrument.lot * instrument.money_unit))


@compilable
def part_of(size: int, share: float, instrument: Any) -> int:
    """Return a share of a size in whole lots, at least one, never more than the size.

    Returns 0 if the size is less than a lot.
    """
    lots = size // instrument.lot
    if lots == 0:
        return 0
    return int(min(lots, max(1, int(lots * share))) * instrument.lot)


@compilable
def is_ruined(world: World, trader: int, coin: int, mid: float) -> bool:
    """Tell whether a perpetual position has lost more than its margin."""
    key = world.keys[trader, coin]
    instrument = world.instruments[coin]
    if instrument.kind != _PERP or key.position == 0 or key.cost == 0:
        return False
    gain = key.position * mid - (key.cost if key.position > 0 else -key.cost)
    return bool(-gain > world.agents[trader].ruin * key.cost)


@compilable
def decide(
    world: World, trader: int, coin: int, kind: int, time_of_day: int, mid: float
) -> tuple[int, int]:
    """Return what a trader orders.

    Parameters
    ----------
    world : World
    trader, coin : int
    kind : int
        `codes.Order`.
    time_of_day : int
        Milliseconds since midnight.
    mid : float
        Price units.

    Returns
    -------
    side : int
        +1 to buy, -1 to sell.
    size : int
        Position units; 0 for no order.
    """
    agent = world.agents[trader]
    position = world.keys[trader, coin].position
    instrument = world.instruments[coin]
    away = -1 if position > 0 else 1
    if kind == _SCALP_EXIT:
        return away, part_of(abs(position), 1.0, instrument)
    if position != 0 and kind >= _HIDDEN_RESIZE:
        return _decide_hidden(world, trader, coin, kind)
    if agent.role == _MARKET_MAKER or agent.role == _VAULT:
        # Quoting is what they live on; they cross only to shed a large position.
        if instrument.kind != _PERP or uniform(world.random) < 0.5:
            return 1, 0
        return away, part_of(abs(position), 0.5, instrument)
    wanted, edge = _outlook(world, trader, coin, time_of_day, mid)
    draw = uniform(world.random)
    spread = uniform(world.random)
    usd = agent.order_usd * (0.25 + 2.25 * spread * spread)
    if position == 0 or (instrument.kind != _PERP and position < instrument.lot):
        if wanted < 0 and instrument.kind != _PERP:
            return 1, 0
        if agent.role == _WINNER and edge < _LEAST_EDGE and draw < 0.8:
            return 1, 0
        return wanted, size_of(usd, mid, instrument)
    if wanted == -away:
        has_room = abs(value_of(position, mid, instrument)) + usd < agent.limit_usd
        if draw < 0.45 and has_room:
            return wanted, size_of(usd, mid, instrument)
        if draw < 0.75:
            return away, part_of(abs(position), 0.25 + 0.5 * spread, instrument)
        return 1, 0
    if draw < agent.flip and instrument.kind == _PERP:
        return away, abs(position) + size_of(usd, mid, instrument)
    share = 1.0 if draw < 0.75 else 0.3 + 0.5 * spread
    return away, part_of(abs(position), share, instrument)


@compilable
def _outlook(
    world: World, trader: int, coin: int, time_of_day: int, mid: float
) -> tuple[int, float]:
    """Guess the direction of the move ahead; right as often as the trader's skill."""
    agent = world.agents[trader]
    later = price_at(world.paths, coin, time_of_day + agent.horizon_ms)
    move = later / mid - 1.0
    direction = 1 if move > 0 else -1
    if uniform(world.random) >= agent.skill:
        direction = -direction
    return direction, abs(move)


@compilable
def _decide_hidden(world: World, trader: int, coin: int, kind: int) -> tuple[int, int]:
    position = world.keys[trader, coin].position
    instrument = world.instruments[coin]
    away = -1 if position > 0 else 1
    if kind == _HIDDEN_CLOSE:
        return away, part_of(abs(position), 1.0, instrument)
    if kind == _HIDDEN_FLIP and instrument.kind == _PERP:
        return away, abs(position) + part_of(abs(position), 0.6, instrument)
    side = away if uniform(world.random) < 0.5 else -away
    return side, part_of(abs(position), 0.4, instrument)


@compilable
def largest_holding(world: World, trader: int) -> int:
    """Return the perpetual in which a trader holds most, -1 if none."""
    best = -1
    most = 0.0
    for coin in range(world.keys.shape[1]):
        instrument = world.instruments[coin]
        if instrument.kind != _PERP:
            continue
        value = abs(
            value_of(
                world.keys[trader, coin].position, world.paths[coin, 0], instrument
            )
        )
        if value > most:
            most = value
            best = coin
    return best
