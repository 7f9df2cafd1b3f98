"""Which instruments are bitcoin, and which of them an object is about."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from loaders.errors import ObjectError, list_counts
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
#: The coin of a contract, in the spelling of others too.
_CONTRACT = re.compile(r"([A-Z0-9]+?)USD[A-Z]?(?:_(?:PERP|[0-9]{6}))?")

#: Venues whose trade ids count up by one.
CONSECUTIVE = frozenset(
    {"binance_spot", "binance_usdm", "binance_coinm", "coinbase", "kraken"}
)
BINANCE = ("binance_spot", "binance_usdm", "binance_coinm")
#: A venue in Binance's formats whose ids do not count up by one.
SPACED = "binance_us"
#: Dollars that a COIN-M contract is worth, by its coin; of other coins 10.
_CONTRACT_USD = {"BTC": 100}
_OTHER_CONTRACT_USD = 10
#: Names of other instruments that are counted: a damaged object may have any number.
_MOST_OTHERS = 10_000


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


def contract_usd(symbol: str) -> int:
    """Return what a COIN-M contract is worth in dollars.

    Raises
    ------
    ObjectError
        The symbol does not say its coin.

    Examples
    --------
    >>> contract_usd("BTCUSD_PERP"), contract_usd("ETHUSD_260327")
    (100, 10)
    """
    match = _CONTRACT.fullmatch(symbol)
    if match is None:
        raise ObjectError(
            f"what a contract of {symbol} is worth is not known: those of COIN-M are "
            "called like BTCUSD_PERP or BTCUSD_260327. Name it so with --symbol, or "
            f"another market with --exchange {BINANCE[1]}"
        )
    return _CONTRACT_USD.get(match[1], _OTHER_CONTRACT_USD)


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
        #: Whether a row of the instrument was seen.
        self.has_own = False
        #: Rows of other instruments, by name.
        self.others: Counter[str] = Counter()

    def is_other(self, symbol: object) -> bool:
        """Say whether it is an instrument that nobody asks for, and count it if so."""
        if not isinstance(symbol, str) or not symbol:
            return False
        if symbol == self.symbol if self._is_named else is_bitcoin(symbol):
            self.has_own = True  # it may still be refused
            return False
        self._count({self._prefix + symbol: 1})
        return True

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
        own = np.zeros(len(fields), dtype=np.bool_)
        if self.symbol is not None:
            own = fields.equals(name, self._prefix + self.symbol)
            self.has_own |= bool(own.any())
        if not own.all():
            counts = fields.take(~own).strings(name).value_counts().to_pylist()
            self._count({each["values"]: each["counts"] for each in counts})
        return own

    def check(self) -> None:
        """Look at an object that was read to its end.

        Raises
        ------
        ObjectError
            It has rows of instruments, and none of the one that is wanted.
        """
        if self.has_own or not self.others:
            return
        wanted = f"{self.symbol}" if self._is_named else "bitcoin"
        raise ObjectError(
            f"{self.venue}: nothing of {wanted} in it; there are rows of "
            f"{list_counts(self.others)}. Name one of these with --symbol"
        )

    def _count(self, found: dict[str, int]) -> None:
        for text, count in sorted(found.items()):
            other = text.removeprefix(self._prefix)
            if not self._is_named and is_bitcoin(other):
                raise ObjectError(
                    f"{self.venue}: both {self.symbol} and {other} are in it; "
                    "their ids may be the same; name the one to take with "
                    "--symbol, and load the other under another --exchange"
                )
            if other in self.others or len(self.others) < _MOST_OTHERS:
                self.others[other] += count
