"""Fills as columns, and what each of them means for a position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.binary_kernels import decode_integers
from pgio.binary_rows import RowBatch
from pgio.scaled import Scaled, scaled_column
from pgio.text_codes import TextCodes
from python_jobs.lib.coins import are_spot
from python_jobs.lib.fold_kernel import (
    ADL,
    DUST,
    LIQUIDATION,
    SETTLEMENT,
    TRADE,
    TRANSFER,
)

#: Wordings of `dir` that say why a position ended.
KINDS = {
    "Auto-Deleveraging": ADL,
    "Settlement": SETTLEMENT,
    "Net Child Vaults": TRANSFER,
    "Spot Dust Conversion": DUST,
}


@dataclass(frozen=True)
class Fills:
    """Fills in any order, outcomes left out; every attribute is ``(rows,)``.

    Attributes
    ----------
    user, coin
        Codes of the trader and the coin.
    time
        Milliseconds since the epoch.
    block, event
        Block number, -1 where the tape has none, and the index inside the block or,
        without one, the place in the file.
    kind
        `TRADE`, `LIQUIDATION` of this trader, `ADL`, `SETTLEMENT`, `TRANSFER` or
        `DUST`.
    is_buy
        By `side`, never by `dir`.
    is_base_fee
        Whether the fee was taken in the coin itself: what the macro `fee_in_base` says.
    px, sz, start, pnl, fee
        Price, size, reported position before, reported profit, fee.
    """

    user: npt.NDArray[np.int32]
    coin: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    block: npt.NDArray[np.int64]
    event: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    is_buy: npt.NDArray[np.bool_]
    is_base_fee: npt.NDArray[np.bool_]
    px: Scaled
    sz: Scaled
    start: Scaled
    pnl: Scaled
    fee: Scaled

    def __len__(self) -> int:
        return int(self.time.size)

    @classmethod
    def concat(cls, parts: Sequence[Fills]) -> Fills:
        """Put fills one behind the other."""
        columns: dict[str, Any] = {}
        for column in fields(cls):
            pieces = [getattr(part, column.name) for part in parts]
            is_scaled = isinstance(pieces[0], Scaled)
            columns[column.name] = (
                Scaled.concat(pieces) if is_scaled else np.concatenate(pieces)
            )
        return cls(**columns)


class FillDecoder:
    """Makes `Fills` of the rows of `positions.fills_query`, and names the codes.

    Attributes
    ----------
    users, coins
        The texts behind ``Fills.user`` and ``Fills.coin``.
    """

    def __init__(self) -> None:
        self.users = TextCodes()
        self.coins = TextCodes()
        self._dirs = TextCodes()
        self._is_spot = np.zeros(0, dtype=np.bool_)

    def decode(self, rows: RowBatch) -> Fills:
        """Decode a batch; values are exact.

        Raises
        ------
        ValueError
            A numeric is NaN or infinite.
        """
        coin = self.coins.encode_column(rows, "coin")
        is_buy = first_bytes(rows, "side") == ord("B")
        return Fills(
            user=self.users.encode_column(rows, "user_address"),
            coin=coin,
            time=integers(rows, "time"),
            block=integers(rows, "block_number", null=-1),
            event=integers(rows, "event_index", null=-1),
            kind=self._kinds(rows, is_buy),
            is_buy=is_buy,
            is_base_fee=is_buy & self._are_spot(coin),
            px=scaled_column(rows, "px"),
            sz=scaled_column(rows, "sz"),
            start=scaled_column(rows, "start_position"),
            pnl=scaled_column(rows, "closed_pnl"),
            fee=scaled_column(rows, "fee"),
        )

    def _kinds(
        self, rows: RowBatch, is_buy: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        codes = self._dirs.encode_column(rows, "dir")
        # The last entry stands for NULL, whose code is -1.
        words = [*self._dirs.values(), ""]
        meaning = np.array([[_kind_of(w, False), _kind_of(w, True)] for w in words])
        kinds = meaning[codes, is_buy.astype(np.int64)]
        # Where the fill names who was liquidated, its wording is not asked.
        named = integers(rows, "is_own_liquidation", null=-1)
        kinds[(named == 0) & (kinds == LIQUIDATION)] = TRADE
        kinds[named == 1] = LIQUIDATION
        return kinds

    def _are_spot(self, coin: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        new = self.coins.values(self._is_spot.size)
        self._is_spot = np.append(self._is_spot, are_spot(new))
        return np.asarray(self._is_spot[coin])


def _kind_of(wording: str, is_buy: bool) -> int:
    """Tell the kind of a fill by `dir`; see the macro `is_own_liquidation`."""
    if not wording.startswith("Liquidated"):
        return KINDS.get(wording, TRADE)
    # A long is liquidated by selling it: who buys then is the other side.
    is_other_side = wording.endswith("Long" if is_buy else "Short")
    return TRADE if is_other_side else LIQUIDATION


def integers(
    rows: RowBatch, name: str, null: int | None = None
) -> npt.NDArray[np.int64]:
    """Decode a column of integers or booleans; NULL becomes ``null``."""
    column = rows.index(name)
    values = np.empty(len(rows), dtype=np.int64)
    decode_integers(rows.data, rows.starts[column], rows.lengths[column], values)
    is_null = rows.lengths[column] < 0
    if is_null.any():
        if null is None:
            raise ValueError(f"column {name!r} holds nulls")
        values[is_null] = null
    return values


def first_bytes(rows: RowBatch, name: str) -> npt.NDArray[np.uint8]:
    """Return the first byte of each text, 0 for NULL and the empty one."""
    column = rows.index(name)
    has_any = rows.lengths[column] > 0
    result = np.zeros(len(rows), dtype=np.uint8)
    result[has_any] = rows.data[rows.starts[column][has_any]]
    return result
