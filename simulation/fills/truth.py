"""Side files: what a reader of the tape should have found."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.fills.agents import Population
from simulation.fills.codes import DIR_WORDS, REASON_WORDS, Kind, Role
from simulation.fills.instruments import Instrument
from simulation.fills.state import (
    GAPS_FROM_FLAT,
    GAPS_KEPT,
    GAPS_TO_FLAT,
    GAPS_TO_OTHER_SIDE,
    World,
)
from simulation.fills.text import decimal_text, null_where

MONEY = pa.decimal128(30, 12)


class Truth:
    """Collects the truth and writes it beside the tape.

    Parameters
    ----------
    folder : Path
    instruments : tuple of Instrument
    population : Population
    """

    def __init__(
        self, folder: Path, instruments: tuple[Instrument, ...], population: Population
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._instruments = instruments
        self._population = population
        self._users = pa.array(population.addresses)
        self._coins = pa.array([i.name for i in instruments])
        self._sizes = np.array([i.position_decimals for i in instruments])
        self._money = np.array([i.money_decimals for i in instruments])
        self._fees = np.array([i.fee_decimals for i in instruments])
        self._counts: Counter[str] = Counter()
        self._writer: pq.ParquetWriter | None = None

    def add_rows(self, rows: npt.NDArray[Any]) -> None:
        """Count what the tape shows.

        Parameters
        ----------
        rows : ndarray of ROW
        """
        coin = rows["coin"]
        names = np.array([i.name for i in self._instruments])
        kinds = np.array([i.kind for i in self._instruments])
        is_builder_perp = np.char.find(names, ":") >= 0
        liquidated = rows["liquidated"]
        key = (rows["user"].astype(np.int64) << 8) + coin
        features = {
            "rows": np.ones(len(rows), dtype=np.bool_),
            "trade_rows": rows["tid"] != 0,
            "maker_rows": rows["crossed"] == 0,
            "rebate_rows": rows["fee"] < 0,
            "fee_in_token_rows": rows["fee_in_token"] != 0,
            "builder_fee_rows": rows["builder"] >= 0,
            "twap_rows": rows["twap"] != 0,
            "liquidation_rows": liquidated >= 0,
            "own_liquidation_rows": liquidated == rows["user"],
            "cloid_rows": rows["cloid"] != 0,
            "spot_rows": kinds[coin] == Kind.SPOT,
            "outcome_rows": kinds[coin] == Kind.OUTCOME,
            "builder_perp_rows": is_builder_perp[coin],
            "same_ms_rows": _repeats(rows["block"], key),
        }
        for name, mask in features.items():
            self._counts[name] += int(np.count_nonzero(mask))
        for code, count in enumerate(np.bincount(rows["dir"])):
            self._counts["dir " + DIR_WORDS[code]] += int(count)

    def add_episodes(self, episodes: npt.NDArray[Any]) -> None:
        """Append episodes to `episodes.parquet`.

        Parameters
        ----------
        episodes : ndarray of EPISODE
        """
        coin = episodes["coin"]
        gross = self._decimal(episodes["pnl"], self._money[coin])
        fees = self._decimal(episodes["fees"], self._fees[coin])
        is_open = episodes["reason"] == 0
        table = pa.table(
            {
                "user": self._users.take(pa.array(episodes["user"])),
                "coin": self._coins.take(pa.array(coin)),
                "side": pa.array(["short", "long"]).take(
                    pa.array((episodes["side"] + 1) // 2)
                ),
                "opened": pa.array(episodes["opened"]),
                "closed": pa.array(episodes["closed"], mask=is_open),
                "max_size": self._decimal(episodes["max_size"], self._sizes[coin]),
                "gross_pnl": gross,
                "fees_usd": fees,
                "net_pnl": pc.subtract(gross, fees).cast(MONEY),
                "fill_count": pa.array(episodes["fills"]),
                "close_reason": pa.array(REASON_WORDS).take(
                    pa.array(episodes["reason"])
                ),
                "is_liquidated": pa.array(episodes["is_liquidated"] != 0),
                "is_basis_known": pa.array(episodes["is_basis_known"] != 0),
                "gap_count": pa.array(episodes["gaps"]),
            }
        )
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._folder / "episodes.parquet", table.schema, compression="zstd"
            )
        self._writer.write_table(table)
        self._counts["episodes"] += len(episodes)

    def finish(self, world: World, settings: dict[str, Any]) -> dict[str, Any]:
        """Write positions, traders and the summary.

        Parameters
        ----------
        world : World
            At the end of the tape.
        settings : dict
            What the simulation was asked for; goes into the summary.

        Returns
        -------
        dict
            The content of `summary.json`.
        """
        if self._writer is not None:
            self._writer.close()
        user, coin = np.nonzero(world.keys["fills"] > 0)
        keys = world.keys[user, coin]
        self._write_positions(user, coin, keys)
        roles = [Role(role).name.lower() for role in self._population.table["role"]]
        fills = world.keys["fills"].sum(axis=1)
        traders = pa.table({"user": self._users, "role": roles, "fill_count": fills})
        pq.write_table(traders, self._folder / "traders.parquet", compression="zstd")
        for name, slot in (
            ("gaps_sign_kept", GAPS_KEPT),
            ("gaps_to_flat", GAPS_TO_FLAT),
            ("gaps_to_other_side", GAPS_TO_OTHER_SIDE),
            ("gaps_from_flat", GAPS_FROM_FLAT),
        ):
            self._counts[name] = int(world.counters[slot])
        self._counts["keys_first_seen_in_position"] = int(
            np.count_nonzero(keys["first_start"])
        )
        summary = {
            **settings,
            "traders_on_tape": int(np.count_nonzero(fills)),
            "roles": dict(sorted(Counter(roles).items())),
            "features": dict(sorted(self._counts.items())),
        }
        text = json.dumps(summary, indent=2) + "\n"
        (self._folder / "summary.json").write_text(text)
        return summary

    def _write_positions(
        self,
        user: npt.NDArray[np.int64],
        coin: npt.NDArray[np.int64],
        keys: npt.NDArray[Any],
    ) -> None:
        kinds = np.array([instrument.kind for instrument in self._instruments])
        is_outcome = kinds[coin] == Kind.OUTCOME
        table = pa.table(
            {
                "user": self._users.take(pa.array(user)),
                "coin": self._coins.take(pa.array(coin)),
                "net_size": self._decimal(keys["tape_position"], self._sizes[coin]),
                "first_start": self._decimal(keys["first_start"], self._sizes[coin]),
                # Outcomes are left out of PnL.
                "closed_pnl": null_where(
                    is_outcome, self._decimal(keys["pnl"], self._money[coin])
                ),
                "fees_usd": null_where(
                    is_outcome, self._decimal(keys["fees"], self._fees[coin])
                ),
                "fill_count": pa.array(keys["fills"]),
            }
        )
        pq.write_table(table, self._folder / "positions.parquet", compression="zstd")

    def _decimal(
        self, values: npt.NDArray[np.int64], decimals: npt.NDArray[np.int64]
    ) -> pa.Array:
        return decimal_text(values, decimals).cast(MONEY)


def _repeats(
    blocks: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Tell which rows share block, user and coin with another row."""
    order = np.lexsort((keys, blocks))
    same = (np.diff(blocks[order]) == 0) & (np.diff(keys[order]) == 0)
    repeated = np.zeros(len(blocks), dtype=np.bool_)
    repeated[order[1:][same]] = True
    repeated[order[:-1][same]] = True
    return repeated
