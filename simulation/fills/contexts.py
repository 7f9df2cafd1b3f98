"""Asset contexts and funding rates of the perpetuals, as the exchange publishes them.

The premium of a coin wanders. The oracle's price is the price of the book without it,
and the rate of an hour is an eighth of the premium plus 0.01 %. A context has the rate
as it forms: the one of the last minute before an hour is paid at the hour.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulation.fills.coins import COINS, DELISTED, KINDS, NAMES, PERP
from simulation.fills.exchange import NETTING
from simulation.fills.market import BLOCK_MS, DAY_MS, HOUR_MS, Market, block_times
from simulation.text import (
    decimal_text,
    filled,
    integer_text,
    join,
    lines_buffer,
    pick,
    time_text,
)

Ints = npt.NDArray[np.int64]

PERPS = np.flatnonzero(KINDS == PERP)
#: Minutes of each hour that have contexts; the exchange writes one every minute.
MINUTES = (0, 15, 30, 45, 59)
_DAY = 24 * len(MINUTES)

RATE_DECIMALS = 8
_PREMIUM_DECIMALS = 10
#: Decimals of the columns that are no prices.
_PLACES = {"funding": RATE_DECIMALS, "premium": _PREMIUM_DECIMALS}
_PRICE_DECIMALS = np.array([COINS[coin].price_decimals for coin in PERPS])
_SIZE_DECIMALS = np.array([COINS[coin].size_decimals for coin in PERPS])
_MONEY_DECIMALS = np.array([COINS[coin].money_decimals for coin in PERPS])
_COINS = pa.array([NAMES[coin] for coin in PERPS])

# Standard deviations: of a premium, of its change to the next moment, of a mark.
_PREMIUM = 0.000_25
_MEMORY = 0.98
_MARK = 0.000_04
# Interest on the quote currency, a part of every rate.
_INTEREST = 0.000_1

_CONTEXT = (
    "<time>,<coin>,<funding>,<open_interest>,<prev_day_px>,<day_ntl_vlm>,<premium>,"
    "<oracle_px>,<mark_px>,<mid_px>,<impact_bid_px>,<impact_ask_px>\n"
)
_RATE = (
    '<start>{"coin":"<coin>","fundingRate":"<rate>","premium":"<premium>",'
    '"time":<time>}<end>'
)


class Contexts:
    """Prices, rates and open interest of the perpetuals at the sampled moments.

    Parameters
    ----------
    market : Market
    start_ms : int
        Midnight of the first day, milliseconds since the epoch.
    days : int
    delisting : int
        Hour of the tape at which the delisted coin has its last context.
    seed : int

    Attributes
    ----------
    times : ndarray of int64, shape (moments,)
        Milliseconds since the epoch.
    open_interest : ndarray of int64, shape (moments, perpetuals)
        Sum of the longs just before the moment, position units; the caller sets it.
    """

    def __init__(
        self, market: Market, start_ms: int, days: int, delisting: int, seed: int
    ) -> None:
        hours = start_ms + np.arange(days * 24) * HOUR_MS
        self.times = (hours[:, None] + np.array(MINUTES) * 60_000).ravel()
        shape = (len(self.times), len(PERPS))
        rng = np.random.default_rng([seed, 7])
        premium = rng.normal(0.0, _PREMIUM, shape)
        for moment in range(1, len(premium)):
            premium[moment] *= (1 - _MEMORY**2) ** 0.5
            premium[moment] += _MEMORY * premium[moment - 1]
        coins = np.broadcast_to(PERPS, shape)
        times = np.broadcast_to(self.times[:, None], shape)
        mid = market.at(coins, times)
        spread = mid * np.array([COINS[coin].half_spread for coin in PERPS])
        #: Integers by column of a context: price units, rate and premium units.
        self._columns = {
            "funding": _rounded((premium + _INTEREST) / 8 * 10**RATE_DECIMALS),
            "premium": _rounded(premium * 10**_PREMIUM_DECIMALS),
            "oracle_px": _rounded(mid / (1 + premium)),
            "mark_px": _rounded(mid * (1 + rng.normal(0.0, _MARK, shape))),
            "mid_px": _rounded(mid),
            "prev_day_px": _rounded(market.at(coins, times - DAY_MS)),
            "impact_bid_px": np.floor(mid - 2 * spread).astype(np.int64),
            "impact_ask_px": np.ceil(mid + 2 * spread).astype(np.int64),
        }
        self.open_interest = np.zeros(shape, dtype=np.int64)
        # Money units traded since the previous moment; the last row is for trades
        # after the last moment.
        self._volume = np.zeros((len(self.times) + 1, len(PERPS)), dtype=np.int64)
        self._last = np.full(len(COINS), len(self.times) - 1)
        self._last[DELISTED] = delisting * len(MINUTES)
        self._is_listed = np.arange(len(self.times))[:, None] <= self._last[PERPS]

    def payments(self, moment: int) -> Ints | None:
        """Return what a long of one position unit pays at a moment.

        Parameters
        ----------
        moment : int
            Its place in `times`.

        Returns
        -------
        ndarray of int64, shape (coins,), or None
            Oracle price times rate, in price units times rate units; 0 where nothing is
            paid. None between the hours, and at the first one, whose rate formed before
            the tape began.
        """
        if moment % len(MINUTES) != 0 or moment == 0:
            return None
        paid = np.zeros(len(COINS), dtype=np.int64)
        oracle, rate = self._columns["oracle_px"], self._columns["funding"]
        paid[PERPS] = oracle[moment] * rate[moment - 1] * self._is_listed[moment]
        return paid

    def marks(self, day: int) -> Ints:
        """Return the marks of a day's last contexts, or the last ones before.

        Parameters
        ----------
        day : int
            From 0.

        Returns
        -------
        ndarray of int64, shape (coins,)
            Price units; 0 for what is no perpetual.
        """
        marks = np.zeros(len(COINS), dtype=np.int64)
        last = np.minimum(self._last[PERPS], (day + 1) * _DAY - 1)
        marks[PERPS] = self._columns["mark_px"][last, np.arange(len(PERPS))]
        return marks

    def add_volume(self, rows: npt.NDArray[Any]) -> None:
        """Count what was traded.

        Parameters
        ----------
        rows : ndarray of ROW
        """
        is_taken = (rows["crossed"] != 0) & (KINDS[rows["coin"]] == PERP)
        is_taken &= rows["words"] != NETTING
        time, coin, px, sz = (
            rows[name][is_taken] for name in ("time", "coin", "px", "sz")
        )
        # A fill at the moment of a context comes after it.
        moment = np.searchsorted(self.times, time, side="right")
        np.add.at(self._volume, (moment, np.searchsorted(PERPS, coin)), px * sz)

    def write(self, folder: Path, day: int) -> None:
        """Write a day's contexts and funding rates.

        Parameters
        ----------
        folder : Path
            Gets `asset_ctxs/YYYYMMDD.csv.lz4` and `funding/YYYYMMDD.json`.
        day : int
            From 0; the open interest of its moments is set, its volume added.
        """
        midnight = datetime.fromtimestamp(int(self.times[day * _DAY]) / 1000, UTC)
        contexts = folder / "asset_ctxs" / f"{midnight:%Y%m%d}.csv.lz4"
        rates = folder / "funding" / f"{midnight:%Y%m%d}.json"
        for path in (contexts, rates):
            path.parent.mkdir(parents=True, exist_ok=True)
        with lz4.frame.open(contexts, "wb") as file:
            file.write(_CONTEXT.replace("<", "").replace(">", "").encode())
            file.write(lines_buffer(self._context_lines(day)))
        rates.write_bytes(lines_buffer(self._rate_lines(day)))

    def _context_lines(self, day: int) -> pa.Array:
        """Print a day's contexts, by time and coin."""
        first = max(day - 1, 0) * _DAY
        traded = np.cumsum(self._volume[first : (day + 1) * _DAY], axis=0)
        # What a moment's last 24 hours do not include.
        traded[_DAY:] -= traded[:-_DAY].copy()
        moment, perp = np.nonzero(self._is_listed[day * _DAY : (day + 1) * _DAY])
        traded = traded[-_DAY:][moment, perp]
        moment += day * _DAY
        held = self.open_interest[moment, perp]
        columns = {name: self._text(name, moment, perp) for name in self._columns}
        columns["day_ntl_vlm"] = decimal_text(traded, _MONEY_DECIMALS[perp])
        columns["open_interest"] = decimal_text(held, _SIZE_DECIMALS[perp])
        columns["time"] = join(time_text(self.times[moment] // 1000, "s"), "Z")
        columns["coin"] = _COINS.take(pa.array(perp))
        return filled(_CONTEXT, columns.__getitem__)

    def _rate_lines(self, day: int) -> pa.Array:
        """Print a day's rates: on each line an answer of the API, of one coin."""
        hours = np.arange(day * _DAY, (day + 1) * _DAY, len(MINUTES))
        # None is paid as the tape begins.
        hours = hours[hours > 0]
        perp, hour = np.nonzero(self._is_listed[hours].T)
        moment = hours[hour]
        is_first = np.append(True, perp[1:] != perp[:-1])
        is_last = np.append(is_first[1:], True)
        columns = {
            "start": pick(["", "["], is_first),
            "coin": _COINS.take(pa.array(perp)),
            "rate": self._text("funding", moment - 1, perp),
            "premium": self._text("premium", moment - 1, perp),
            # Of the first block of the hour.
            "time": integer_text(block_times(self.times[moment] // BLOCK_MS)),
            "end": pick([",", "]\n"], is_last),
        }
        return filled(_RATE, columns.__getitem__)

    def _text(self, name: str, moment: Ints, perp: Ints) -> pa.StringArray:
        """Print a column at some moments, of some perpetuals."""
        places = _PLACES.get(name, _PRICE_DECIMALS[perp])
        return decimal_text(self._columns[name][moment, perp], places)


def _rounded(values: npt.NDArray[np.float64]) -> Ints:
    return np.asarray(np.rint(values).astype(np.int64))
