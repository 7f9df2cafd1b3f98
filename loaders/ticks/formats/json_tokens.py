"""Where a value of JSON ends, in bytes; -1 where it is for the slow path.

``at`` is the value's first byte and ``end`` the end of the line.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pgio.compiled import compiled

Bytes = npt.NDArray[np.uint8]


@compiled
def after_blanks(text: Bytes, at: int, end: int) -> int:
    """Position of the next byte that is no blank."""
    while at < end and (text[at] == 32 or text[at] == 9):
        at += 1
    return at


@compiled
def string_end(text: Bytes, at: int, end: int) -> int:
    """Position of the closing quote; -1 for escapes and what is not ASCII."""
    if at >= end or text[at] != 34:
        return -1
    for place in range(at + 1, end):
        byte = text[place]
        if byte == 34:
            return place
        if byte < 32 or byte >= 127 or byte == 92:
            return -1
    return -1


@compiled
def number_end(text: Bytes, at: int, end: int) -> int:
    """Position after a number without an exponent, as JSON spells it; or -1."""
    if text[at] == 45:
        at += 1
    first = at
    while at < end and text[at] >= 48 and text[at] <= 57:
        at += 1
    if at == first or (text[first] == 48 and at - first > 1):
        return -1
    if at < end and text[at] == 46:
        first = at + 1
        at = first
        while at < end and text[at] >= 48 and text[at] <= 57:
            at += 1
        if at == first:
            return -1
    if at < end and (text[at] == 101 or text[at] == 69):
        return -1
    return at


@compiled
def word_end(text: Bytes, at: int, end: int) -> int:
    """Position after true, false or null; or -1."""
    left = end - at
    if left >= 4 and text[at] == 116:
        if text[at + 1] == 114 and text[at + 2] == 117 and text[at + 3] == 101:
            return at + 4
    elif left >= 5 and text[at] == 102:
        if (
            text[at + 1] == 97
            and text[at + 2] == 108
            and text[at + 3] == 115
            and text[at + 4] == 101
        ):
            return at + 5
    elif (
        left >= 4
        and text[at] == 110
        and text[at + 1] == 117
        and text[at + 2] == 108
        and text[at + 3] == 108
    ):
        return at + 4
    return -1


@compiled
def array_end(text: Bytes, at: int, end: int) -> int:
    """Position after ``[["1.5","0"],…]`` without blanks; or -1."""
    at += 1
    if at < end and text[at] == 93:
        return at + 1
    while True:
        if at >= end or text[at] != 91:
            return -1
        at += 1
        for place in range(2):
            if at >= end or text[at] != 34:
                return -1
            at += 1
            first = at
            while at < end and ((text[at] >= 48 and text[at] <= 57) or text[at] == 46):
                at += 1
            if at == first or at + 1 >= end or text[at] != 34:
                return -1
            at += 1
            if text[at] != (44 if place == 0 else 93):
                return -1
            at += 1
        if at >= end:
            return -1
        if text[at] == 93:
            return at + 1
        if text[at] != 44:
            return -1
        at += 1
