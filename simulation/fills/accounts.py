"""Payments and equity of every trader by day, from the simulated exchange's accounts.

The accounts are the truth: they include fills that the files leave out, and positions
from before the first file. For traders and positions with `is_complete` in
`traders.parquet` and `positions.parquet` a reader of the files should find the same.

Every position in a perpetual has an opposite one, also before the files begin and among
the fills that are left out: the payments of a coin at an hour add up to zero over all
traders. Outcome coins are excluded, as from all profits.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.fills.coins import COINS, KINDS, NAMES, OUTCOME, PERP
from simulation.fills.contexts import RATE_DECIMALS

Ints = npt.NDArray[np.int64]

RATED = np.flatnonzero(KINDS != OUTCOME)
# Decimals of price times size of spot coins; perpetuals have fewer.
_DECIMALS = 12
_FUNDING_DECIMALS = 6 + RATE_DECIMALS
_SIZE_UNIT = np.array([10 ** (_DECIMALS - c.position_decimals) for c in COINS])
_PRICE_UNIT = np.array([10 ** (_DECIMALS - c.price_decimals) for c in COINS])
_MONEY_UNIT = _SIZE_UNIT * _PRICE_UNIT // 10**_DECIMALS
# Limit of a day's sums: twice as much overflows 64 bits.
_MOST = 2**62


class Accounts:
    """Writes the truth of each day.

    Parameters
    ----------
    folder : Path
        Gets `funding.parquet` (user, coin and day), `trader_days.parquet` (user and
        day) and `coin_days.parquet` (coin and day).
    addresses : list of str
        Of all traders.
    prices : ndarray of int64, shape (coins,)
        Price of each coin until its first trade, price units.
    """

    def __init__(self, folder: Path, addresses: list[str], prices: Ints) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._users = pa.array(addresses)
        self._coins = pa.array(NAMES)
        self._last_px = prices.copy()
        self._writers: dict[str, pq.ParquetWriter] = {}

    def add_trades(self, rows: npt.NDArray[Any]) -> None:
        """Remember the last price of each coin.

        Parameters
        ----------
        rows : ndarray of ROW
            Later than all rows before them.
        """
        # Of several prices of a coin, numpy keeps the last.
        self._last_px[rows["coin"]] = rows["px"]

    def close_day(self, day: date, keys: npt.NDArray[Any], marks: Ints) -> None:
        """Write a day, and begin the sums of the next one.

        Parameters
        ----------
        day : date
        keys : ndarray of KEY, shape (traders, coins)
            The books at its end. Their sums of the day are set to 0.
        marks : ndarray of int64, shape (coins,)
            Last marks of the perpetuals, price units.

        Raises
        ------
        ValueError
            The sums of the day may not be exact.
        """
        for name in ("cash", "fees", "funding"):
            if np.abs(keys[name]).max() > _MOST:
                raise ValueError(
                    f"{name} of a trader on {day} may have overflowed 64 bits: ask for"
                    " fewer fills, or for more days"
                )
        marks = np.where(KINDS == PERP, marks, self._last_px)
        self._write_traders(day, keys, marks)
        self._write_coins(day, keys["position"][:, RATED], marks[RATED])
        for name in ("cash", "fees", "funding", "fills"):
            keys[name] = 0

    def _write_traders(self, day: date, keys: npt.NDArray[Any], marks: Ints) -> None:
        is_active = (keys["fills"] != 0) | (keys["position"] != 0)
        is_active |= keys["funding"] != 0
        user, rated = np.nonzero(is_active[:, RATED])
        coin = RATED[rated]
        cell, unit = keys[user, coin], _MONEY_UNIT[coin]
        funding = _decimals(cell["funding"], 19, _FUNDING_DECIMALS)
        amounts = {
            "cash_from_trades": _product(cell["cash"], unit),
            "fees_usd": _product(cell["fees"], unit),
            "funding_usd": funding,
            "value_usd": _product(cell["position"], marks[coin] * unit),
        }
        sums = (
            pa.table({"user": user} | amounts)
            .group_by("user", use_threads=False)
            .aggregate([(name, "sum") for name in amounts])
        )
        users = self._users.take(sums["user"])
        named = {name: sums[f"{name}_sum"] for name in amounts}
        self._write("trader_days", day, {"user": users}, named)
        paid = np.flatnonzero(cell["funding"])
        key = {
            "user": self._users.take(pa.array(user[paid])),
            "coin": self._coins.take(pa.array(coin[paid])),
        }
        self._write("funding", day, key, {"funding_usd": funding.take(pa.array(paid))})

    def _write_coins(self, day: date, position: Ints, marks: Ints) -> None:
        longs, shorts = np.maximum(position, 0), np.maximum(-position, 0)
        values = {
            "mark_px": _product(marks, _PRICE_UNIT[RATED]),
            "long_size": _product(longs.sum(axis=0), _SIZE_UNIT[RATED]),
            "short_size": _product(shorts.sum(axis=0), _SIZE_UNIT[RATED]),
            "holders": pa.array(np.count_nonzero(position, axis=0)),
        }
        coins = self._coins.take(pa.array(RATED))
        self._write("coin_days", day, {"coin": coins}, values)

    def _write(
        self, name: str, day: date, key: dict[str, Any], values: dict[str, Any]
    ) -> None:
        """Append rows; the column of the day is between key and values."""
        count = len(next(iter(key.values())))
        days = pa.array(np.full(count, np.datetime64(day)))
        table = pa.table(key | {"day": days} | values)
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(
                self._folder / f"{name}.parquet",
                table.schema,
                compression="zstd",
                use_dictionary=list(key),
            )
        self._writers[name].write_table(table)

    def close(self) -> None:
        """Finish the files."""
        for writer in self._writers.values():
            writer.close()


def _product(values: Ints, factors: Ints) -> pa.Array:
    """Multiply integers exactly; the product is of units of 1e-12.

    Parameters
    ----------
    values : ndarray of int64
    factors : ndarray of int64, same shape
        Of at most 18 digits.
    """
    return pc.multiply(_decimals(values, 19, 0), _decimals(factors, 18, _DECIMALS))


def _decimals(values: Ints, digits: int, places: int) -> pa.Array:
    """Make decimals of integers: of their 128 bits the upper ones are the sign."""
    bits = pa.py_buffer(np.stack([values, values >> 63], axis=1))
    kind = pa.decimal128(digits, places)
    return pa.Array.from_buffers(kind, len(values), [None, bits])
