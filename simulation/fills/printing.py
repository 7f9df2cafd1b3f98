"""Rows of the exchange as columns with its names, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.files import spans
from simulation.fills.coins import COINS, KINDS, NAMES, PERP, SPOT
from simulation.fills.exchange import ADL, DUST, LIQUIDATED, NETTING, SETTLEMENT
from simulation.fills.market import (
    BLOCK_MS,
    DAY_MS,
    HOUR_MS,
    block_numbers,
    block_times,
)
from simulation.fills.traders import Population
from simulation.noise import scrambled_below
from simulation.text import (
    decimal_text,
    filled,
    hash_text,
    integer_text,
    join,
    lines_buffer,
    null_where,
    pick,
    time_text,
)

Ints = npt.NDArray[np.int64]

DIR_WORDS = [
    *("Open Short", "Open Long", "Close Long", "Close Short"),
    *("Long > Short", "Short > Long", "Sell", "Buy"),
    *("Liquidated Cross Short", "Liquidated Cross Long", "Auto-Deleveraging"),
    *("Settlement", "Spot Dust Conversion", "Net Child Vaults"),
]
# Places in these words: what two words follow, which depends on a sign, comes first.
_OPENS, _CLOSES, _FLIPS, _SPOT, _LIQUIDATED, _OTHERS = 0, 2, 4, 6, 8, 10
_WORD_OF = {ADL: 10, SETTLEMENT: 11, DUST: 12, NETTING: 13}

# Trade ids are hashes of 50 bits: an odd factor maps counted numbers one to one.
_TID_FACTOR = 0x2545F4914F6CD
_TID_MASK = (1 << 50) - 1

# Columns with few distinct values: only for these a dictionary helps.
_DICTIONARY = [
    *("user", "coin", "side", "dir", "feeToken", "builder", "builderFee"),
    "block_time",
]


def directions(rows: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Return the index in `DIR_WORDS` of each row's `dir`."""
    start, delta, words = rows["start"], rows["delta"], rows["words"]
    buys = rows["side"] > 0
    closes = (start != 0) & ((start > 0) != (delta > 0))
    flips = closes & (np.abs(delta) > np.abs(start))
    place = np.where(closes, np.where(flips, _FLIPS, _CLOSES), _OPENS) + buys
    place = np.where(KINDS[rows["coin"]] == PERP, place, _SPOT + buys)
    place[words == LIQUIDATED] = _LIQUIDATED + (start > 0)[words == LIQUIDATED]
    for code, word in _WORD_OF.items():
        place[words == code] = word
    return place.astype(np.int8)


class Printer:
    """Turns rows of the exchange into columns with its names.

    Parameters
    ----------
    population : Population
    seed : int
        Of the hashes.
    """

    def __init__(self, population: Population, seed: int) -> None:
        self._seed = seed
        self._population = population
        self._coins = pa.array(NAMES)
        self._tokens = pa.array(["USDC", *(coin.token or None for coin in COINS)])
        self._users = pa.array(population.addresses)
        self._builders = pa.array(population.builders)
        self._px = np.array([coin.price_decimals for coin in COINS])
        self._sz = np.array([coin.position_decimals for coin in COINS])
        self._money = np.array([coin.money_decimals for coin in COINS])

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
        coin, user, trade = rows["coin"], rows["user"], rows["trade"]
        in_token = fee_is_in_token(rows)
        fee_decimals = np.where(in_token, self._sz[coin], self._money[coin])
        no_builder = rows["builder_fee"] == 0
        builder_fee = decimal_text(rows["builder_fee"], self._money[coin])
        no_cloid = ~self._population.uses_cloid[user] | (trade == 0)
        cloid = trade * 2 + (rows["crossed"] != 0)
        return pa.table(
            {
                "time": pa.array(rows["time"]),
                "user": self._users.take(pa.array(user)),
                "coin": self._coins.take(pa.array(coin)),
                "px": decimal_text(rows["px"], self._px[coin]),
                "sz": decimal_text(rows["sz"], self._sz[coin]),
                "side": pick(["A", "B"], rows["side"] > 0),
                "dir": pick(DIR_WORDS, directions(rows)),
                "startPosition": decimal_text(rows["start"], self._sz[coin]),
                "closedPnl": decimal_text(rows["pnl"], self._money[coin]),
                "fee": decimal_text(rows["fee"], fee_decimals),
                "crossed": pa.array(rows["crossed"] != 0),
                "hash": hash_text(rows["tx"], self._seed, 4),
                "oid": pa.array(rows["oid"]),
                "tid": pa.array(trade * _TID_FACTOR & _TID_MASK),
                "block_time": block_time_text(rows["time"]),
                "feeToken": self._tokens.take(
                    pa.array(np.where(in_token, coin + 1, 0))
                ),
                "twapId": pa.array(rows["twap"], mask=rows["twap"] == 0),
                "builderFee": null_where(no_builder, builder_fee),
                "cloid": null_where(no_cloid, hash_text(cloid, self._seed, 2)),
                "builder": self._builders.take(
                    pa.array(self._population.builder[user], mask=no_builder)
                ),
                "liquidation": self._liquidation(rows),
            }
        )

    def _liquidation(self, rows: npt.NDArray[Any]) -> pa.StructArray:
        none = rows["liquidated"] < 0
        return pa.StructArray.from_arrays(
            [
                self._users.take(pa.array(rows["liquidated"], mask=none)),
                decimal_text(rows["mark"], self._px[rows["coin"]]),
                pick(["", "market", "backstop"], rows["method"]),
            ],
            names=["liquidatedUser", "markPx", "method"],
            mask=pa.array(none),
        )


def fee_is_in_token(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which fees are paid in the token that the fill bought."""
    return np.asarray((KINDS[rows["coin"]] == SPOT) & (rows["side"] > 0))


def block_time_text(times: Ints, delay_ns: Ints | int = 0) -> pa.StringArray:
    """Print the times of blocks to the nanosecond, as nodes do.

    Parameters
    ----------
    times : ndarray of int64
        Milliseconds since the epoch.
    delay_ns : ndarray of int64 or int
        Added to them.
    """
    noise = scrambled_below(times // BLOCK_MS + (1 << 40), 1_000_000)
    return time_text(times * 1_000_000 + noise + delay_ns, "ns")


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
        self._length = HOUR_MS if is_hourly else DAY_MS
        self._name = "%Y%m%d/%H.parquet" if is_hourly else "%Y%m%d.parquet"
        self._path: Path | None = None
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Append fills, which must be later than all fills before them."""
        for first, last, start in spans(table["time"].to_numpy(), self._length):
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


# One of the events of a block.
_FILL = (
    '["<user>",{"coin":"<coin>","px":"<px>","sz":"<sz>","side":"<side>","time":<time>,'
    '"startPosition":"<startPosition>","dir":"<dir>","closedPnl":"<closedPnl>",'
    '"hash":"<hash>","oid":<oid>,"crossed":<crossed>,"fee":"<fee>","tid":<tid>,'
    '"feeToken":"<feeToken>"<optional>}]'
)
# Fields that only some events have.
_OPTIONAL = (
    ',"cloid":"<cloid>"',
    ',"twapId":<twapId>',
    ',"builder":"<builder>"',
    ',"builderFee":"<builderFee>"',
    ',"liquidation":{"liquidatedUser":"<liquidatedUser>","markPx":"<markPx>",'
    '"method":"<method>"}',
)
_BLOCK = (
    '{"local_time":"<local_time>","block_time":"<block_time>",'
    '"block_number":<block_number>,"events":['
)
# One block in so many is followed by one without fills, if there is room for it.
_EMPTY_EVERY = 8


class ArchiveTape:
    """Writes the exchange's archive: hours of LZ4-compressed JSON, a block a line.

    Parameters
    ----------
    folder : Path
        Gets `node_fills_by_block/hourly/YYYYMMDD/H.lz4`.
    start_ms : int
        Of the tape, milliseconds since the epoch.
    """

    def __init__(self, folder: Path, start_ms: int) -> None:
        self._folder = folder / "node_fills_by_block" / "hourly"
        self._start_ms = start_ms

    def write(self, table: pa.Table) -> None:
        """Write fills, of whole hours, into new files."""
        fills, times = _fills(table), table["time"].to_numpy()
        for first, last, start in spans(times, HOUR_MS):
            path = self._folder / start.strftime("%Y%m%d") / f"{start.hour}.lz4"
            path.parent.mkdir(parents=True, exist_ok=True)
            count = last - first
            lines = self._lines(times[first:last], fills.slice(first, count))
            with lz4.frame.open(path, "wb") as file:
                file.write(lines_buffer(lines))

    def close(self) -> None:
        """Do nothing: no file is open between writes."""

    def _lines(self, times: Ints, fills: pa.Array) -> pa.Array:
        """Put the fills of each block on a line of its own."""
        is_last = np.append(times[1:] != times[:-1], True)
        is_first = np.append(True, is_last[:-1])
        head = pc.if_else(pa.array(is_first), self._heads(times), ",")
        slots = times // BLOCK_MS
        is_followed = is_last & (np.append(slots[1:], slots[-1]) > slots + 1)
        is_followed &= scrambled_below(slots, _EMPTY_EVERY) == 0
        empty = join("]}\n", self._heads(block_times(slots + 1)), "]}\n")
        tail = pc.if_else(pa.array(is_last), "]}\n", "")
        tail = pc.if_else(pa.array(is_followed), empty, tail)
        return join(head, fills, tail)

    def _heads(self, times: Ints) -> pa.Array:
        delay = 40_000_000 + scrambled_below(times // BLOCK_MS, 140_000_000)
        columns = {
            "local_time": block_time_text(times, delay),
            "block_time": block_time_text(times),
            "block_number": integer_text(block_numbers(times, self._start_ms)),
        }
        return filled(_BLOCK, columns.__getitem__)


def _fills(table: pa.Table) -> pa.Array:
    """Print `["0x…",{…}]` for each row."""
    columns = {
        name: table[name].combine_chunks().cast(pa.string())
        for name in table.column_names[:-1]
    }
    liquidation = table["liquidation"].combine_chunks()
    names = liquidation.type.names
    # Null where nobody is liquidated, as the struct is.
    columns |= dict(zip(names, liquidation.flatten(), strict=True))
    parts = [filled(part, columns.__getitem__) for part in _OPTIONAL]
    columns["optional"] = join(*(pc.fill_null(part, "") for part in parts))
    return filled(_FILL, columns.__getitem__)
