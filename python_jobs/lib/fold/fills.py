"""Fills as columns; the staging model defines their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.binary_rows import RowBatch
from pgio.scaled import Scaled, scaled_column
from pgio.text_codes import TextCodes
from python_jobs.lib.fold.kernel import REASONS


@dataclass(frozen=True)
class Fills:
    """Fills in any order, without outcome markets; every attribute is ``(rows,)``.

    Attributes
    ----------
    user, coin
        Codes of the trader and the coin.
    time
        Milliseconds since the epoch.
    block, event
        Block number, -1 where the data have none; and the index inside the block or,
        without a block, the place in the file.
    kind
        Index of ``fill_kind`` in `kernel.REASONS`.
    is_base_fee
        Whether the fee was taken in the coin itself.
    px, size, start, pnl, fee
        Price, signed size, reported position before, reported profit, fee.
    """

    user: npt.NDArray[np.int32]
    coin: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    block: npt.NDArray[np.int64]
    event: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    is_base_fee: npt.NDArray[np.bool_]
    px: Scaled
    size: Scaled
    start: Scaled
    pnl: Scaled
    fee: Scaled

    def __len__(self) -> int:
        return int(self.time.size)

    @classmethod
    def concat(cls, parts: Sequence[Fills]) -> Fills:
        """Concatenate fills."""
        columns: dict[str, Any] = {}
        for column in fields(cls):
            pieces = [getattr(part, column.name) for part in parts]
            is_scaled = isinstance(pieces[0], Scaled)
            columns[column.name] = (
                Scaled.concat(pieces) if is_scaled else np.concatenate(pieces)
            )
        return cls(**columns)


class FillDecoder:
    """Decodes rows of `positions.fills_query` to `Fills`, and stores the codes' texts.

    Attributes
    ----------
    users, coins
        The texts for the codes in ``Fills.user`` and ``Fills.coin``.
    """

    def __init__(self) -> None:
        self.users = TextCodes()
        self.coins = TextCodes()
        self._kinds = TextCodes()

    def decode(self, rows: RowBatch) -> Fills:
        """Decode a batch; values are exact.

        Raises
        ------
        ValueError
            A numeric is NaN or infinite, or the fold does not know a ``fill_kind``.
        """
        return Fills(
            user=self.users.encode_column(rows, "user_address"),
            coin=self.coins.encode_column(rows, "coin"),
            time=rows.integers("filled_ms"),
            block=rows.integers("block_number", null=-1),
            event=rows.integers("event_index", null=-1),
            kind=self._decode_kinds(rows),
            is_base_fee=rows.integers("is_fee_in_base") != 0,
            px=scaled_column(rows, "px"),
            size=scaled_column(rows, "signed_size"),
            start=scaled_column(rows, "start_position"),
            pnl=scaled_column(rows, "closed_pnl"),
            fee=scaled_column(rows, "fee"),
        )

    def _decode_kinds(self, rows: RowBatch) -> npt.NDArray[np.int64]:
        codes = self._kinds.encode_column(rows, "fill_kind")
        places = np.array([REASONS.index(kind) for kind in self._kinds.values()])
        return np.asarray(places[codes], dtype=np.int64)
