"""Fields of many rows as spans of one array of bytes, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loaders.ticks.formats import spans

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

#: Kinds of values; a JSON array keeps its text.
ABSENT, STRING, NUMBER, TRUE, FALSE, NULL, ARRAY = range(7)

#: What one row says: text, or true and false where the format has them.
Values = Mapping[str, str | bool | None]


@dataclass(frozen=True)
class Fields:
    """Rows × named fields.

    Attributes
    ----------
    names
        The fields.
    text : ndarray of uint8
        What the spans are spans of.
    starts, ends : ndarray of int32, shape (rows, fields)
        -1 where a row lacks the field.
    kinds : ndarray of uint8, shape (rows, fields)
        `STRING` and so on.
    lines : ndarray of int64, shape (rows,)
        Index of the row's line in the chunk, ascending.
    """

    names: tuple[str, ...]
    text: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.uint8]
    lines: Integers

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, rows: npt.NDArray[Any]) -> Fields:
        """Rows by mask or by index."""
        return Fields(
            self.names,
            self.text,
            self.starts[rows],
            self.ends[rows],
            self.kinds[rows],
            self.lines[rows],
        )

    def span(self, name: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Give starts and ends of a field, contiguous."""
        column = self.names.index(name)
        return (
            np.ascontiguousarray(self.starts[:, column]),
            np.ascontiguousarray(self.ends[:, column]),
        )

    def kind(self, name: str) -> npt.NDArray[np.uint8]:
        """Kind of a field by row."""
        return self.kinds[:, self.names.index(name)]

    def has(self, name: str) -> Mask:
        """Which rows have the field."""
        mask: Mask = self.kind(name) != ABSENT
        return mask

    def equals(self, name: str, value: str) -> Mask:
        """Where a string or number is spelled exactly so."""
        wanted = np.frombuffer(value.encode(), dtype=np.uint8)
        kind = self.kind(name)
        is_text = (kind == STRING) | (kind == NUMBER)
        same: Mask = spans.equal(self.text, *self.span(name), wanted) & is_text
        return same

    def strings(self, name: str) -> pa.StringArray:
        """Texts of a field; empty where a row lacks it."""
        return spans.gather(self.text, *self.span(name))

    def integers(self, name: str) -> tuple[Integers, Mask]:
        """Whole numbers below 2^63 without a sign, and where they are that."""
        return spans.integers(self.text, *self.span(name))

    def decimals(self, name: str, whole: int, fraction: int) -> npt.NDArray[np.int8]:
        """Classify plain decimals: 1 positive, 0 zero, -1 neither or too long."""
        return spans.decimals(self.text, *self.span(name), whole, fraction)

    def scaled(self, name: str, places: int) -> Integers:
        """Value × 10^places of what `decimals` found plain and at most 18 digits."""
        return spans.scaled(self.text, *self.span(name), places)

    def iso_times(self, name: str) -> tuple[Integers, Mask]:
        """Microseconds since the epoch of ``2024-08-08T23:59:59.123456Z``."""
        return spans.iso_times(self.text, *self.span(name))


def write_fields(
    names: Sequence[str], rows: Sequence[Values], lines: Sequence[int]
) -> Fields:
    """Make fields of rows that were understood one by one."""
    shape = (len(rows), len(names))
    starts = np.full(shape, -1, dtype=np.int32)
    ends = np.full(shape, -1, dtype=np.int32)
    kinds = np.zeros(shape, dtype=np.uint8)
    written = bytearray()
    for row, values in enumerate(rows):
        for column, name in enumerate(names):
            value = values.get(name)
            if value is None:
                continue
            if isinstance(value, bool):
                kinds[row, column] = TRUE if value else FALSE
                value = "true" if value else "false"
            else:
                kinds[row, column] = ARRAY if value.startswith("[") else STRING
            starts[row, column] = len(written)
            written += value.encode()
            ends[row, column] = len(written)
    return Fields(
        tuple(names),
        np.frombuffer(bytes(written), dtype=np.uint8),
        starts,
        ends,
        kinds,
        np.asarray(lines, dtype=np.int64),
    )


def merge_fields(first: Fields, second: Fields) -> Fields:
    """Put the rows of both in the order of their lines."""
    if len(second) == 0:
        return first
    shift = np.int32(len(first.text))
    lines = np.concatenate((first.lines, second.lines))
    order = np.argsort(lines, kind="stable")
    moved_starts = np.where(second.starts < 0, second.starts, second.starts + shift)
    moved_ends = np.where(second.ends < 0, second.ends, second.ends + shift)
    return Fields(
        first.names,
        np.concatenate((first.text, second.text)),
        np.concatenate((first.starts, moved_starts)).astype(np.int32)[order],
        np.concatenate((first.ends, moved_ends)).astype(np.int32)[order],
        np.concatenate((first.kinds, second.kinds))[order],
        lines[order],
    )
