"""The exchange: takes orders one by one, finds counterparties, trades."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pgio.compiled import compilable, compiled
from simulation.fills import housekeeping
from simulation.fills.arithmetic import price_at, uniform
from simulation.fills.codes import Kind, Order, Role
from simulation.fills.decisions import (
    decide,
    is_ruined,
    largest_holding,
    part_of,
    size_of,
    value_of,
)
from simulation.fills.liquidation import liquidate
from simulation.fills.matching import rest, sweep
from simulation.fills.settlement import can_trade
from simulation.fills.state import ROWS, ROWS_LEFT, Request, World

_PERP = int(Kind.PERP)
_BASIS = int(Role.BASIS)
_LIQUIDATOR = int(Role.LIQUIDATOR)
_TWAP_SLICE = int(Order.TWAP_SLICE)
_HIDDEN_RESIZE = int(Order.HIDDEN_RESIZE)
_DUST = int(Order.DUST)
_NET_VAULTS = int(Order.NET_VAULTS)
_SETTLE = int(Order.SETTLE)
# Rows one order can write at most: two sweeps of a basis trader.
_ORDER_ROWS = 64


@compiled
def run_orders(
    world: World,
    times: npt.NDArray[np.int64],
    blocks: npt.NDArray[np.int64],
    traders: npt.NDArray[np.int64],
    coins: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.int64],
    twaps: npt.NDArray[np.int64],
    day_ms: int,
    first: int,
    is_visible: bool,
) -> int:
    """Execute orders until they are done or the row buffer is nearly full.

    Parameters
    ----------
    world : World
    times, blocks : ndarray of int64, shape (orders,)
        Time of the block, milliseconds since the epoch, and its number.
    traders, coins, kinds, twaps : ndarray, shape (orders,)
        As in `orders.Orders`.
    day_ms : int
        Midnight, milliseconds since the epoch.
    first : int
        Order to begin with.
    is_visible : bool
        False before the tape begins.

    Returns
    -------
    int
        The order to go on with; the number of orders when all are done.
    """
    for i in range(first, len(times)):
        kind = kinds[i]
        coin = coins[i]
        room = len(world.rows) - world.counters[ROWS]
        is_new_block = i == first or blocks[i] != blocks[i - 1]
        if room < _ORDER_ROWS or (is_new_block and room < 4 * len(world.agents) + 4096):
            return i
        if world.counters[ROWS_LEFT] < 2:
            return len(times)
        time_of_day = times[i] - day_ms
        if kind >= _DUST:
            if kind == _DUST:
                housekeeping.convert_dust(world, times[i], blocks[i], is_visible)
            elif kind == _NET_VAULTS:
                housekeeping.net_vaults(
                    world, times[i], blocks[i], time_of_day, is_visible
                )
            elif is_visible:
                housekeeping.settle_coin(world, times[i], blocks[i], coin, time_of_day)
            continue
        if world.instruments[coin].is_settled:
            coin = 0
        _run_order(
            world,
            times[i],
            blocks[i],
            traders[i],
            coin,
            kind,
            twaps[i],
            time_of_day,
            is_visible,
        )
    return len(times)


@compilable
def _run_order(
    world: World,
    time: int,
    block: int,
    trader: int,
    coin: int,
    kind: int,
    twap: int,
    time_of_day: int,
    is_visible: bool,
) -> None:
    agent = world.agents[trader]
    if agent.role == _LIQUIDATOR:
        coin = largest_holding(world, trader)
        if coin < 0:
            return
    mid = price_at(world.paths, coin, time_of_day)
    if agent.role == _BASIS:
        _trade_basis(world, time, block, trader, coin, time_of_day, is_visible)
        return
    if is_ruined(world, trader, coin, mid):
        liquidate(world, time, block, trader, coin, mid, is_visible)
        return
    if agent.role == _LIQUIDATOR:
        position = world.keys[trader, coin].position
        instrument = world.instruments[coin]
        side = -1 if position > 0 else 1
        size = min(abs(position), size_of(agent.order_usd, mid, instrument))
    else:
        side, size = decide(world, trader, coin, kind, time_of_day, mid)
    if kind == _TWAP_SLICE and size > 0:
        # All slices of one TWAP order are on the side of the first.
        if agent.twap != twap:
            agent.twap = twap
            agent.twap_side = side
        if side != agent.twap_side:
            return
    elif kind != _TWAP_SLICE:
        twap = 0
    if size == 0:
        return
    is_hidden = kind >= _HIDDEN_RESIZE and kind < _DUST
    is_shown = is_visible and not is_hidden
    if twap == 0 and not is_hidden and uniform(world.random) < agent.patience:
        size = rest(
            world,
            Request(time, block, trader, coin, side, size, mid, 0, -1, is_shown),
        )
    if size > 0:
        sweep(
            world,
            Request(time, block, trader, coin, side, size, mid, twap, -1, is_shown),
        )


@compilable
def _trade_basis(
    world: World,
    time: int,
    block: int,
    trader: int,
    coin: int,
    time_of_day: int,
    is_visible: bool,
) -> None:
    """Buy spot and sell the perpetual, or both the other way round."""
    spot = world.instruments[coin].spot
    if spot < 0:
        return
    agent = world.agents[trader]
    perp_mid = price_at(world.paths, coin, time_of_day)
    spot_mid = price_at(world.paths, spot, time_of_day)
    short = -world.keys[trader, coin].position
    lot = world.instruments[spot].lot
    held = world.keys[trader, spot].position
    value = value_of(short, perp_mid, world.instruments[coin])
    if short <= 0 or (uniform(world.random) < 0.45 and value < agent.limit_usd):
        side = 1
        usd = agent.order_usd * (0.5 + uniform(world.random))
        hedge = size_of(usd, perp_mid, world.instruments[coin])
        size = hedge * lot
    else:
        side = -1
        share = 1.0 if uniform(world.random) < 0.4 else 0.5
        hedge = part_of(short, share, world.instruments[coin])
        size = min(hedge * lot, held // lot * lot)
    if not can_trade(world, trader, spot, side, block, is_visible):
        return
    if not can_trade(world, trader, coin, -side, block, is_visible):
        return
    if size > 0:
        bought = Request(
            time, block, trader, spot, side, size, spot_mid, 0, -1, is_visible
        )
        sweep(world, bought)
    sold = Request(time, block, trader, coin, -side, hedge, perp_mid, 0, -1, is_visible)
    sweep(world, sold)
