"""Truth files: what a correct reader of the tape finds.

This fold shares no code with the exchange, nor with the models that it checks: it reads
each row of the tape once, in the order of the exchange.
"""

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

from pgio.compiled import compilable, compiled
from simulation.fills.coins import COINS, KINDS, NAMES, OUTCOME, SPOT
from simulation.fills.exchange import ADL, DUST, NETTING, SETTLEMENT
from simulation.fills.printing import DIR_WORDS, directions, fee_is_in_token
from simulation.fills.traders import Population
from simulation.text import decimal_text, null_where, pick

MONEY = pa.decimal128(30, 12)

#: Why an episode ended; the first one stands for open episodes.
REASONS = [
    *(None, "trade", "flip", "liquidation"),
    *("adl", "settlement", "dust", "transfer", "gap"),
]
_OPEN, _TRADE, _FLIP, _LIQUIDATION, _ADL, _SETTLEMENT, _DUST, _TRANSFER, _GAP = range(9)
_REASON_OF = {ADL: _ADL, SETTLEMENT: _SETTLEMENT, DUST: _DUST, NETTING: _TRANSFER}
GAPS = ("gaps_sign_kept", "gaps_to_flat", "gaps_to_other_side", "gaps_from_flat")

#: An episode of a trader in a coin: first the open one, then its record.
EPISODE = np.dtype(
    [
        ("user", "i8"),
        ("coin", "i8"),
        ("opened", "i8"),
        ("closed", "i8"),
        ("side", "i8"),
        ("max_size", "i8"),
        ("pnl", "i8"),
        ("fees", "i8"),
        ("fills", "i8"),
        ("gaps", "i8"),
        ("reason", "i8"),
        ("is_basis_known", "i8"),
        ("is_liquidated", "i8"),
    ]
)
#: Totals of a trader in a coin.
TOTAL = np.dtype(
    [
        ("fills", "i8"),
        ("first_start", "i8"),
        ("position", "i8"),
        ("pnl", "i8"),
        ("fees", "i8"),
    ]
)


@compiled
def _fold(
    rows: npt.NDArray[Any],
    fees: npt.NDArray[np.int64],
    reasons: npt.NDArray[np.int64],
    totals: npt.NDArray[Any],
    current: npt.NDArray[Any],
    gaps: npt.NDArray[np.int64],
    done: npt.NDArray[Any],
) -> int:
    """Fold rows into episodes.

    Parameters
    ----------
    rows : ndarray of ROW
    fees, reasons : ndarray of int64, shape (rows,)
        Fees in USD, fee units of the coin; why an episode that ends here does.
    totals : ndarray of TOTAL, shape (traders, coins)
    current : ndarray of EPISODE, shape (traders, coins)
    gaps : ndarray of int64, shape (4,)
        How many of each of `GAPS`; counted on.
    done : ndarray of EPISODE
        Gets the episodes that end.

    Returns
    -------
    int
        How many those are.
    """
    count = 0
    for i in range(len(rows)):
        row = rows[i]
        total = totals[row.user, row.coin]
        episode = current[row.user, row.coin]
        start, delta, expected = row.start, row.delta, total.position
        if total.fills == 0:
            total.first_start = start
            if start != 0:
                _open(episode, row, start, 0, 0)
        elif expected != start:
            if expected != 0 and start != 0 and (expected > 0) == (start > 0):
                gaps[0] += 1
                episode.gaps += 1
                episode.is_basis_known = 0
                episode.max_size = max(episode.max_size, abs(start))
            else:
                gaps[1 if start == 0 else 3 if expected == 0 else 2] += 1
                if expected != 0:
                    count = _close(episode, row.time, _GAP, done, count)
                if start != 0:
                    _open(episode, row, start, 0, 1)
        closing = 0
        if start != 0 and (start > 0) != (delta > 0):
            closing = min(abs(start), abs(delta))
        opening = abs(delta) - closing
        # A fee is divided between what closes and what opens, rounded towards zero.
        whole = abs(fees[i]) // abs(delta)
        part = whole * closing
        part += (abs(fees[i]) - whole * abs(delta)) * closing // abs(delta)
        part = part if fees[i] >= 0 else -part
        if closing > 0:
            episode.pnl += row.pnl
            episode.fees += part
            episode.fills += 1
            if row.liquidated == row.user:
                episode.is_liquidated = 1
            if closing == abs(start):
                reason = reasons[i]
                if reason == _TRADE and opening > 0:
                    reason = _FLIP
                count = _close(episode, row.time, reason, done, count)
        if opening > 0:
            if start == 0 or closing > 0:
                _open(episode, row, start + delta, 1, 0)
            episode.fees += fees[i] - part
            episode.fills += 1
            episode.max_size = max(episode.max_size, abs(start + delta))
        total.fills += 1
        total.position = start + delta
        total.pnl += row.pnl
        total.fees += fees[i]
    return count


@compilable
def _open(episode: Any, row: Any, size: int, is_basis_known: int, gaps: int) -> None:
    episode.user = row.user
    episode.coin = row.coin
    episode.opened = row.time
    episode.side = 1 if size > 0 else -1
    episode.max_size = abs(size)
    episode.pnl = 0
    episode.fees = 0
    episode.fills = 0
    episode.gaps = gaps
    episode.is_basis_known = is_basis_known
    episode.is_liquidated = 0


@compilable
def _close(
    episode: Any, time: int, reason: int, done: npt.NDArray[Any], count: int
) -> int:
    episode.closed = time
    episode.reason = reason
    done[count] = episode
    episode.reason = _OPEN
    return count + 1


class Truth:
    """Collects the truth and writes it beside the tape.

    Parameters
    ----------
    folder : Path
    population : Population
    """

    def __init__(self, folder: Path, population: Population) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._roles = population.roles
        self._uses_cloid = population.uses_cloid
        self._users = pa.array(population.addresses)
        shape = (len(population.roles), len(COINS))
        self._totals = np.zeros(shape, dtype=TOTAL)
        self._current = np.zeros(shape, dtype=EPISODE)
        self._gaps = np.zeros(len(GAPS), dtype=np.int64)
        self._counts: Counter[str] = Counter()
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Fold rows, which must be later than all rows before them.

        Parameters
        ----------
        rows : ndarray of ROW
        """
        self._count(rows)
        # PnL excludes outcome coins: only their positions are recorded.
        fees = rows["fee"] * np.where(
            fee_is_in_token(rows),
            rows["px"],
            10 ** (_FEE_DECIMALS - _MONEY_DECIMALS)[rows["coin"]],
        )
        reasons = np.full(len(rows), _TRADE)
        for words, reason in _REASON_OF.items():
            reasons[rows["words"] == words] = reason
        reasons[rows["liquidated"] == rows["user"]] = _LIQUIDATION
        # A row ends at most two episodes: one by a gap, one by itself.
        done = np.zeros(2 * len(rows), dtype=EPISODE)
        found = _fold(
            rows, fees, reasons, self._totals, self._current, self._gaps, done
        )
        self._write_episodes(done[:found])

    def _count(self, rows: npt.NDArray[Any]) -> None:
        """Count what the tape shows."""
        coin, liquidated = rows["coin"], rows["liquidated"]
        names = np.array(NAMES)
        features = {
            "rows": np.ones(len(rows), dtype=np.bool_),
            "trade_rows": rows["trade"] != 0,
            "maker_rows": rows["crossed"] == 0,
            "rebate_rows": rows["fee"] < 0,
            "fee_in_token_rows": fee_is_in_token(rows),
            "builder_fee_rows": rows["builder_fee"] > 0,
            "twap_rows": rows["twap"] != 0,
            "liquidation_rows": liquidated >= 0,
            "own_liquidation_rows": liquidated == rows["user"],
            "cloid_rows": self._uses_cloid[rows["user"]] & (rows["trade"] != 0),
            "spot_rows": KINDS[coin] == SPOT,
            "outcome_rows": KINDS[coin] == OUTCOME,
            "builder_perp_rows": (np.char.find(names, ":") >= 0)[coin],
        }
        for name, mask in features.items():
            self._counts[name] += int(np.count_nonzero(mask))
        words = np.bincount(directions(rows), minlength=len(DIR_WORDS))
        for name, count in zip(DIR_WORDS, words, strict=True):
            self._counts["dir " + name] += int(count)

    def _write_episodes(self, episodes: npt.NDArray[Any]) -> None:
        episodes = episodes[KINDS[episodes["coin"]] != OUTCOME]
        coin = episodes["coin"]
        gross = _decimals(episodes["pnl"], _MONEY_DECIMALS[coin])
        fees = _decimals(episodes["fees"], _FEE_DECIMALS[coin])
        is_open = episodes["reason"] == _OPEN
        table = pa.table(
            {
                "user": self._users.take(pa.array(episodes["user"])),
                "coin": pa.array(NAMES).take(pa.array(coin)),
                "side": pick(["short", "long"], episodes["side"] > 0),
                "opened": pa.array(episodes["opened"]),
                "closed": pa.array(episodes["closed"], mask=is_open),
                "max_size": _decimals(episodes["max_size"], _SIZE_DECIMALS[coin]),
                "gross_pnl": gross,
                "fees_usd": fees,
                "net_pnl": pc.subtract(gross, fees).cast(MONEY),
                "fill_count": pa.array(episodes["fills"]),
                "close_reason": pa.array(REASONS).take(pa.array(episodes["reason"])),
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

    def finish(
        self, settings: dict[str, Any], is_complete: npt.NDArray[np.bool_]
    ) -> dict[str, Any]:
        """Write open episodes, positions, traders and the summary.

        Parameters
        ----------
        settings : dict
            What the simulation was asked for; goes into the summary.
        is_complete : ndarray of bool, shape (traders, coins)
            Whether the tape has all fills of the position, none from before it and none
            left out.

        Returns
        -------
        dict
            The content of `summary.json`.
        """
        self._write_episodes(self._current[self._totals["position"] != 0])
        assert self._writer is not None
        self._writer.close()
        user, coin = np.nonzero(self._totals["fills"])
        total = self._totals[user, coin]
        is_outcome = KINDS[coin] == OUTCOME
        pnl = _decimals(total["pnl"], _MONEY_DECIMALS[coin])
        fees = _decimals(total["fees"], _FEE_DECIMALS[coin])
        first = _decimals(total["first_start"], _SIZE_DECIMALS[coin])
        positions = {
            "user": self._users.take(pa.array(user)),
            "coin": pa.array(NAMES).take(pa.array(coin)),
            "net_size": _decimals(total["position"], _SIZE_DECIMALS[coin]),
            "first_start": first,
            "closed_pnl": null_where(is_outcome, pnl),
            "fees_usd": null_where(is_outcome, fees),
            "fill_count": total["fills"],
            "is_complete": is_complete[user, coin],
        }
        fills = self._totals["fills"].sum(axis=1)
        traders = {
            "user": self._users,
            "role": self._roles,
            "fill_count": fills,
            # Outcome coins do not count, as in a trader's equity.
            "is_complete": is_complete[:, KINDS != OUTCOME].all(axis=1),
        }
        for name, columns in (("positions", positions), ("traders", traders)):
            path = self._folder / f"{name}.parquet"
            pq.write_table(pa.table(columns), path, compression="zstd")
        self._counts.update(dict(zip(GAPS, self._gaps.tolist(), strict=True)))
        first_seen = int(np.count_nonzero(total["first_start"]))
        self._counts["keys_first_seen_in_position"] = first_seen
        summary = {
            **settings,
            "traders_on_tape": int(np.count_nonzero(fills)),
            "complete_traders_on_tape": int(
                np.count_nonzero(traders["is_complete"] & (fills > 0))
            ),
            "roles": dict(sorted(Counter(self._roles.tolist()).items())),
            "features": dict(sorted(self._counts.items())),
        }
        text = json.dumps(summary, indent=2) + "\n"
        (self._folder / "summary.json").write_text(text)
        return summary


_SIZE_DECIMALS = np.array([coin.position_decimals for coin in COINS])
_MONEY_DECIMALS = np.array([coin.money_decimals for coin in COINS])
_FEE_DECIMALS = np.array([coin.fee_decimals for coin in COINS])


def _decimals(
    values: npt.NDArray[np.int64], decimals: npt.NDArray[np.int64]
) -> pa.Array:
    return decimal_text(values, decimals).cast(MONEY)
