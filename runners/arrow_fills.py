"""Decode fills in Arrow columns, as `FillDecoder` decodes rows of the database."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.integers import integers
from pgio.scaled import LARGE, Scaled, split_decimal
from pgio.text_codes import TextCodes
from python_jobs.lib.fold.fills import Fills
from python_jobs.lib.fold.kernel import REASONS

# As the loader writes them: up to 20 digits before the point and 18 after it.
_PLAIN = r"^[+-]?([0-9]{1,20}(\.[0-9]{0,18})?|\.[0-9]{1,18})$"
#: Characters of a mantissa that fits 62 bits: 18 digits, or 17 and a sign.
_MOST_CHARACTERS = 18


class ArrowFillDecoder:
    """Decodes batches to `Fills`, and stores the codes' texts.

    Attributes
    ----------
    users, coins
        The texts for the codes in ``Fills.user`` and ``Fills.coin``.
    """

    def __init__(self) -> None:
        self.users = TextCodes()
        self.coins = TextCodes()

    def decode(self, rows: pa.RecordBatch) -> Fills:
        """Decode a batch with the columns of `fill_rules.staged`; values are exact.

        Raises
        ------
        ValueError
            A decimal is none, or the fold does not know a ``fill_kind``.
        """
        kinds = rows["fill_kind"].dictionary_encode()
        places = np.array(
            [REASONS.index(kind) for kind in kinds.dictionary.to_pylist()]
        )
        return Fills(
            user=_codes(self.users, rows["user_address"]),
            coin=_codes(self.coins, rows["coin"]),
            time=integers(rows["filled_ms"]),
            block=integers(rows["block_number"], -1),
            event=integers(rows["event_index"], -1),
            kind=places[integers(kinds.indices)],
            is_base_fee=integers(rows["is_fee_in_base"]) != 0,
            px=scaled_texts(rows, "px"),
            size=scaled_texts(rows, "signed_size"),
            start=scaled_texts(rows, "start_position"),
            pnl=scaled_texts(rows, "closed_pnl"),
            fee=scaled_texts(rows, "fee"),
        )


def _codes(codes: TextCodes, texts: pa.Array) -> npt.NDArray[np.int32]:
    found = texts.dictionary_encode()
    return codes.encode(found.dictionary.to_pylist())[integers(found.indices)]


def scaled_texts(rows: pa.RecordBatch, name: str) -> Scaled:
    """Decode a column of decimals without exponent (``-0.25``) exactly.

    Raises
    ------
    ValueError
        A value is not such a decimal; the message names column and value.
    """
    given = rows[name]
    bad = given.filter(pc.invert(pc.match_substring_regex(given, _PLAIN)))
    if len(bad):
        raise ValueError(f"column {name!r}: {bad[0].as_py()!r} is not a plain decimal")
    texts = pc.fill_null(given, "0")
    has_point = pc.match_substring(texts, ".")
    texts = pc.if_else(has_point, pc.ascii_rtrim(texts, "0"), texts)
    decimals = pc.subtract(pc.binary_length(texts), pc.find_substring(texts, "."))
    scale = pc.if_else(has_point, pc.subtract(decimals, 1), 0)
    digits = pc.ascii_ltrim(pc.replace_substring(texts, ".", ""), "+")
    digits = pc.if_else(pc.is_in(digits, pa.array(["", "-"])), "0", digits)
    is_large = pc.greater(pc.binary_length(digits), _MOST_CHARACTERS)
    return Scaled(
        integers(pc.if_else(is_large, "0", digits)),
        pc.if_else(is_large, LARGE, scale).cast(pa.int8()).to_numpy(),
        given.is_null().to_numpy(zero_copy_only=False),
        {
            int(row): split_decimal(Decimal(given[row].as_py()))
            for row in np.flatnonzero(is_large.to_numpy(zero_copy_only=False))
        },
    )
