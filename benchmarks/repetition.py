"""A repetition of a tape of fills: later, and with other traders and ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DAY_MS = 86_400_000
#: The exchange's trade ids are hashes of this many values; 0 says that there is none.
TRADE_IDS = (1 << 50) - 1
#: Ids that the exchange counts up: each repetition continues those of the one before.
_COUNTERS = ("oid", "twapId")
_HEX = ("user", "hash", "cloid")
# Hexadecimal digits that differ between repetitions: 64 bits keep them distinct, and
# the order by them stays random.
_DIGITS = 16
_NO_HASH = "0x" + "0" * 64


def counter_spans(files: Sequence[Path]) -> dict[str, int]:
    """Return how many values each counted id of a tape spans, by its column.

    Parameters
    ----------
    files
        Parquet files of the tape, whose statistics are read.

    Raises
    ------
    ValueError
        When a file has no statistics of such a column.
    """
    least: dict[str, int] = {}
    most: dict[str, int] = {}
    for path in files:
        metadata = pq.read_metadata(path)
        names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
        for group in range(metadata.num_row_groups):
            for name in _COUNTERS:
                column = metadata.row_group(group).column(names.index(name))
                found = column.statistics
                if found is None or not (
                    found.has_min_max or found.null_count == column.num_values
                ):
                    raise ValueError(f"{path} has no statistics of {name}")
                if found.has_min_max:
                    least[name] = min(least.get(name, found.min), found.min)
                    most[name] = max(most.get(name, found.max), found.max)
    return {name: most[name] - least[name] + 1 for name in most}


class Repetition:
    """Makes the rows of one repetition from those of the tape.

    Traders and ids are mapped one to one to others, times are shifted, all else stays:
    so each trader's `startPosition` still follows from fill to fill.

    Parameters
    ----------
    number
        From 1; 0 is the tape itself.
    days
        Days of the tape.
    spans
        As `counter_spans` returns them.
    """

    def __init__(self, number: int, days: int, spans: Mapping[str, int]) -> None:
        self.shift_ms = number * days * DAY_MS
        self._trade_ids = number * 0x2545F4914F6CDD1D % TRADE_IDS
        self._counters = {name: number * span for name, span in spans.items()}
        random = np.random.default_rng(number)
        self._digits = random.integers(1, 16, _DIGITS, dtype=np.uint8)

    def rows(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of the repetition.

        Parameters
        ----------
        rows
            Of the tape, with the columns that the simulator writes.

        Returns
        -------
        RecordBatch
            As many, in the same order and with the same columns.

        Raises
        ------
        ArrowInvalid
            When values of a column that holds hashes are of different lengths.
        """
        changed = {
            "time": pc.add(rows["time"], self.shift_ms),
            "tid": self._shift_trade_ids(rows["tid"]),
            "block_time": self._shift_text(rows["block_time"]),
            "liquidation": self._shift_liquidation(rows["liquidation"]),
        }
        for name, shift in self._counters.items():
            changed[name] = pc.add(rows[name], shift)
        for name in _HEX:
            changed[name] = self._shift_hex(rows[name])
        columns = [changed.get(n, rows[n]) for n in rows.schema.names]
        return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)

    def _shift_trade_ids(self, ids: pa.Array) -> pa.Array:
        old = ids.to_numpy()
        new = (old - 1 + self._trade_ids) % TRADE_IDS + 1
        return pa.array(np.where(old == 0, 0, new))

    def _shift_text(self, times: pa.Array) -> pa.Array:
        """Shift times printed in ISO format to the nanosecond."""
        codes = times.dictionary_encode()
        instants = codes.dictionary.cast(pa.timestamp("ns"))
        shift = pa.scalar(self.shift_ms * 1_000_000, pa.duration("ns"))
        text = pc.add(instants, shift).cast(pa.string())
        return pc.binary_replace_slice(text, 10, 11, "T").take(codes.indices)

    def _shift_liquidation(self, liquidations: pa.StructArray) -> pa.StructArray:
        fields = list(liquidations.type)
        values = dict(
            zip([f.name for f in fields], liquidations.flatten(), strict=True)
        )
        values["liquidatedUser"] = self._shift_hex(values["liquidatedUser"])
        return pa.StructArray.from_arrays(
            list(values.values()), fields=fields, mask=liquidations.is_null()
        )

    def _shift_hex(self, texts: pa.Array) -> pa.Array:
        """Add the repetition's digits to the first digits; keep absent hashes."""
        codes = texts.dictionary_encode()
        words = codes.dictionary
        kept = pc.equal(words, _NO_HASH)
        turned = pc.if_else(kept, words, _turn(words, self._digits))
        return turned.take(codes.indices)


def _turn(words: pa.Array, offsets: npt.NDArray[np.uint8]) -> pa.Array:
    """Add offsets, modulo 16, to the digits that follow ``0x``."""
    if len(words) == 0:
        return words
    width = len(words[0].as_py())
    fixed = words.cast(pa.binary()).cast(pa.binary(width))
    start = fixed.offset * width
    data = np.frombuffer(fixed.buffers()[1], np.uint8)
    text = data[start : start + len(fixed) * width].reshape(-1, width).copy()
    digits = text[:, 2 : 2 + len(offsets)]
    values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0"))
    digits[:] = np.frombuffer(b"0123456789abcdef", np.uint8)[(values + offsets) & 15]
    ends = np.arange(len(words) + 1, dtype=np.int32) * width
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), len(words), buffers)
