"""Recognise bitcoin instruments, and choose the instrument of an object."""

from __future__ import annotations

import re
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from loaders import formats
from loaders.errors import ObjectError, list_counts

#: Currencies of recognised bitcoin instruments; others need --symbol.
_QUOTES = (
    "USD|USDT|USDC|FDUSD|TUSD|BUSD|USDP|USD1|PAX|DAI|UST|RLUSD|PYUSD|EUR|EURI|EURT|GBP|"
    "JPY|AUD|CAD|CHF|TRY|BRL|ARS|MXN|COP|PLN|RON|CZK|ZAR|UAH|NGN|RUB|INR|KRW|IDR|IDRT|"
    "BIDR|BKRW|BVND"
)
_BITCOIN = re.compile(
    rf"(BTC|XBT)([-/_:]?({_QUOTES})([-_/:]?(PERP|PERPETUAL|SWAP|[0-9]{{6}}))?)?",
    re.IGNORECASE,
)
#: Venues whose trade ids count up by one.
CONSECUTIVE = frozenset(
    {"binance_spot", "binance_usdm", "binance_coinm", "coinbase", "kraken"}
)
#: Venues whose ids are hashes of a trade: unique, and in no order.
UNORDERED = frozenset({"hyperliquid", "bybit_linear", "bybit_inverse"})
BINANCE = ("binance_spot", "binance_usdm", "binance_coinm")
#: A venue in Binance's formats whose ids do not count up by one.
SPACED = "binance_us"
#: Most names of other instruments to count: a damaged object may have any number.
_MOST_OTHERS = 10_000


def is_bitcoin(symbol: str) -> bool:
    """Return whether a symbol is bitcoin priced in a currency, in any venue's spelling.

    Examples
    --------
    >>> is_bitcoin("BTCUSDT"), is_bitcoin("BTC/USD"), is_bitcoin("BTCUSD_PERP")
    (True, True, True)
    >>> is_bitcoin("BTC"), is_bitcoin("UBTC")
    (True, False)
    >>> is_bitcoin("BTCDOMUSDT"), is_bitcoin("ETHBTC")
    (False, False)
    """
    return _BITCOIN.fullmatch(symbol) is not None


def is_inverse(symbol: str) -> bool:
    """Return whether a symbol has the form of a COIN-M contract: ``BTCUSD_PERP``."""
    return bool(formats.evaluate("is_inverse", symbol))


def contract_usd(symbol: str) -> int:
    """Return the value of a COIN-M contract in dollars.

    Raises
    ------
    ObjectError
        The symbol does not contain its coin.

    Examples
    --------
    >>> contract_usd("BTCUSD_PERP"), contract_usd("ETHUSD_260327")
    (100, 10)
    """
    usd = formats.evaluate("contract_usd", symbol)
    if usd is None:
        raise ObjectError(
            f"what a contract of {symbol} is worth is not known: those of COIN-M are "
            "called like BTCUSD_PERP or BTCUSD_260327. Name it so with --symbol, or "
            f"another market with --exchange {BINANCE[1]}"
        )
    return int(usd)


class Instrument:
    """The one instrument of an object, and which of its rows are of others.

    Parameters
    ----------
    format
        Format of the object, for error messages.
    wanted
        The instrument to load, if the command line names it; by default the first that
        is bitcoin.
    """

    def __init__(self, format: str, wanted: str | None) -> None:
        self.symbol = wanted
        self._format = format
        self._is_named = wanted is not None
        self._has_own = False
        self._others: Counter[str] = Counter()

    def own(self, messages: pa.Table) -> tuple[pa.Table, Counter[str]]:
        """Remove the rows of other instruments; rows without a symbol stay.

        Parameters
        ----------
        messages
            With columns ``symbol`` and ``message``.

        Returns
        -------
        tuple
            The remaining rows, and the number of removed rows by instrument.

        Raises
        ------
        ObjectError
            Two instruments are bitcoin, and none is named.
        """
        symbols = messages.column("symbol")
        is_sound = pc.not_equal(messages.column("message"), "refused")
        sound = _counts(symbols.filter(is_sound))
        if self.symbol is None:
            self.symbol = next(filter(is_bitcoin, sound), None)
        found = _counts(symbols)
        # Refused rows of the instrument count too.
        self._has_own |= self.symbol in found or any(map(self._is_meant, found))
        others = Counter({name: found[name] for name in found if name != self.symbol})
        if not self._is_named:
            for name in sorted(filter(is_bitcoin, others)):
                if name in sound:
                    raise ObjectError(
                        f"{self._format}: both {self.symbol} and {name} are in it; "
                        "their ids may be the same; name the one to take with "
                        "--symbol, and load the other under another --exchange"
                    )
                # All its rows are refused; perhaps they belong to this instrument.
                del others[name]
        for name, count in others.items():
            if name in self._others or len(self._others) < _MOST_OTHERS:
                self._others[name] += count
        if not others:
            return messages, others
        is_other = pc.is_in(symbols, pa.array(others))
        return messages.filter(pc.invert(is_other)), others

    def _is_meant(self, symbol: str) -> bool:
        return not self._is_named and is_bitcoin(symbol)

    def check(self) -> None:
        """Check an object after it was read to its end.

        Raises
        ------
        ObjectError
            It has rows of other instruments only.
        """
        if self._has_own or not self._others:
            return
        wanted = f"{self.symbol}" if self._is_named else "bitcoin"
        raise ObjectError(
            f"{self._format}: nothing of {wanted} in it; there are rows of "
            f"{list_counts(self._others)}. Name one of these with --symbol"
        )


def _counts(symbols: pa.ChunkedArray) -> dict[str, int]:
    """Count each symbol, in order of first occurrence."""
    counts = pc.value_counts(symbols).to_pylist()
    return {each["values"]: each["counts"] for each in counts if each["values"]}
