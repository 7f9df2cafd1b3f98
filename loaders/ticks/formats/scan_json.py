"""Lines of JSON, cut into fields without a parser's objects.

Only flat objects, one of which may stand under ``data`` in the other (alone in a list,
where the format has lists), are understood, and of arrays only those of pairs of
numbers; other JSON is for the slow path, with whose reading this one agrees (a test
compares them).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loaders.ticks.formats.fields import Fields
from loaders.ticks.formats.json_tokens import (
    after_blanks,
    array_end,
    number_end,
    string_end,
    word_end,
)
from loaders.ticks.formats.lines import Lines
from pgio.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int32]

_DATA = np.frombuffer(b"data", dtype=np.uint8)
#: Field that holds the receive time before the object, in ns.
RECEIVED = "received"


def scan_json(
    lines: Lines, names: tuple[str, ...], *, in_list: bool = False
) -> tuple[Fields, npt.NDArray[np.uint8]]:
    """Cut lines at the members of their objects.

    Parameters
    ----------
    lines
        A chunk: ``{…}``, or digits, a space and ``{…}``.
    names
        Members to keep, best in the order in which they come; the last one has to be
        `RECEIVED`.
    in_list
        The object under ``data`` is the only one of a list.

    Returns
    -------
    tuple
        All lines as rows, and by line 0 understood, 1 blank, 2 something else.
    """
    encoded = [name.encode() for name in names[:-1]]
    assert names[-1] == RECEIVED
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    keys = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    shape = (len(lines), len(names))
    starts = np.full(shape, -1, dtype=np.int32)
    ends = np.full(shape, -1, dtype=np.int32)
    kinds = np.zeros(shape, dtype=np.uint8)
    status = np.zeros(len(lines), dtype=np.uint8)
    _scan(
        lines.text,
        lines.starts,
        lines.ends,
        keys,
        offsets,
        _DATA,
        in_list,
        starts,
        ends,
        kinds,
        status,
    )
    numbers = np.arange(len(lines), dtype=np.int64)
    return Fields(names, lines.text, starts, ends, kinds, numbers), status


@compiled
def _scan(
    text: Bytes,
    line_starts: Positions,
    line_ends: Positions,
    keys: Bytes,
    offsets: Positions,
    data: Bytes,
    in_list: bool,
    starts: Positions,
    ends: Positions,
    kinds: Bytes,
    status: Bytes,
) -> None:
    last = starts.shape[1] - 1
    for row in range(len(line_starts)):
        at = int(line_starts[row])
        end = int(line_ends[row])
        while end > at and (text[end - 1] == 32 or text[end - 1] == 9):
            end -= 1
        while at < end and (text[at] == 32 or text[at] == 9):
            at += 1
        if at == end:
            status[row] = 1
            continue
        digits = at
        while at < end and text[at] >= 48 and text[at] <= 57:
            at += 1
        if at > digits:
            starts[row, last] = digits
            ends[row, last] = at
            kinds[row, last] = 2
            if at < end and text[at] != 32 and text[at] != 9:
                at = end
            while at < end and (text[at] == 32 or text[at] == 9):
                at += 1
        if at == end or not _scan_object(
            text,
            at,
            end,
            keys,
            offsets,
            data,
            in_list,
            starts[row],
            ends[row],
            kinds[row],
        ):
            status[row] = 2
            starts[row, :] = -1
            ends[row, :] = -1
            kinds[row, :] = 0


@compiled
def _scan_object(
    text: Bytes,
    at: int,
    end: int,
    keys: Bytes,
    offsets: Positions,
    data: Bytes,
    in_list: bool,
    starts: Positions,
    ends: Positions,
    kinds: Bytes,
) -> bool:
    if text[at] != 123:
        return False
    at = after_blanks(text, at + 1, end)
    is_inside = False
    guess = 0
    count = len(offsets) - 1
    while True:
        # A member's name.
        close = string_end(text, at, end)
        if close < 0:
            return False
        size = close - at - 1
        key = -1
        for step in range(count):
            candidate = guess + step
            if candidate >= count:
                candidate -= count
            first = offsets[candidate]
            if offsets[candidate + 1] - first == size:
                key = candidate
                for place in range(size):
                    if text[at + 1 + place] != keys[first + place]:
                        key = -1
                        break
                if key >= 0:
                    break
        is_data = not is_inside and size == 4
        for place in range(4 if is_data else 0):
            if text[at + 1 + place] != data[place]:
                is_data = False
        at = after_blanks(text, close + 1, end)
        if at >= end or text[at] != 58:
            return False
        at = after_blanks(text, at + 1, end)
        if at >= end:
            return False
        if is_data and in_list and text[at] == 91:
            at = after_blanks(text, at + 1, end)
            if at >= end or text[at] != 123:
                return False
        if is_data and text[at] == 123:
            is_inside = True
            at = after_blanks(text, at + 1, end)
            continue
        # Its value.
        byte = text[at]
        if byte == 34:
            close = string_end(text, at, end)
            start, stop, kind = at + 1, close, 1
            after = close + 1
        elif byte == 91:
            close = array_end(text, at, end) if key >= 0 else -1
            start, stop, kind = at, close, 6
            after = close
        elif byte == 45 or (byte >= 48 and byte <= 57):
            close = number_end(text, at, end)
            start, stop, kind = at, close, 2
            after = close
        else:
            close = word_end(text, at, end)
            start, stop = at, close
            kind = 3 if byte == 116 else (4 if byte == 102 else 5)
            after = close
        if close < 0:
            return False
        if key >= 0:
            if kinds[key] != 0:
                return False
            starts[key] = start
            ends[key] = stop
            kinds[key] = kind
            guess = key + 1
        at = after_blanks(text, after, end)
        while is_inside and at < end and text[at] == 125:
            is_inside = False
            at = after_blanks(text, at + 1, end)
            if in_list:
                if at >= end or text[at] != 93:
                    return False
                at = after_blanks(text, at + 1, end)
        if at >= end:
            return False
        if text[at] == 125:
            return after_blanks(text, at + 1, end) == end
        if text[at] != 44:
            return False
        at = after_blanks(text, at + 1, end)
