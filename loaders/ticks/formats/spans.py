"""Numbers, times and texts out of spans of bytes, millions a second.

A span is ``text[start:end]``; a start of -1 is a field that is not there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_ZERO, _NINE, _POINT = 48, 57, 46
#: Layout of a time: what separates its numbers.
_ISO = b"0000-00-00T00:00:00"
_ISO_LAYOUT = np.frombuffer(_ISO, dtype=np.uint8)


def gather(text: Bytes, starts: Positions, ends: Positions) -> pa.StringArray:
    """Copy the spans into a string array; an absent one is empty."""
    lengths = np.where(starts < 0, 0, ends - starts)
    offsets = np.zeros(len(starts) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    copied = np.empty(int(offsets[-1]), dtype=np.uint8)
    _copy(text, starts, offsets, copied)
    return pa.StringArray.from_buffers(
        len(starts), pa.py_buffer(offsets), pa.py_buffer(copied)
    )


@compiled
def _copy(text: Bytes, starts: Positions, offsets: Positions, copied: Bytes) -> None:
    for row in range(len(starts)):
        start = starts[row]
        at = offsets[row]
        for step in range(offsets[row + 1] - at):
            copied[at + step] = text[start + step]


@compiled
def equal(text: Bytes, starts: Positions, ends: Positions, wanted: Bytes) -> Mask:
    """Where the span is exactly ``wanted``."""
    same = np.zeros(len(starts), dtype=np.bool_)
    size = len(wanted)
    for row in range(len(starts)):
        start = starts[row]
        if start < 0 or ends[row] - start != size:
            continue
        same[row] = True
        for step in range(size):
            if text[start + step] != wanted[step]:
                same[row] = False
                break
    return same


@compiled
def integers(text: Bytes, starts: Positions, ends: Positions) -> tuple[Integers, Mask]:
    """Read digits up to 2^63 - 1; no sign, no blanks."""
    values = np.zeros(len(starts), dtype=np.int64)
    is_good = np.zeros(len(starts), dtype=np.bool_)
    for row in range(len(starts)):
        start = starts[row]
        digits = ends[row] - start
        if start < 0 or digits < 1 or digits > 19:
            continue
        value = np.int64(0)
        fits = True
        for at in range(start, ends[row]):
            digit = np.int64(text[at]) - 48
            if digit < 0 or digit > 9:
                fits = False
                break
            if value > 922337203685477580 or (
                value == 922337203685477580 and digit > 7
            ):
                fits = False
                break
            value = value * 10 + digit
        if fits:
            values[row] = value
            is_good[row] = True
    return values, is_good


@compiled
def decimals(
    text: Bytes, starts: Positions, ends: Positions, whole: int, fraction: int
) -> npt.NDArray[np.int8]:
    """Classify ``123.45``: 1 positive, 0 zero, -1 anything else or too many digits."""
    classes = np.full(len(starts), -1, dtype=np.int8)
    for row in range(len(starts)):
        start = starts[row]
        if start < 0:
            continue
        before = after = 0
        has_point = False
        is_zero = True
        is_plain = True
        for at in range(start, ends[row]):
            byte = text[at]
            if byte == _POINT and not has_point:
                has_point = True
            elif byte < _ZERO or byte > _NINE:
                is_plain = False
                break
            else:
                if has_point:
                    after += 1
                else:
                    before += 1
                if byte != _ZERO:
                    is_zero = False
        is_plain = is_plain and before >= 1 and before <= whole and after <= fraction
        if is_plain and (after >= 1 or not has_point):
            classes[row] = 0 if is_zero else 1
    return classes


@compiled
def scaled(text: Bytes, starts: Positions, ends: Positions, places: int) -> Integers:
    """Value × 10^places of plain decimals with no more places than that."""
    values = np.zeros(len(starts), dtype=np.int64)
    for row in range(len(starts)):
        if starts[row] < 0:
            continue
        value = np.int64(0)
        after = -1
        for at in range(starts[row], ends[row]):
            if text[at] == _POINT:
                after = 0
            else:
                value = value * 10 + (np.int64(text[at]) - 48)
                if after >= 0:
                    after += 1
        for _ in range(places - max(after, 0)):
            value *= 10
        values[row] = value
    return values


def iso_times(text: Bytes, starts: Positions, ends: Positions) -> tuple[Integers, Mask]:
    """Read ``2024-08-08T23:59:59[.fraction]Z`` as µs, what is finer cut off."""
    return _iso_times(text, starts, ends, _ISO_LAYOUT)


@compiled
def _iso_times(
    text: Bytes, starts: Positions, ends: Positions, layout: Bytes
) -> tuple[Integers, Mask]:
    values = np.zeros(len(starts), dtype=np.int64)
    is_good = np.zeros(len(starts), dtype=np.bool_)
    parts = np.zeros(6, dtype=np.int64)
    for row in range(len(starts)):
        start, end = starts[row], ends[row]
        if start < 0 or end - start < len(layout) + 1 or text[end - 1] != 90:
            continue
        parts[:] = 0
        part = 0
        fits = True
        for step in range(len(layout)):
            byte = text[start + step]
            if layout[step] == _ZERO:
                if byte < _ZERO or byte > _NINE:
                    fits = False
                    break
                parts[part] = parts[part] * 10 + (np.int64(byte) - 48)
            elif byte != layout[step]:
                fits = False
                break
            else:
                part += 1
        at = start + len(layout)
        fraction = np.int64(0)
        places = 0
        if fits and at < end - 1:
            fits = text[at] == _POINT and end - 1 - at >= 2 and end - 1 - at <= 10
            at += 1
            while fits and at < end - 1:
                fits = text[at] >= _ZERO and text[at] <= _NINE
                if places < 6:
                    fraction = fraction * 10 + (np.int64(text[at]) - 48)
                    places += 1
                at += 1
        year, month, day = parts[0], parts[1], parts[2]
        if not fits or month < 1 or month > 12 or day < 1 or year < 1:
            continue
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 30 + ((month + month // 8) & 1)
        if month == 2:
            longest = 29 if is_leap else 28
        if day > longest or parts[3] > 23 or parts[4] > 59 or parts[5] > 59:
            continue
        for _ in range(6 - places):
            fraction *= 10
        # Days of the civil calendar: years begin in March, so leap days come last.
        shifted = year - 1 if month <= 2 else year
        month_from_march = (month + 9) % 12
        days = (
            365 * shifted
            + shifted // 4
            - shifted // 100
            + shifted // 400
            + (153 * month_from_march + 2) // 5
            + day
            - 719469
        )
        seconds = ((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5]
        values[row] = seconds * 1_000_000 + fraction
        is_good[row] = True
    return values, is_good
