"""Exact decimals as integers: ``mantissa * 10**-scale``, each value with its scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from pgio.binary_kernels import MANTISSA_LIMIT, decode_scaled
from pgio.binary_rows import RowBatch

#: Scale of a value that is too long for a 62-bit mantissa and lies in ``large``.
LARGE = -1


@dataclass(frozen=True)
class Scaled:
    """A column of exact decimals.

    Attributes
    ----------
    mantissa, scale
        ``(rows,)``; a value is ``mantissa * 10**-scale`` and has no trailing zeros.
        NULL is 0.
    is_null
        ``(rows,)``.
    large
        Row → (mantissa, scale) of the values that have no room; their scale is -1.
    """

    mantissa: npt.NDArray[np.int64]
    scale: npt.NDArray[np.int8]
    is_null: npt.NDArray[np.bool_]
    large: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.mantissa.size)

    def exact(self, row: int) -> tuple[int, int]:
        """Return (mantissa, scale) of a row, however long."""
        if self.scale[row] == LARGE:
            return self.large[row]
        return int(self.mantissa[row]), int(self.scale[row])

    def decimal(self, row: int) -> Decimal | None:
        """Return a row as a Decimal, None for NULL."""
        if self.is_null[row]:
            return None
        mantissa, scale = self.exact(row)
        # Built from text: arithmetic would round to the context's precision.
        return Decimal(f"{mantissa}E-{scale}")

    @classmethod
    def from_decimals(cls, values: Sequence[Decimal | None]) -> Scaled:
        """Build a column from finite Decimals."""
        mantissa = np.zeros(len(values), dtype=np.int64)
        scale = np.zeros(len(values), dtype=np.int8)
        large = {}
        for row, value in enumerate(values):
            exact = (0, 0) if value is None else split_decimal(value)
            if abs(exact[0]) < MANTISSA_LIMIT and exact[1] <= 36:
                mantissa[row], scale[row] = exact
            else:
                scale[row] = LARGE
                large[row] = exact
        is_null = np.array([value is None for value in values], dtype=np.bool_)
        return cls(mantissa, scale, is_null, large)

    @classmethod
    def concat(cls, parts: Sequence[Scaled]) -> Scaled:
        """Concatenate columns."""
        large, offset = {}, 0
        for part in parts:
            large.update({offset + row: value for row, value in part.large.items()})
            offset += len(part)
        return cls(
            np.concatenate([part.mantissa for part in parts]),
            np.concatenate([part.scale for part in parts]),
            np.concatenate([part.is_null for part in parts]),
            large,
        )


def split_decimal(value: Decimal) -> tuple[int, int]:
    """Return (mantissa, scale) without trailing zeros, the scale not negative."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not finite")
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    return trim(mantissa * 10 ** max(exponent, 0), max(-exponent, 0))


def trim(mantissa: int, scale: int) -> tuple[int, int]:
    """Drop trailing zeros from the decimals of a value."""
    while scale > 0 and mantissa % 10 == 0:
        mantissa //= 10
        scale -= 1
    return mantissa, scale


def scaled_column(rows: RowBatch, name: str) -> Scaled:
    """Decode a numeric column exactly.

    Raises
    ------
    ValueError
        It holds NaN or infinity.
    """
    column = rows.index(name)
    starts, lengths = rows.starts[column], rows.lengths[column]
    mantissa = np.empty(starts.size, dtype=np.int64)
    scale = np.empty(starts.size, dtype=np.int8)
    bad = decode_scaled(rows.data, starts, lengths, mantissa, scale)
    if bad >= 0:
        raise ValueError(f"column {name!r} holds NaN or infinity")
    large = {
        int(row): _parse(bytes(rows.data[starts[row] : starts[row] + lengths[row]]))
        for row in np.flatnonzero(scale == LARGE)
    }
    return Scaled(mantissa, scale, lengths < 0, large)


def _parse(value: bytes) -> tuple[int, int]:
    """Decode one binary numeric with Python's own integers."""
    fields = np.frombuffer(value, dtype=">i2").tolist()
    digits, weight, sign = fields[0], fields[1], fields[2]
    mantissa = 0
    for digit in fields[4:]:
        mantissa = mantissa * 10_000 + digit
    scale = 4 * (digits - 1 - weight)
    if scale < 0:
        mantissa, scale = mantissa * 10**-scale, 0
    return trim(-mantissa if sign else mantissa, scale)
