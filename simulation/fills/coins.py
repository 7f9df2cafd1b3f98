"""The traded coins, and their grids of prices and sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERP, SPOT, OUTCOME = range(3)

# A spot fee is paid in tokens, finer than a lot by this many decimals.
_SPOT_FEE_DECIMALS = 4


@dataclass(frozen=True)
class Coin:
    """One instrument as the exchange lists it.

    Attributes
    ----------
    name
        The exchange's: `BTC`, `@107`, `xyz:NVDA` or `#12`.
    kind
        `PERP`, `SPOT` or `OUTCOME`.
    size_decimals
        Of the smallest size that can be ordered, a lot.
    price
        USD on the first day.
    volatility
        Standard deviation of a day's log return.
    weight
        Share of all orders, before division by the sum.
    half_spread
        As a fraction of the price.
    token
        The token that a spot buyer receives, and pays the fee in.
    leader
        The perpetual whose price a spot coin follows.
    is_delisted
        The exchange settles it before the end of the tape.
    """

    name: str
    kind: int
    size_decimals: int
    price: float
    volatility: float
    weight: float
    half_spread: float
    token: str = ""
    leader: str = ""
    is_delisted: bool = False

    @property
    def price_decimals(self) -> int:
        """Largest number of decimals of a price."""
        return (8 if self.kind == SPOT else 6) - self.size_decimals

    @property
    def position_decimals(self) -> int:
        """Decimals of a position; on spot finer than a size, for fees in tokens."""
        return self.size_decimals + (_SPOT_FEE_DECIMALS if self.kind == SPOT else 0)

    @property
    def money_decimals(self) -> int:
        """Decimals of price times size, and so of fees and PnL."""
        return self.price_decimals + self.size_decimals

    @property
    def fee_decimals(self) -> int:
        """Decimals of fees in the truth: token fee times price, exactly."""
        return 12 if self.kind == SPOT else 9


COINS = (
    Coin("BTC", PERP, 5, 107_120.0, 0.024, 30, 0.00004),
    Coin("ETH", PERP, 4, 2_486.3, 0.036, 22, 0.00005),
    Coin("SOL", PERP, 2, 154.72, 0.042, 12, 0.00008),
    Coin("HYPE", PERP, 2, 39.418, 0.050, 12, 0.00010),
    Coin("XRP", PERP, 0, 2.2391, 0.038, 4, 0.00012),
    Coin("DOGE", PERP, 0, 0.16463, 0.046, 4, 0.00015),
    Coin("kPEPE", PERP, 0, 0.010147, 0.060, 3, 0.00022),
    Coin("SUI", PERP, 1, 2.7944, 0.052, 3, 0.00016),
    Coin("FARTCOIN", PERP, 1, 1.1268, 0.085, 3, 0.00030),
    Coin("LINK", PERP, 1, 13.402, 0.042, 2, 0.00018),
    Coin("AVAX", PERP, 2, 17.955, 0.044, 1.5, 0.00018),
    Coin("ENA", PERP, 0, 0.26152, 0.062, 1.5, 0.00025),
    Coin("MYRO", PERP, 0, 0.01783, 0.080, 0.8, 0.0006, is_delisted=True),
    Coin("xyz:NVDA", PERP, 3, 157.99, 0.020, 1.2, 0.00020),
    Coin("xyz:XYZ100", PERP, 4, 22_679.0, 0.011, 1.2, 0.00012),
    Coin("@107", SPOT, 2, 39.418, 0.050, 4, 0.00025, "HYPE", "HYPE"),
    Coin("@142", SPOT, 5, 107_120.0, 0.024, 2, 0.00015, "UBTC", "BTC"),
    Coin("PURR/USDC", SPOT, 0, 0.17288, 0.060, 1, 0.0009, "PURR"),
    Coin("#12", OUTCOME, 0, 0.62, 0.080, 0.8, 0.004),
    Coin("#13", OUTCOME, 0, 0.38, 0.080, 0.6, 0.004),
)

NAMES = [coin.name for coin in COINS]
KINDS = np.array([coin.kind for coin in COINS])
#: Spot coin of the same asset by perpetual, -1 without one.
SPOT_OF = np.full(len(COINS), -1)
SPOT_OF[[NAMES.index(c.leader) for c in COINS if c.leader]] = [
    number for number, coin in enumerate(COINS) if coin.leader
]
#: Perpetual of the same asset by spot coin, -1 without one.
LEADER_OF = np.array([NAMES.index(c.leader) if c.leader else -1 for c in COINS])
#: The coin that is delisted.
DELISTED = next(number for number, coin in enumerate(COINS) if coin.is_delisted)

#: Integers of one coin as compiled code reads them.
GRID = np.dtype(
    [
        ("kind", "i8"),
        # One whole unit of price: above five digits only whole prices are allowed.
        ("price_unit", "i8"),
        ("least_tick", "i8"),
        # Money units in one dollar: a lot at a price of one unit is one money unit.
        ("money_unit", "i8"),
        # Position units in a lot.
        ("lot", "i8"),
        ("spot", "i8"),
        ("half_spread", "f8"),
    ]
)
GRIDS = np.array(
    [
        (
            coin.kind,
            10**coin.price_decimals,
            # An outcome trades in hundredths of a cent.
            100 if coin.kind == OUTCOME else 1,
            10**coin.money_decimals,
            10 ** (coin.position_decimals - coin.size_decimals),
            spot,
            coin.half_spread,
        )
        for coin, spot in zip(COINS, SPOT_OF, strict=True)
    ],
    dtype=GRID,
)
