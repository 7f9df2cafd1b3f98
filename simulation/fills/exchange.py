"""The exchange: goes through orders one by one, and writes both legs of each trade."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pgio.compiled import compilable, compiled
from simulation.fills.coins import OUTCOME, PERP, SPOT
from simulation.fills.orders import (
    CLOSE,
    HEDGE,
    HIDDEN_CLOSE,
    HIDDEN_FLIP,
    HIDDEN_RESIZE,
    TWAP,
)
from simulation.fills.traders import LIQUIDATOR, VAULTS

RATE_UNIT = 100_000_000

#: Wordings of a fill that do not follow from the position.
PLAIN, LIQUIDATED, ADL, SETTLEMENT, DUST, NETTING = range(6)
#: How a position was liquidated.
NOT, MARKET, BACKSTOP = range(3)

#: One line of the tape: integers on the grids of the coin.
ROW = np.dtype(
    [
        ("time", "i8"),
        ("user", "i4"),
        ("coin", "i4"),
        ("side", "i1"),
        ("words", "i1"),
        ("crossed", "i1"),
        ("method", "i1"),
        ("liquidated", "i4"),
        # Counted up from 1; 0 where there is no trade, or nobody signed a transaction.
        ("trade", "i8"),
        ("tx", "i8"),
        ("oid", "i8"),
        ("twap", "i8"),
        ("px", "i8"),
        ("mark", "i8"),
        ("sz", "i8"),
        ("start", "i8"),
        ("delta", "i8"),
        ("pnl", "i8"),
        ("fee", "i8"),
        ("builder_fee", "i8"),
    ],
    align=True,
)

#: The exchange's account of one trader in one coin.
KEY = np.dtype(
    [
        ("position", "i8"),
        # Entry notional of the position, money units, never negative.
        ("cost", "i8"),
        # Orders that rest in the book.
        ("bid_oid", "i8"),
        ("ask_oid", "i8"),
        # Of this day. Prices times changes of the position, what was sold less what was
        # bought, and fees: money units divided by the lot.
        ("cash", "i8"),
        ("fees", "i8"),
        # Funding that was received, money units times rate units.
        ("funding", "i8"),
        ("fills", "i8"),
        # Not 0 if the tape lacks fills of the position.
        ("missed", "i8"),
    ]
)


class World(NamedTuple):
    """The state of the exchange.

    Attributes
    ----------
    grids : ndarray of GRID, shape (coins,)
    traders : ndarray of TRADER, shape (traders,)
    keys : ndarray of KEY, shape (traders, coins)
    makers, takers : ndarray of int64
        Lottery tickets for the other side of an order.
    counters : ndarray of int64, shape (4,)
        Rows in the buffer; the last order id, trade and transaction.
    open_interest : ndarray of int64, shape (coins,)
        Sum of the longs of a perpetual, position units.
    """

    grids: npt.NDArray[Any]
    traders: npt.NDArray[Any]
    keys: npt.NDArray[Any]
    makers: npt.NDArray[np.int64]
    takers: npt.NDArray[np.int64]
    counters: npt.NDArray[np.int64]
    open_interest: npt.NDArray[np.int64]


ROWS, OID, TRADE, TX = range(4)


class Fill(NamedTuple):
    """Values that are the same for both legs of a trade."""

    time: int
    coin: int
    px: int
    sz: int
    mark: int
    trade: int
    tx: int
    twap: int
    liquidated: int
    method: int
    is_shown: bool


@compiled
def run_orders(
    world: World,
    orders: npt.NDArray[Any],
    rows: npt.NDArray[Any],
    rng: np.random.Generator,
    is_shown: bool,
) -> None:
    """Execute orders.

    Parameters
    ----------
    world : World
    orders : ndarray of ORDER
    rows : ndarray of ROW
        Gets the fills, from `counters[ROWS]` on.
    rng : Generator
    is_shown : bool
        False before the tape begins.
    """
    for order in orders:
        _run_order(world, order, rows, rng, is_shown and order.kind < HIDDEN_RESIZE)


@compilable
def _run_order(
    world: World,
    order: Any,
    rows: npt.NDArray[Any],
    rng: np.random.Generator,
    is_shown: bool,
) -> None:
    """Decide what an order does, find the other side of its trades, settle both."""
    grid = world.grids[order.coin]
    trader = world.traders[order.trader]
    key = world.keys[order.trader, order.coin]
    held = abs(key.position) // grid.lot
    side, lots = _decide(world, order, held, rng)
    twap = order.twap
    if order.kind == TWAP:
        # All slices of one TWAP order are on the side of the first.
        if trader.twap != twap:
            trader.twap = twap
            trader.twap_side = side
        side = trader.twap_side
    liquidated = -1
    method = NOT
    other = -1
    words = PLAIN
    is_resting = twap == 0 and is_shown and rng.random() < trader.patience
    if is_shown and held >= order.trades and _is_ruined(trader, key, grid, order.mid):
        liquidated = order.trader
        twap = 0
        is_resting = False
        side = -1 if key.position > 0 else 1
        lots, method, other, words = _liquidation(world, order, held, side, rng)
    oid = _next_oid(world, rng)
    tx = 0
    if twap == 0:
        world.counters[TX] += 1
        tx = world.counters[TX]
    turns = liquidated < 0 and order.trades > 1 and rng.random() < 0.04
    left = lots
    part = 0
    for number in range(order.trades):
        after = order.trades - 1 - number
        if turns and after == 0 and part > 1:
            # A smaller trade back, with the one of the last trade.
            side = -side
            part //= 2
        else:
            part = left
            if after > 0:
                share = 0.2 + 0.5 * rng.random()
                part = min(max(1, int(left * share)), left - after)
            left -= part
            if is_resting:
                other = _taker(world, order, side, part * grid.lot, rng)
                is_resting = other >= 0
            if not is_resting and method != BACKSTOP:
                other = _maker(world, order, side, rng)
        level = -1.0 if is_resting else 1.0 + 0.6 * number
        if method == BACKSTOP:
            level = 0.0
        px = _snap(order.mid * (1.0 + side * grid.half_spread * level), side > 0, grid)
        world.counters[TRADE] += 1
        fill = Fill(
            order.time,
            order.coin,
            px,
            part * grid.lot,
            _snap(order.mid, False, grid) if liquidated >= 0 else 0,
            world.counters[TRADE],
            tx,
            twap,
            liquidated,
            method,
            is_shown,
        )
        own = LIQUIDATED if method == BACKSTOP else PLAIN
        if is_resting:
            taker_oid = _next_oid(world, rng)
            _settle(world, rows, fill, other, -side, True, taker_oid, PLAIN)
            _settle(world, rows, fill, order.trader, side, False, oid, PLAIN)
        else:
            maker_oid = _resting_oid(world, other, order.coin, side, rng)
            _settle(world, rows, fill, order.trader, side, True, oid, own)
            _settle(world, rows, fill, other, -side, False, maker_oid, words)


@compilable
def _decide(
    world: World, order: Any, held: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Return the side and the lots of an order, at least one lot for each trade."""
    grid = world.grids[order.coin]
    trader = world.traders[order.trader]
    position = world.keys[order.trader, order.coin].position
    away = -1 if position > 0 else 1
    lots_usd = order.mid / grid.money_unit
    fresh = max(order.trades, int(order.usd / lots_usd))
    if order.kind == HEDGE:
        spot = world.keys[order.trader, grid.spot].position
        missing = -(spot // world.grids[grid.spot].lot) - position
        return 1 if missing > 0 else -1, max(order.trades, abs(missing))
    if held < order.trades:
        return order.outlook if grid.kind == PERP else 1, fresh
    draw = rng.random()
    share = rng.random()
    if order.kind == CLOSE or order.kind == HIDDEN_CLOSE:
        return away, held
    if order.kind == HIDDEN_FLIP and grid.kind == PERP:
        return away, held + max(1, int(held * 0.6))
    if order.kind == HIDDEN_RESIZE:
        return order.outlook, max(1, int(held * 0.4))
    if order.outlook != away:
        if draw < 0.5 and (held + fresh) * lots_usd < trader.limit_usd:
            return -away, fresh
        part = max(order.trades, int(held * (0.25 + 0.5 * share)))
        return away, held if draw > 0.8 else part
    if draw < trader.flip and grid.kind == PERP:
        return away, held + fresh
    part = max(order.trades, int(held * (0.3 + 0.5 * share)))
    return away, held if draw < 0.75 else part


@compilable
def _is_ruined(trader: Any, key: Any, grid: Any, mid: float) -> bool:
    """Tell whether a perpetual position has lost more than its margin."""
    if grid.kind != PERP:
        return False
    gain = key.position * mid - (key.cost if key.position > 0 else -key.cost)
    return bool(-gain > trader.ruin * key.cost)


@compilable
def _liquidation(
    world: World, order: Any, held: int, side: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Return how a ruined position is closed: lots, method, on whom, in which words."""
    draw = rng.random()
    if draw < 0.7:
        lots = max(order.trades, int(held * 0.3)) if draw < 0.15 else held
        return lots, MARKET, -1, PLAIN
    for _ in range(200 if draw > 0.85 else 0):
        # ADL: the counterparty must hold the opposite position.
        trader = int(rng.random() * len(world.traders))
        lots = world.keys[trader, order.coin].position * side
        if lots >= order.trades and trader >= VAULTS and trader != order.trader:
            return min(held, lots), BACKSTOP, trader, ADL
    return held, BACKSTOP, LIQUIDATOR, PLAIN


@compilable
def _maker(world: World, order: Any, side: int, rng: np.random.Generator) -> int:
    """Draw makers and return the one with the most inventory to reduce."""
    best = -1
    most = 0
    for _ in range(4):
        maker = world.makers[int(rng.random() * len(world.makers))]
        stock = side * world.keys[maker, order.coin].position
        if best < 0 or stock > most:
            best = maker
            most = stock
    return int(best)


@compilable
def _taker(
    world: World, order: Any, side: int, size: int, rng: np.random.Generator
) -> int:
    """Draw the taker of a resting order; -1 if nobody owns enough to sell."""
    grid = world.grids[order.coin]
    for _ in range(6):
        taker = world.takers[int(rng.random() * len(world.takers))]
        can_sell = world.keys[taker, order.coin].position >= size
        if taker != order.trader and (grid.kind == PERP or side < 0 or can_sell):
            return int(taker)
    return -1


@compilable
def _next_oid(world: World, rng: np.random.Generator) -> int:
    """Take the next order id; ids of other people's orders lie between."""
    world.counters[OID] += 1 + int(rng.random() * 32)
    return int(world.counters[OID])


@compilable
def _resting_oid(
    world: World, maker: int, coin: int, taker_side: int, rng: np.random.Generator
) -> int:
    """Return the order a maker is filled on: often the one of the last fill."""
    key = world.keys[maker, coin]
    oid = key.ask_oid if taker_side > 0 else key.bid_oid
    if oid == 0 or rng.random() < 0.6:
        oid = _next_oid(world, rng)
        if taker_side > 0:
            key.ask_oid = oid
        else:
            key.bid_oid = oid
    return int(oid)


@compilable
def _snap(price: float, is_up: bool, grid: Any) -> int:
    """Round to the exchange's grid: five significant figures, or whole; price units."""
    units = int(np.ceil(price)) if is_up else int(np.floor(price))
    tick = 1
    while units >= 100_000 * tick:
        tick *= 10
    tick = max(min(tick, grid.price_unit), grid.least_tick)
    units = (units + tick - 1) // tick * tick if is_up else units // tick * tick
    return int(max(units, tick))


@compilable
def _charge(amount: int, rate: int) -> int:
    """Return a fee, cut to the unit of the amount, towards zero."""
    if rate >= 0:
        return amount * rate // RATE_UNIT
    return -(amount * -rate // RATE_UNIT)


@compilable
def _settle(
    world: World,
    rows: npt.NDArray[Any],
    fill: Fill,
    user: int,
    side: int,
    is_crossed: bool,
    oid: int,
    words: int,
) -> None:
    """Settle one leg of a trade: position, cost, PnL, fee, the line on the tape."""
    grid = world.grids[fill.coin]
    trader = world.traders[user]
    key = world.keys[user, fill.coin]
    # Acts of the exchange itself are free, and so are outcome coins.
    is_free = grid.kind == OUTCOME or words >= SETTLEMENT or fill.method == BACKSTOP
    in_token = grid.kind == SPOT and side > 0 and not is_free
    rate = trader.perp_taker if is_crossed else trader.perp_maker
    if grid.kind == SPOT:
        rate = trader.spot_taker if is_crossed else trader.spot_maker
    base = fill.sz if in_token else fill.px * fill.sz // grid.lot
    # Builders are not paid on spot buys.
    builder_fee = 0
    fee = 0
    if not is_free:
        builder_fee = 0 if in_token else _charge(base, trader.builder_rate)
        fee = _charge(base, rate) + builder_fee
    start = key.position
    delta = side * fill.sz - (fee if in_token else 0)
    closing = 0
    pnl = 0
    if start != 0 and (start > 0) != (delta > 0):
        closing = min(abs(start), abs(delta))
        # The closed share of the entry notional, rounded down; the rest at the close.
        whole = key.cost // abs(start)
        released = whole * closing
        released += int((key.cost - whole * abs(start)) * (closing / abs(start)))
        gain = fill.px * closing // grid.lot - released
        pnl = gain if start > 0 else -gain
        key.cost -= released
    key.cost += fill.px * (abs(delta) - closing) // grid.lot
    key.position = start + delta
    world.open_interest[fill.coin] += max(start + delta, 0) - max(start, 0)
    key.cash -= fill.px * delta
    key.fees += fee * (fill.px if in_token else grid.lot)
    key.fills += 1
    if not fill.is_shown:
        key.missed = 1
        return
    row = rows[world.counters[ROWS]]
    world.counters[ROWS] += 1
    row.time = fill.time
    row.user = user
    row.coin = fill.coin
    row.side = side
    row.words = words
    row.crossed = is_crossed
    row.method = fill.method
    row.liquidated = fill.liquidated
    row.trade = fill.trade
    row.tx = fill.tx
    row.oid = oid
    row.twap = fill.twap if is_crossed else 0
    row.px = fill.px
    row.mark = fill.mark
    row.sz = fill.sz
    row.start = start
    row.delta = delta
    row.pnl = pnl
    row.fee = fee
    row.builder_fee = builder_fee


@compiled
def pay_funding(world: World, prices: npt.NDArray[np.int64]) -> None:
    """Pay those who hold something.

    Parameters
    ----------
    world : World
    prices : ndarray of int64, shape (coins,)
        What a long of one position unit pays and a short receives, price units times
        rate units.
    """
    coins = np.flatnonzero(prices)
    for trader in range(len(world.keys)):
        for coin in coins:
            key = world.keys[trader, coin]
            key.funding -= key.position * prices[coin]


@compiled
def close_positions(
    world: World,
    rows: npt.NDArray[Any],
    rng: np.random.Generator,
    time: int,
    words: int,
    users: npt.NDArray[np.int64],
    coins: npt.NDArray[np.int64],
    prices: npt.NDArray[np.float64],
) -> None:
    """Close whole positions, in one leg each and without a trade id.

    Parameters
    ----------
    world : World
    rows : ndarray of ROW
    rng : Generator
    time : int
        Milliseconds since the epoch.
    words : int
        `DUST` or `SETTLEMENT`.
    users, coins : ndarray of int64, shape (positions,)
    prices : ndarray of float64, shape (positions,)
        Price units.
    """
    for i in range(len(users)):
        position = world.keys[users[i], coins[i]].position
        px = _snap(prices[i], False, world.grids[coins[i]])
        side = -1 if position > 0 else 1
        fill = Fill(time, coins[i], px, abs(position), 0, 0, 0, 0, -1, NOT, True)
        oid = _next_oid(world, rng)
        _settle(world, rows, fill, users[i], side, False, oid, words)


@compiled
def net_vaults(
    world: World,
    rows: npt.NDArray[Any],
    rng: np.random.Generator,
    time: int,
    coins: npt.NDArray[np.int64],
    prices: npt.NDArray[np.float64],
) -> None:
    """Net opposite positions of the first two vaults against each other.

    Parameters
    ----------
    world : World
    rows : ndarray of ROW
    rng : Generator
    time : int
        Milliseconds since the epoch.
    coins : ndarray of int64, shape (n,)
    prices : ndarray of float64, shape (n,)
        Price units.
    """
    for i in range(len(coins)):
        one = world.keys[0, coins[i]].position
        size = min(abs(one), abs(world.keys[1, coins[i]].position))
        px = _snap(prices[i], False, world.grids[coins[i]])
        world.counters[TRADE] += 1
        trade = world.counters[TRADE]
        fill = Fill(time, coins[i], px, size, 0, trade, 0, 0, -1, NOT, True)
        side = -1 if one > 0 else 1
        for vault in range(2):
            oid = _next_oid(world, rng)
            _settle(world, rows, fill, vault, side, vault == 0, oid, NETTING)
            side = -side
