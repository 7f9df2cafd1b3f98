"""Which instruments are bitcoin, and which of them an object is about."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from loaders.errors import ObjectError
from loaders.ticks.formats.fields import Fields

#: What bitcoin is priced in; an instrument in anything else has to be named.
_QUOTES = (
    "USD|USDT|USDC|FDUSD|TUSD|BUSD|USDP|USD1|PAX|DAI|UST|RLUSD|PYUSD|EUR|EURI|EURT|GBP|"
    "JPY|AUD|CAD|CHF|TRY|BRL|ARS|MXN|COP|PLN|RON|CZK|ZAR|UAH|NGN|RUB|INR|KRW|IDR|IDRT|"
    "BIDR|BKRW|BVND"
)
_BITCOIN = re.compile(
    rf"(BTC|XBT)[-/_:]?({_QUOTES})([-_/:]?(PERP|PERPETUAL|SWAP|[0-9]{{6}}))?",
    re.IGNORECASE,
)
_INVERSE = re.compile(r"[A-Z0-9]+USD_(PERP|[0-9]{6})")

#: Venues whose trade ids count up by one.
CONSECUTIVE = frozenset(
    {"binance_spot", "binance_usdm", "binance_coinm", "coinbase", "kraken"}
)
BINANCE = ("binance_spot", "binance_usdm", "binance_coinm")
#: What a COIN-M contract of bitcoin is worth; other coins' are worth 10.
COINM_USD = 100


def is_bitcoin(symbol: str) -> bool:
    """Say whether it is bitcoin priced in a currency, in any venue's spelling.

    Examples
    --------
    >>> is_bitcoin("BTCUSDT"), is_bitcoin("BTC/USD"), is_bitcoin("BTCUSD_PERP")
    (True, True, True)
    >>> is_bitcoin("BTCDOMUSDT"), is_bitcoin("ETHBTC")
    (False, False)
    """
    return _BITCOIN.fullmatch(symbol) is not None


def is_inverse(symbol: str) -> bool:
    """Say whether Binance spells it as a COIN-M contract: ``BTCUSD_PERP``."""
    return _INVERSE.fullmatch(symbol) is not None


class InstrumentGuard:
    """Holds an object to one instrument.

    Parameters
    ----------
    venue
        Named in the complaint.
    wanted
        The instrument to take, if the command line names it; else the first that is
        bitcoin.
    prefix
        What stands before the instrument's name in the fields.
    """

    def __init__(self, venue: str, wanted: str | None, prefix: str = "") -> None:
        self.venue = venue
        self._prefix = prefix
        self.symbol = wanted
        self._is_named = wanted is not None
        self._known_others: set[str] = set()

    def own(self, fields: Fields, name: str) -> npt.NDArray[np.bool_]:
        """Which rows are of the object's instrument; the others are to be skipped.

        Raises
        ------
        ObjectError
            Two instruments are bitcoin, and none is named.
        """
        if self.symbol is None:
            symbols = pc.unique(fields.strings(name)).to_pylist()
            names = (symbol.removeprefix(self._prefix) for symbol in symbols)
            self.symbol = next(filter(is_bitcoin, names), None)
            if self.symbol is None:
                return np.zeros(len(fields), dtype=np.bool_)
        own = fields.equals(name, self._prefix + self.symbol)
        if not self._is_named and not own.all():
            others = set(fields.take(~own).strings(name).to_pylist())
            for other in sorted(others - self._known_others):
                other_name = other.removeprefix(self._prefix)
                if is_bitcoin(other_name):
                    raise ObjectError(
                        f"{self.venue}: both {self.symbol} and {other_name} are in it; "
                        "their ids may be the same; name the one to take with "
                        "--symbol, and load the other under another --exchange"
                    )
            # Bounded: a damaged recording may name any number of them.
            if len(self._known_others) < 10_000:
                self._known_others |= others
        return own
