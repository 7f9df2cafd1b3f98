"""The instruments of the synthetic exchange and their grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.fills.codes import Kind

# A spot fee is paid in tokens, finer than a lot by this many decimals.
SPOT_FEE_DECIMALS = 4


@dataclass(frozen=True)
class Instrument:
    """One instrument as the exchange lists it.

    Attributes
    ----------
    name : str
        The exchange's name, `BTC`, `@107`, `xyz:NVDA` or `#12`.
    kind : Kind
        Perpetual, spot or outcome.
    size_decimals : int
        Decimals of the smallest size that can be ordered.
    price : float
        Price on the first day, USD.
    volatility : float
        Standard deviation of a day's log return.
    weight : float
        Share of all orders, before normalisation.
    half_spread : float
        Half of the spread, as a fraction of the price.
    token : str
        What a spot buyer receives and pays the fee in.
    leader : str
        The perpetual whose price a spot instrument follows.
    is_delisted : bool
        Whether the exchange settles it before the end of the tape.
    """

    name: str
    kind: Kind
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
        """Most decimals a price may have."""
        return (8 if self.kind is Kind.SPOT else 6) - self.size_decimals

    @property
    def position_decimals(self) -> int:
        """Decimals of a position; on spot finer than a size, for fees in tokens."""
        extra = SPOT_FEE_DECIMALS if self.kind is Kind.SPOT else 0
        return self.size_decimals + extra

    @property
    def money_decimals(self) -> int:
        """Decimals of price times size, which fees and PnL are kept in."""
        return self.price_decimals + self.size_decimals

    @property
    def fee_decimals(self) -> int:
        """Decimals the truth keeps fees in: an exact product of token fee and price."""
        return 12 if self.kind is Kind.SPOT else 9


INSTRUMENTS = (
    Instrument("BTC", Kind.PERP, 5, 107_120.0, 0.024, 30, 0.00004),
    Instrument("ETH", Kind.PERP, 4, 2_486.3, 0.036, 22, 0.00005),
    Instrument("SOL", Kind.PERP, 2, 154.72, 0.042, 12, 0.00008),
    Instrument("HYPE", Kind.PERP, 2, 39.418, 0.050, 12, 0.00010),
    Instrument("XRP", Kind.PERP, 0, 2.2391, 0.038, 4, 0.00012),
    Instrument("DOGE", Kind.PERP, 0, 0.16463, 0.046, 4, 0.00015),
    Instrument("kPEPE", Kind.PERP, 0, 0.010147, 0.060, 3, 0.00022),
    Instrument("SUI", Kind.PERP, 1, 2.7944, 0.052, 3, 0.00016),
    Instrument("FARTCOIN", Kind.PERP, 1, 1.1268, 0.085, 3, 0.00030),
    Instrument("LINK", Kind.PERP, 1, 13.402, 0.042, 2, 0.00018),
    Instrument("AVAX", Kind.PERP, 2, 17.955, 0.044, 1.5, 0.00018),
    Instrument("ENA", Kind.PERP, 0, 0.26152, 0.062, 1.5, 0.00025),
    Instrument("MYRO", Kind.PERP, 0, 0.01783, 0.080, 0.8, 0.0006, is_delisted=True),
    Instrument("xyz:NVDA", Kind.PERP, 3, 157.99, 0.020, 1.2, 0.00020),
    Instrument("xyz:XYZ100", Kind.PERP, 4, 22_679.0, 0.011, 1.2, 0.00012),
    Instrument("@107", Kind.SPOT, 2, 39.418, 0.050, 4, 0.00025, "HYPE", "HYPE"),
    Instrument("@142", Kind.SPOT, 5, 107_120.0, 0.024, 2, 0.00015, "UBTC", "BTC"),
    Instrument("PURR/USDC", Kind.SPOT, 0, 0.17288, 0.060, 1, 0.0009, "PURR"),
    Instrument("#12", Kind.OUTCOME, 0, 0.62, 0.080, 0.8, 0.004),
    Instrument("#13", Kind.OUTCOME, 0, 0.38, 0.080, 0.6, 0.004),
)

# Integers of one instrument as the kernel reads them.
INSTRUMENT = np.dtype(
    [
        ("kind", "i8"),
        # One whole unit of price: above five digits only whole prices are allowed.
        ("price_unit", "i8"),
        ("least_tick", "i8"),
        ("money_unit", "i8"),
        # Position units in the smallest size that can be ordered.
        ("lot", "i8"),
        # From the tape's fee in USD to the decimals of the truth.
        ("fee_scale", "i8"),
        ("half_spread", "f8"),
        # Spot instrument of the same asset, -1 without one.
        ("spot", "i8"),
        ("is_settled", "i8"),
    ]
)


def instrument_table(instruments: tuple[Instrument, ...]) -> npt.NDArray[Any]:
    """Lay instruments out for the kernel.

    Parameters
    ----------
    instruments : tuple of Instrument
        The list of the exchange; its order is the coin index everywhere.

    Returns
    -------
    ndarray of INSTRUMENT, shape (coins,)
    """
    table = np.zeros(len(instruments), dtype=INSTRUMENT)
    for row, instrument in zip(table, instruments, strict=True):
        row["kind"] = instrument.kind
        row["price_unit"] = 10**instrument.price_decimals
        # An outcome trades in hundredths of a cent.
        row["least_tick"] = 100 if instrument.kind is Kind.OUTCOME else 1
        row["money_unit"] = 10**instrument.money_decimals
        row["lot"] = 10 ** (instrument.position_decimals - instrument.size_decimals)
        row["fee_scale"] = 10 ** (instrument.fee_decimals - instrument.money_decimals)
        row["half_spread"] = instrument.half_spread
        row["spot"] = -1
    names = [instrument.name for instrument in instruments]
    for coin, instrument in enumerate(instruments):
        if instrument.leader:
            table[names.index(instrument.leader)]["spot"] = coin
    return table
