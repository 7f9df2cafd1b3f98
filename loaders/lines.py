"""Text cut into batches of lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loaders.content import read_blocks
from loaders.errors import ObjectError

#: A batch has no more lines than this, and hardly more bytes.
BATCH_LINES = 100_000
BATCH_BYTES = 32 << 20
#: No line of any format comes near: an order book of 5,000 levels has 300 kB.
LONGEST_LINE = 64 << 20

_NEWLINE = ord("\n")


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of an object.

    Attributes
    ----------
    texts : BinaryArray
        The lines, without what ends them.
    first_number
        Number of the first line in the object, from 1.
    progress
        Share of the object read up to here, 0 to 1.
    """

    texts: pa.Array
    first_number: int
    progress: float

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def not_utf8(self) -> list[int]:
        """Numbers of the lines that are no UTF-8."""
        if _is_utf8(self.texts):
            return []
        return [
            self.first_number + place
            for place in range(len(self.texts))
            if not _is_utf8(self.texts[place : place + 1])
        ]

    def table(self) -> pa.Table:
        """Return the lines that are neither blank nor damaged.

        Returns
        -------
        pa.Table
            ``line_number``, ``line``.
        """
        numbers = np.arange(self.first_number, self.first_number + len(self.texts))
        table = pa.table({"line_number": numbers, "line": self.texts})
        if self.not_utf8:
            is_damaged = pc.is_in(table["line_number"], pa.array(self.not_utf8))
            table = table.filter(pc.invert(is_damaged))
        line = table["line"].cast(pa.string())
        table = table.set_column(1, "line", line)
        if pc.any(pc.less(pc.binary_length(line), 8)).as_py():
            table = table.filter(pc.not_equal(pc.utf8_trim_whitespace(line), ""))
        return table

    def text(self, number: int) -> str:
        """Return a line by its number, to be shown."""
        line: bytes = self.texts[number - self.first_number].as_py()
        return line.decode("utf-8", errors="replace")


def read_lines(path: Path, batch_bytes: int | None = None) -> Iterator[Lines]:
    """Read a file in batches of whole lines; the last line may lack its end.

    The same file always gives the same batches.

    Parameters
    ----------
    path
        A local file.
    batch_bytes
        A batch has hardly more; by default `BATCH_BYTES`.

    Raises
    ------
    ObjectError
        As `loaders.content.read_blocks`, after the whole lines before the damage; or a
        line is longer than any line of text is.
    """
    batch_bytes = batch_bytes or BATCH_BYTES
    number, progress = 1, 0.0
    pending: list[bytes] = []
    size = newlines = 0
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
        if newlines == 0 and size > LONGEST_LINE:
            raise ObjectError(
                f"line {number} is longer than {LONGEST_LINE >> 20} MB: no text of "
                "this kind has such lines"
            )
        while newlines >= BATCH_LINES or (newlines and size >= batch_bytes):
            content = b"".join(pending)
            lines, rest = _cut(content, number, progress, batch_bytes)
            yield lines
            number += len(lines)
            newlines -= len(lines)
            pending, size = [rest], len(rest)
    content = b"".join(pending)
    if damage is not None:
        content = content[: content.rfind(b"\n") + 1]
    elif content and not content.endswith(b"\n"):
        content += b"\n"
    while content:
        lines, content = _cut(content, number, progress, batch_bytes)
        yield lines
        number += len(lines)
    if damage is not None:
        raise ObjectError(f"{damage} (after line {number - 1:,})") from damage


def _cut(
    content: bytes, number: int, progress: float, batch_bytes: int
) -> tuple[Lines, bytes]:
    """Cut a batch off; return it and the rest."""
    text = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(text == _NEWLINE)[:BATCH_LINES]
    ends = ends[: max(1, int(np.searchsorted(ends, batch_bytes)))]
    end = int(ends[-1]) + 1
    return Lines(_without_ends(content[:end], ends), number, progress), content[end:]


def _without_ends(content: bytes, ends: npt.NDArray[np.int64]) -> pa.Array:
    """Return the lines that end at these places."""
    offsets = np.concatenate(([0], ends - np.arange(len(ends)))).astype(np.int32)
    data = pa.py_buffer(content.translate(None, b"\n"))
    texts = pa.Array.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), data]
    )
    if b"\r" not in content:
        return texts
    lines = (line.removesuffix(b"\r") for line in texts.to_pylist())
    return pa.array(lines, pa.binary())


def _is_utf8(texts: pa.Array) -> bool:
    try:
        texts.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True
