"""Integer codes that the kernel stores, and the words the tape prints for them."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """What an instrument is."""

    PERP = 0
    SPOT = 1
    OUTCOME = 2


class Role(IntEnum):
    """What a trader does for a living."""

    MARKET_MAKER = 0
    VAULT = 1
    LIQUIDATOR = 2
    WINNER = 3
    LOSER = 4
    SCALPER = 5
    BASIS = 6
    RETAIL = 7


class Order(IntEnum):
    """Why the kernel is asked to act."""

    NORMAL = 0
    TWAP_SLICE = 1
    SCALP_EXIT = 2
    # Executed, but missing from the tape.
    HIDDEN_RESIZE = 3
    HIDDEN_CLOSE = 4
    HIDDEN_FLIP = 5
    # The exchange's own housekeeping; no trader asks for these.
    DUST = 6
    NET_VAULTS = 7
    SETTLE = 8


class Dir(IntEnum):
    """The exchange's wording of what a fill did."""

    OPEN_LONG = 0
    CLOSE_LONG = 1
    OPEN_SHORT = 2
    CLOSE_SHORT = 3
    LONG_TO_SHORT = 4
    SHORT_TO_LONG = 5
    BUY = 6
    SELL = 7
    LIQUIDATED_LONG = 8
    LIQUIDATED_SHORT = 9
    AUTO_DELEVERAGING = 10
    SETTLEMENT = 11
    DUST = 12
    NET_CHILD_VAULTS = 13
    # Not a word: the kernel finds it from the position.
    BY_POSITION = 14


DIR_WORDS = (
    "Open Long",
    "Close Long",
    "Open Short",
    "Close Short",
    "Long > Short",
    "Short > Long",
    "Buy",
    "Sell",
    "Liquidated Cross Long",
    "Liquidated Cross Short",
    "Auto-Deleveraging",
    "Settlement",
    "Spot Dust Conversion",
    "Net Child Vaults",
)


class Method(IntEnum):
    """How a position was liquidated."""

    NONE = 0
    MARKET = 1
    BACKSTOP = 2


METHOD_WORDS = ("", "market", "backstop")


class Reason(IntEnum):
    """Why an episode ended."""

    OPEN = 0
    TRADE = 1
    FLIP = 2
    LIQUIDATION = 3
    ADL = 4
    SETTLEMENT = 5
    TRANSFER = 6
    GAP = 7
    DUST = 8


REASON_WORDS = (
    None,
    "trade",
    "flip",
    "liquidation",
    "adl",
    "settlement",
    "transfer",
    "gap",
    "dust",
)
