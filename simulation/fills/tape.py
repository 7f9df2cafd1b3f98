"""The kernel's rows as the columns of the tape, and the Parquet files they go to."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.fills.agents import Population
from simulation.fills.codes import DIR_WORDS, METHOD_WORDS
from simulation.fills.instruments import Instrument
from simulation.fills.market import BLOCK_MS, HOUR_MS, block_noise
from simulation.fills.text import decimal_text, hash_text, null_where

LIQUIDATION = pa.struct(
    [
        ("liquidatedUser", pa.string()),
        ("markPx", pa.string()),
        ("method", pa.string()),
    ]
)

# Columns with few distinct values: a dictionary is of no use to the others.
_DICTIONARY = [
    "user",
    "coin",
    "side",
    "dir",
    "feeToken",
    "builder",
    "builderFee",
    "block_time",
]


class Printer:
    """Turns rows of the kernel into columns with the exchange's names.

    Parameters
    ----------
    instruments : tuple of Instrument
    population : Population
    seed : int
        Of the hashes.
    """

    def __init__(
        self, instruments: tuple[Instrument, ...], population: Population, seed: int
    ) -> None:
        self._seed = seed
        self._coins = pa.array([i.name for i in instruments])
        self._tokens = pa.array(["USDC", *(i.token or None for i in instruments)])
        self._users = pa.array(population.addresses)
        self._builders = pa.array(population.builders)
        self._px = np.array([i.price_decimals for i in instruments])
        self._sz = np.array([i.position_decimals for i in instruments])
        self._money = np.array([i.money_decimals for i in instruments])

    def table(self, rows: npt.NDArray[Any]) -> pa.Table:
        """Print rows.

        Parameters
        ----------
        rows : ndarray of ROW

        Returns
        -------
        Table
            One row per fill, decimals as text; absent values are null.
        """
        coin = rows["coin"].astype(np.int64)
        fee_decimals = np.where(rows["fee_in_token"], self._sz[coin], self._money[coin])
        builder_fee = decimal_text(rows["builder_fee"], self._money[coin])
        return pa.table(
            {
                "time": pa.array(rows["time"]),
                "user": self._users.take(pa.array(rows["user"])),
                "coin": self._coins.take(pa.array(rows["coin"])),
                "px": decimal_text(rows["px"], self._px[coin]),
                "sz": decimal_text(rows["sz"], self._sz[coin]),
                "side": pa.array(["A", "B"]).take(pa.array((rows["side"] + 1) // 2)),
                "dir": pa.array(DIR_WORDS).take(pa.array(rows["dir"])),
                "startPosition": decimal_text(rows["start"], self._sz[coin]),
                "closedPnl": decimal_text(rows["pnl"], self._money[coin]),
                "fee": decimal_text(rows["fee"], fee_decimals),
                "crossed": pa.array(rows["crossed"] != 0),
                "hash": hash_text(rows["tx"], self._seed, 4),
                "oid": pa.array(rows["oid"]),
                "tid": pa.array(rows["tid"]),
                "block_time": block_time_text(rows["time"]),
                "feeToken": self._tokens.take(
                    pa.array(np.where(rows["fee_in_token"], coin + 1, 0))
                ),
                "twapId": pa.array(rows["twap"], mask=rows["twap"] == 0),
                "builderFee": null_where(rows["builder"] < 0, builder_fee),
                "cloid": null_where(
                    rows["cloid"] == 0, hash_text(rows["cloid"], self._seed, 2)
                ),
                "builder": self._builders.take(
                    pa.array(rows["builder"], mask=rows["builder"] < 0)
                ),
                "liquidation": self._liquidation(rows, coin),
            }
        )

    def _liquidation(
        self, rows: npt.NDArray[Any], coin: npt.NDArray[np.int64]
    ) -> pa.StructArray:
        none = rows["liquidated"] < 0
        user = self._users.take(pa.array(rows["liquidated"], mask=none))
        mark = null_where(none, decimal_text(rows["mark"], self._px[coin]))
        words = pa.array(METHOD_WORDS).take(pa.array(rows["method"], mask=none))
        return pa.StructArray.from_arrays(
            [user, mark, words], fields=list(LIQUIDATION), mask=pa.array(none)
        )


def block_time_text(
    times: npt.NDArray[np.int64], delay_ns: npt.NDArray[np.int64] | int = 0
) -> pa.StringArray:
    """Print the time of blocks to the nanosecond, as nodes do.

    Parameters
    ----------
    times : ndarray of int64
        Milliseconds since the epoch, the time of each block.
    delay_ns : ndarray of int64 or int
        Added to it.

    Returns
    -------
    StringArray
        `2025-07-01T08:50:10.273720809`.
    """
    noise = (block_noise(times // BLOCK_MS) >> np.uint64(20)) % np.uint64(1_000_000)
    nanoseconds = times * 1_000_000 + noise.astype(np.int64) + delay_ns
    text = pa.array(nanoseconds).cast(pa.timestamp("ns")).cast(pa.string())
    return pc.binary_replace_slice(text, 10, 11, "T")


def spans(
    times: npt.NDArray[np.int64], length_ms: int
) -> list[tuple[int, int, datetime]]:
    """Cut rows that are sorted by time into files.

    Parameters
    ----------
    times : ndarray of int64, shape (rows,)
        Milliseconds since the epoch.
    length_ms : int
        Time that a file covers.

    Returns
    -------
    list of (first row, row after the last, start of the file)
    """
    slots = times // length_ms
    cuts = [0, *(np.flatnonzero(np.diff(slots)) + 1).tolist(), len(times)]
    return [
        (first, last, datetime.fromtimestamp(slots[first] * length_ms / 1000, UTC))
        for first, last in pairwise(cuts)
        if last > first
    ]


class ParquetTape:
    """Writes daily or hourly Parquet files.

    Parameters
    ----------
    folder : Path
    is_hourly : bool
        `YYYYMMDD/HH.parquet` instead of `YYYYMMDD.parquet`.
    """

    def __init__(self, folder: Path, is_hourly: bool) -> None:
        self._folder = folder
        self._length = HOUR_MS if is_hourly else 24 * HOUR_MS
        self._name = "%Y%m%d/%H.parquet" if is_hourly else "%Y%m%d.parquet"
        self._path: Path | None = None
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: npt.NDArray[Any], table: pa.Table) -> None:
        """Append rows, which must be later than all rows before them.

        Parameters
        ----------
        rows : ndarray of ROW
        table : Table
            The same rows, printed.
        """
        for first, last, start in spans(rows["time"], self._length):
            path = self._folder / start.strftime(self._name)
            if path != self._path:
                self.close()
                path.parent.mkdir(parents=True, exist_ok=True)
                self._path = path
                self._writer = pq.ParquetWriter(
                    path, table.schema, compression="zstd", use_dictionary=_DICTIONARY
                )
            assert self._writer is not None
            self._writer.write_table(table.slice(first, last - first))

    def close(self) -> None:
        """Finish the file in hand."""
        if self._writer is not None:
            self._writer.close()
        self._writer = self._path = None
