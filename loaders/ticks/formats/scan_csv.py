"""Lines of comma-separated values, cut into fields."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loaders.ticks.formats.fields import STRING, Fields
from loaders.ticks.formats.lines import Lines
from pgio.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int32]

#: How a line was understood.
UNDERSTOOD, BLANK, UNUSUAL = 0, 1, 2


def scan_csv(
    lines: Lines, columns: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Fields, npt.NDArray[np.uint8]]:
    """Cut lines at their commas.

    Parameters
    ----------
    lines
        A chunk.
    columns
        Columns of the file, in their order.
    names
        The same, and fields that no line has.

    Returns
    -------
    tuple
        All lines as rows, and by line `UNDERSTOOD`, `BLANK`, or `UNUSUAL`: another
        number of columns, quotes, or characters that no number or word has.
    """
    shape = (len(lines), len(names))
    starts = np.full(shape, -1, dtype=np.int32)
    ends = np.full(shape, -1, dtype=np.int32)
    status = np.zeros(len(lines), dtype=np.uint8)
    _scan(lines.text, lines.starts, lines.ends, len(columns), starts, ends, status)
    kinds = np.where(starts < 0, 0, STRING).astype(np.uint8)
    numbers = np.arange(len(lines), dtype=np.int64)
    return Fields(names, lines.text, starts, ends, kinds, numbers), status


@compiled
def _scan(
    text: Bytes,
    line_starts: Positions,
    line_ends: Positions,
    columns: int,
    starts: Positions,
    ends: Positions,
    status: Bytes,
) -> None:
    for row in range(len(line_starts)):
        start = line_starts[row]
        end = line_ends[row]
        is_blank = True
        is_usual = True
        column = 0
        starts[row, 0] = start
        for at in range(start, end):
            byte = text[at]
            if byte != 32 and byte != 9 and byte != 13:
                is_blank = False
            if byte == 44:
                if column + 1 == columns:
                    is_usual = False
                    break
                ends[row, column] = at
                column += 1
                starts[row, column] = at + 1
            elif byte <= 32 or byte >= 127 or byte == 34:
                is_usual = False
                if not is_blank:
                    break
        ends[row, column] = end
        if is_blank:
            status[row] = 1
        elif not is_usual or column + 1 != columns:
            status[row] = 2
        if status[row] != 0:
            for column in range(columns):
                starts[row, column] = -1
                ends[row, column] = -1
