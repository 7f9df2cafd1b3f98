"""Find the instrument, and Binance's market, in the path of an object."""

from __future__ import annotations

import re
from urllib.parse import unquote

from loaders.errors import ObjectError
from loaders.ticks.instruments import BINANCE, is_bitcoin, is_inverse

#: Binance's own file names, with any prefix: ``BTCUSD_PERP-aggTrades-2024-08``.
_OWN = re.compile(
    r"(?<![A-Z0-9])([A-Z0-9]{4,}(?:_PERP|_[0-9]{6})?)-(?:trades|aggTrades)"
    r"(?![A-Za-z0-9])"
)
#: A pair in capitals: priced in dollars, together or with a separator, where small
#: letters may touch it, as in ``spotETHUSDT``; in others.
_DOLLARS = re.compile(
    r"(?<![A-Z0-9])(?=[0-9]*[A-Z])([A-Z0-9]{2,10})[-_]?"
    r"(USDT|USDC|FDUSD|BUSD|TUSD|USD)(_PERP|_[0-9]{6})?(?![A-Z0-9])"
)
_OTHERS = re.compile(
    r"(?<![A-Za-z0-9])(?=[0-9]*[A-Z])([A-Z0-9]{2,10})"
    r"(EUR|GBP|JPY|TRY|BRL|BTC|ETH|BNB)()(?![A-Za-z0-9])"
)
#: In small letters words end like pairs, and names of temporary folders.
_SMALL = re.compile(
    r"(?<![A-Za-z0-9])([0-9]*[a-z]{2,6})[-_]?"
    r"(usdt|usdc|fdusd|busd|tusd|usd)(_perp|_[0-9]{6})?(?![A-Za-z0-9])"
)
#: Words that may precede ``_USDT`` and are not coins.
_NO_COINS = frozenset(
    {
        *("BINANCE", "SPOT", "PERP", "SWAP", "LINEAR", "INVERSE", "FUTURES"),
        *("TRADE", "TRADES", "TICK", "TICKS"),
    }
)
#: Folders in which Binance publishes futures.
_FOLDERS = {"um": BINANCE[1], "cm": BINANCE[2]}


def named_symbol(path: str, wanted: str | None) -> str | None:
    """Find the instrument of an object: in its name, else in the nearest folder's.

    Parameters
    ----------
    path
        Path or URI.
    wanted
        The instrument, if the command line names it.

    Returns
    -------
    str or None
        In Binance's spelling; the wanted one if the name contains none.

    Raises
    ------
    ObjectError
        The name contains another instrument than the wanted one; or, if none is wanted,
        several instruments or one that is not bitcoin.

    Examples
    --------
    >>> named_symbol("raw/spot_BTCUSDT-trades-2024-08-08.csv", None)
    'BTCUSDT'
    """
    *folders, name = _parts(path)
    found = _symbols(name, _SMALL.findall(name))
    if wanted is not None:
        if found and wanted not in found:
            raise ObjectError(
                f"its name {name} says {' and '.join(found)}, --symbol {wanted}: "
                "correct the one that is wrong"
            )
        return wanted
    for folder in reversed(folders):
        # The folder as a whole, or Hive's ``symbol=btcusdt``.
        whole = _SMALL.fullmatch(folder.rpartition("=")[2])
        found = found or _symbols(folder, [whole.groups("")] if whole else [])
    if len(found) > 1:
        raise ObjectError(
            f"its name says {' and '.join(found)}: name the one with --symbol"
        )
    if found and not is_bitcoin(found[0]):
        raise ObjectError(
            f"its name says {found[0]}, which is not bitcoin: to load it nonetheless, "
            f"say --symbol {found[0]} and a venue of its own with --exchange"
        )
    return found[0] if found else None


def named_market(path: str, symbol: str | None) -> str | None:
    """Find the market of futures by the instrument's spelling, else by the folder."""
    if symbol is not None and is_inverse(symbol):
        return BINANCE[2]
    # ``BTCUSD`` alone: nothing of USD-M is priced in USD, and COIN-M writes _PERP.
    if symbol is not None and not symbol.endswith("USD"):
        return BINANCE[1]
    folders = [_FOLDERS[part] for part in _parts(path) if part in _FOLDERS]
    return folders[-1] if folders else None


def _parts(path: str) -> list[str]:
    return unquote(path).replace("\\", "/").rstrip("/").split("/")


def _symbols(name: str, small: list[tuple[str, ...]]) -> list[str]:
    if own := _OWN.findall(name):
        return list(dict.fromkeys(own))
    pairs = [*_DOLLARS.findall(name), *_OTHERS.findall(name), *small]
    coins = [pair for pair in pairs if pair[0].upper() not in _NO_COINS]
    return list(dict.fromkeys("".join(filter(None, pair)).upper() for pair in coins))
