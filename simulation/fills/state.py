"""Everything the kernel reads and writes: record layouts and tuples.

Arguments travel in tuples where a call would pass literals: numba compiles a function
once more for each literal argument, but not for literals inside a tuple.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# One line of the tape; sizes and prices are integers on the instrument's grids.
ROW = np.dtype(
    [
        ("time", "i8"),
        ("block", "i8"),
        ("user", "i4"),
        ("coin", "i2"),
        ("side", "i1"),
        ("dir", "i1"),
        ("crossed", "i1"),
        ("fee_in_token", "i1"),
        ("method", "i1"),
        ("px", "i8"),
        ("sz", "i8"),
        ("start", "i8"),
        ("pnl", "i8"),
        ("fee", "i8"),
        ("builder_fee", "i8"),
        ("builder", "i4"),
        ("liquidated", "i4"),
        ("mark", "i8"),
        ("tx", "i8"),
        ("oid", "i8"),
        ("tid", "i8"),
        ("twap", "i8"),
        ("cloid", "i8"),
    ],
    align=True,
)

# What the exchange and the truth remember of one trader in one coin.
KEY = np.dtype(
    [
        ("position", "i8"),
        # Entry notional of the open position, in money units, never negative.
        ("cost", "i8"),
        ("block", "i8"),
        ("block_side", "i8"),
        ("bid_oid", "i8"),
        ("ask_oid", "i8"),
        # From here on the truth: what a reader of the tape alone can know.
        ("fills", "i8"),
        ("first_start", "i8"),
        ("tape_position", "i8"),
        # Block in which a reader met this key, or lost its trail, last.
        ("met_block", "i8"),
        ("pnl", "i8"),
        ("fees", "i8"),
        ("opened", "i8"),
        ("max_size", "i8"),
        ("episode_pnl", "i8"),
        ("episode_fees", "i8"),
        ("episode_fills", "i8"),
        ("gaps", "i8"),
        ("is_basis_known", "i8"),
        ("is_liquidated", "i8"),
    ],
    align=True,
)

# One finished (or, at the end of the tape, still open) position.
EPISODE = np.dtype(
    [
        ("user", "i4"),
        ("coin", "i4"),
        ("side", "i8"),
        ("opened", "i8"),
        ("closed", "i8"),
        ("max_size", "i8"),
        ("pnl", "i8"),
        ("fees", "i8"),
        ("fills", "i8"),
        ("gaps", "i8"),
        ("reason", "i8"),
        ("is_basis_known", "i8"),
        ("is_liquidated", "i8"),
    ],
    align=True,
)

# Slots of `World.counters`.
ROWS = 0
EPISODES = 1
LEGS = 2
ROWS_LEFT = 3
NEXT_OID = 4
NEXT_TX = 5
NEXT_TWAP = 6
NEXT_CLOID = 7
GAPS_KEPT = 8
GAPS_TO_FLAT = 9
GAPS_TO_OTHER_SIDE = 10
GAPS_FROM_FLAT = 11
COUNTERS = 12


class World(NamedTuple):
    """The state of the exchange.

    Attributes
    ----------
    instruments : ndarray of INSTRUMENT, shape (coins,)
    agents : ndarray of AGENT, shape (traders,)
    keys : ndarray of KEY, shape (traders, coins)
    paths : ndarray of float64, shape (coins, minutes)
        Prices in price units; minute 0 is the start of the day in hand.
    makers, takers : ndarray of int64
        Lottery tickets: a trader stands in as many slots as they are likely.
    rows : ndarray of ROW
    episodes : ndarray of EPISODE
    counters : ndarray of int64, shape (COUNTERS,)
    random : ndarray of uint64, shape (1,)
    """

    instruments: npt.NDArray[Any]
    agents: npt.NDArray[Any]
    keys: npt.NDArray[Any]
    paths: npt.NDArray[np.float64]
    makers: npt.NDArray[np.int64]
    takers: npt.NDArray[np.int64]
    rows: npt.NDArray[Any]
    episodes: npt.NDArray[Any]
    counters: npt.NDArray[np.int64]
    random: npt.NDArray[np.uint64]


class Event(NamedTuple):
    """What both legs of a trade share.

    Attributes
    ----------
    time, block : int
        Milliseconds since the epoch; number of the block.
    tid, tx : int
        Trade id; transaction, 0 where nobody signed one.
    twap : int
        Id of the TWAP order of the taker, 0 without one.
    liquidated : int
        Trader who is being liquidated, -1 for nobody.
    mark, method : int
        Mark price in price units and `Method` of the liquidation.
    is_visible : bool
        False where the tape misses the trade.
    """

    time: int
    block: int
    tid: int
    tx: int
    twap: int
    liquidated: int
    mark: int
    method: int
    is_visible: bool


class Leg(NamedTuple):
    """One side of a trade.

    Attributes
    ----------
    trader, coin : int
    side : int
        +1 for the buyer, -1 for the seller.
    px, sz : int
        Price units and position units.
    oid : int
        Order id.
    is_crossed : bool
        True for the taker.
    direction : int
        `codes.Dir`; `BY_POSITION` for the usual wording.
    is_free : bool
        True where no fee is charged.
    """

    trader: int
    coin: int
    side: int
    px: int
    sz: int
    oid: int
    is_crossed: bool
    direction: int
    is_free: bool


class Request(NamedTuple):
    """An order on its way into the book.

    Attributes
    ----------
    time, block : int
        Milliseconds since the epoch; number of the block.
    trader, coin : int
    side : int
        +1 to buy, -1 to sell.
    size : int
        Position units.
    mid : float
        Price in the middle of the spread, price units.
    twap : int
        Id of the TWAP order it is a slice of, 0 without one.
    liquidated : int
        The trader, if the exchange closes the position for them, else -1.
    is_visible : bool
        Whether the tape shows the trades.
    """

    time: int
    block: int
    trader: int
    coin: int
    side: int
    size: int
    mid: float
    twap: int
    liquidated: int
    is_visible: bool
