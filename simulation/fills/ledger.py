"""The truth: what a careful reader of the tape should find, kept as it is written.

Independent of the fold that it is there to check: it sees each fill once, in the
sequence of the exchange, and knows what the exchange knows.
"""

from __future__ import annotations

from typing import Any

from pgio.compiled import compilable, compiled
from simulation.fills.arithmetic import proportion
from simulation.fills.codes import Dir, Kind, Reason
from simulation.fills.state import (
    EPISODES,
    GAPS_FROM_FLAT,
    GAPS_KEPT,
    GAPS_TO_FLAT,
    GAPS_TO_OTHER_SIDE,
    Event,
    World,
)

# Enumerations as plain integers, which the kernel compares fastest.
_OUTCOME = int(Kind.OUTCOME)
_OPEN = int(Reason.OPEN)
_TRADE = int(Reason.TRADE)
_FLIP = int(Reason.FLIP)
_LIQUIDATION = int(Reason.LIQUIDATION)
_ADL = int(Reason.ADL)
_SETTLEMENT = int(Reason.SETTLEMENT)
_TRANSFER = int(Reason.TRANSFER)
_GAP = int(Reason.GAP)
_DUST = int(Reason.DUST)
_DIR_ADL = int(Dir.AUTO_DELEVERAGING)
_DIR_SETTLEMENT = int(Dir.SETTLEMENT)
_DIR_TRANSFER = int(Dir.NET_CHILD_VAULTS)
_DIR_DUST = int(Dir.DUST)


@compilable
def open_episode(key: Any, time: int, size: int, is_known: int, gaps: int) -> None:
    """Begin an episode of a key that has none.

    Parameters
    ----------
    key : record of KEY
    time : int
        Milliseconds since the epoch.
    size : int
        Signed, position units.
    is_known : int
        1 if the tape shows how the position was entered.
    gaps : int
        Gaps so far.
    """
    key.opened = time
    key.max_size = abs(size)
    key.episode_pnl = 0
    key.episode_fees = 0
    key.episode_fills = 0
    key.gaps = gaps
    key.is_basis_known = is_known
    key.is_liquidated = 0


@compilable
def close_episode(
    world: World, key: Any, trader: int, coin: int, side: int, time: int, reason: int
) -> None:
    """Write a finished episode down.

    Parameters
    ----------
    world : World
    key : record of KEY
    trader, coin : int
    side : int
        +1 for long, -1 for short.
    time : int
        Milliseconds since the epoch, 0 while still open.
    reason : int
        `codes.Reason`.
    """
    episode = world.episodes[world.counters[EPISODES]]
    world.counters[EPISODES] += 1
    episode.user = trader
    episode.coin = coin
    episode.side = side
    episode.opened = key.opened
    episode.closed = time
    episode.max_size = key.max_size
    episode.pnl = key.episode_pnl
    episode.fees = key.episode_fees
    episode.fills = key.episode_fills
    episode.gaps = key.gaps
    episode.reason = reason
    episode.is_basis_known = key.is_basis_known
    episode.is_liquidated = key.is_liquidated


@compilable
def _meet(
    world: World, key: Any, trader: int, coin: int, event: Event, start: int
) -> None:
    """Compare what the tape says the position was with what it should be."""
    expected = key.tape_position
    if key.fills == 0:
        key.first_start = start
        key.met_block = event.block
        if start != 0:
            open_episode(key, event.time, start, 0, 0)
        return
    if expected == start:
        return
    key.met_block = event.block
    if expected != 0 and (expected > 0) == (start > 0) and start != 0:
        world.counters[GAPS_KEPT] += 1
        key.gaps += 1
        key.is_basis_known = 0
        key.max_size = max(key.max_size, abs(start))
        return
    if expected != 0:
        side = 1 if expected > 0 else -1
        close_episode(world, key, trader, coin, side, event.time, _GAP)
    if start == 0:
        world.counters[GAPS_TO_FLAT] += 1
        return
    slot = GAPS_FROM_FLAT if expected == 0 else GAPS_TO_OTHER_SIDE
    world.counters[slot] += 1
    open_episode(key, event.time, start, 0, 1)


@compilable
def _reason(trader: int, event: Event, direction: int, is_flip: bool) -> int:
    if event.liquidated == trader:
        return _LIQUIDATION
    if direction == _DIR_ADL:
        return _ADL
    if direction == _DIR_SETTLEMENT:
        return _SETTLEMENT
    if direction == _DIR_TRANSFER:
        return _TRANSFER
    if direction == _DIR_DUST:
        return _DUST
    return _FLIP if is_flip else _TRADE


@compilable
def book(
    world: World,
    trader: int,
    coin: int,
    event: Event,
    direction: int,
    start: int,
    delta: int,
    pnl: int,
    fee: int,
) -> None:
    """Book one fill of the tape.

    Parameters
    ----------
    world : World
    trader, coin : int
    event : Event
    direction : int
        `codes.Dir`.
    start, delta : int
        Signed, position units.
    pnl : int
        Profit of the part that closed, money units.
    fee : int
        Fee in USD, in the instrument's fee units.
    """
    key = world.keys[trader, coin]
    _meet(world, key, trader, coin, event, start)
    is_closing = start != 0 and (start > 0) != (delta > 0)
    closing = min(abs(start), abs(delta)) if is_closing else 0
    opening = abs(delta) - closing
    fee_left = fee
    if closing > 0:
        part = proportion(abs(fee), closing, abs(delta))
        part = part if fee >= 0 else -part
        fee_left = fee - part
        key.episode_pnl += pnl
        key.episode_fees += part
        key.episode_fills += 1
        if event.liquidated == trader:
            key.is_liquidated = 1
        if closing == abs(start):
            reason = _reason(trader, event, direction, opening > 0)
            side = 1 if start > 0 else -1
            close_episode(world, key, trader, coin, side, event.time, reason)
    end = start + delta
    if opening > 0:
        if start == 0 or closing > 0:
            open_episode(key, event.time, end, 1, 0)
        key.episode_fees += fee_left
        key.episode_fills += 1
        key.max_size = max(key.max_size, abs(end))
    key.tape_position = end
    key.fills += 1
    key.pnl += pnl
    key.fees += fee


@compiled
def close_all(world: World) -> None:
    """Write down the episodes that are open at the end of the tape.

    Parameters
    ----------
    world : World
        Its episode buffer must hold one more row for each trader and coin.
    """
    for trader in range(world.keys.shape[0]):
        for coin in range(world.keys.shape[1]):
            key = world.keys[trader, coin]
            if world.instruments[coin].kind == _OUTCOME:
                continue
            if key.fills > 0 and key.tape_position != 0:
                side = 1 if key.tape_position > 0 else -1
                close_episode(world, key, trader, coin, side, 0, _OPEN)
