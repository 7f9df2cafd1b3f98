"""Text cut into chunks of lines, as spans of one array of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loaders.content import read_blocks
from loaders.errors import ObjectError
from loaders.ticks.chunk import CHUNK_ROWS

#: A chunk is cut before it has this many bytes, however few its lines are.
CHUNK_BYTES = 32 << 20
#: No line of any format comes near: an order book of 5,000 levels has 300 kB.
_LONGEST_LINE = 64 << 20

_NEWLINE, _RETURN = 10, 13

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of an object.

    Attributes
    ----------
    text : ndarray of uint8
        The bytes.
    starts, ends : ndarray of int32, shape (n,)
        Where each line begins and ends, its newline left out.
    first_number
        Number of the first line in the object, from 1.
    progress
        Share of the object read up to here, 0 to 1.
    """

    text: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    first_number: int
    progress: float

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int) -> bytes:
        """Bytes of one line."""
        return self.text[self.starts[index] : self.ends[index]].tobytes()


def read_lines(path: Path) -> Iterator[Lines]:
    """Read a file in chunks of at most `CHUNK_ROWS` lines; the last may lack a newline.

    Raises
    ------
    ObjectError
        As `read_blocks`; or a line is longer than any line of text is. What stands
        before the damage comes first, whole lines only.
    """
    first_number = 1
    pending: list[bytes] = []
    size = newlines = 0
    progress = 0.0
    damage: ObjectError | None = None
    blocks = read_blocks(path)
    while True:
        try:
            block, progress = next(blocks)
        except StopIteration:
            break
        except ObjectError as error:
            damage = error
            break
        pending.append(block)
        size += len(block)
        newlines += block.count(b"\n")
        if newlines >= CHUNK_ROWS or size >= CHUNK_BYTES:
            content = b"".join(pending)
            used = 0
            for lines in _cut(content, first_number, progress, is_last=False):
                first_number += len(lines)
                used += len(lines.text)
                yield lines
            pending = [content[used:]]
            size, newlines = len(pending[0]), pending[0].count(b"\n")
            if newlines == 0 and size >= _LONGEST_LINE:
                raise ObjectError(
                    f"line {first_number} is longer than {_LONGEST_LINE >> 20} MB: "
                    "not a text of ticks"
                )
    content = b"".join(pending)
    if damage is not None:
        content = content[: content.rfind(b"\n") + 1]
    for lines in _cut(content, first_number, progress, is_last=True):
        first_number += len(lines)
        yield lines
    if damage is not None:
        raise ObjectError(f"{damage} (after line {first_number - 1:,})") from damage


def _cut(
    content: bytes, first_number: int, progress: float, *, is_last: bool
) -> Iterator[Lines]:
    """Cut full chunks off, and at the end what is left."""
    text = np.frombuffer(content, dtype=np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE).astype(np.int64)
    if is_last and len(text) and text[-1] != _NEWLINE:
        newlines = np.append(newlines, len(text))
    done = start = 0
    while (left := len(newlines) - done) > 0:
        is_full = left >= CHUNK_ROWS or len(text) - start >= CHUNK_BYTES
        if not (is_full or is_last):
            return
        fitting = int(np.searchsorted(newlines, start + CHUNK_BYTES)) - done
        count = min(CHUNK_ROWS, max(1, fitting))
        ends = newlines[done : done + count]
        after = int(ends[-1]) + 1
        part = text[start:after]
        yield _lines(part, ends - start, first_number + done, progress)
        done, start = done + count, after


def _lines(
    text: Bytes, newlines: Positions, first_number: int, progress: float
) -> Lines:
    starts = np.concatenate(([0], newlines[:-1] + 1))
    before = np.maximum(newlines - 1, 0)
    has_return = (newlines > starts) & (text[before] == _RETURN)
    ends = newlines - has_return
    return Lines(
        text, starts.astype(np.int32), ends.astype(np.int32), first_number, progress
    )
