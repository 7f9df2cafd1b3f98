"""Read text in batches of lines, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loaders.chunk import BadRow, raw_json
from loaders.content import read_blocks
from loaders.errors import ObjectError

#: Most lines of a batch, and its approximate size in bytes.
BATCH_LINES = 100_000
BATCH_BYTES = 32 << 20
#: Far longer than a line of any format: an order book of 5,000 levels has 300 kB.
LONGEST_LINE = 64 << 20

#: Characters without meaning around the text of a line, with the byte order mark.
NOTHING = b" \t\r\n\v\f\0\xef\xbb\xbf"

_NEWLINE = ord("\n")
_NOT_UTF8 = "line is not UTF-8"
#: Text kept of a refused line.
_RAW_CHARACTERS = 4000

#: A text with its line number, and the share of the file read.
Line = tuple[int, bytes, float]


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of an object.

    Attributes
    ----------
    texts : BinaryArray
        The lines, without line endings.
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
        """Numbers of the lines that are not UTF-8."""
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

    def bad_row(self, number: int, reason: str) -> BadRow:
        """Refuse a line by its number."""
        return BadRow(number, reason, raw_json(shortened(self.text(number))))

    def damaged_rows(self) -> list[BadRow]:
        """Refuse the lines that are not UTF-8."""
        return [self.bad_row(number, _NOT_UTF8) for number in self.not_utf8]


def shortened(text: str) -> str:
    """Shorten the text of a refused line for the quarantine."""
    if len(text) <= _RAW_CHARACTERS:
        return text
    return f"{text[:_RAW_CHARACTERS]}… ({len(text):,} characters)"


def read_lines(
    path: Path,
    batch_bytes: int | None = None,
    split: Callable[[bytes], tuple[bytes, bytes] | None] | None = None,
) -> Iterator[Lines]:
    """Read a file in batches of whole lines; the last line may lack its end.

    The same file always gives the same batches.

    Parameters
    ----------
    path
        A local file.
    batch_bytes
        Approximate size of a batch; by default `BATCH_BYTES`.
    split
        Splits a line that is longer than a batch: it returns a complete line and the
        rest, which keeps the line number; None if it cannot.

    Raises
    ------
    ObjectError
        As `loaders.content.read_blocks`, after the whole lines before the damage; or a
        line is longer than `LONGEST_LINE`.
    """
    batch_bytes = batch_bytes or BATCH_BYTES
    number, progress = 1, 0.0
    pending: list[bytes] = []
    size = newlines = 0
    split_from = batch_bytes
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
        if split is not None and newlines == 0 and size >= split_from:
            content = b"".join(pending)
            parts = split(content)
            if parts is not None:
                yield Lines(pa.array(parts[:1], pa.binary()), number, progress)
                content = parts[1]
            pending, size = [content], len(content)
            split_from = batch_bytes if parts is not None else 2 * size
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


def read_values(path: Path) -> Iterator[Line]:
    """Read JSON values line by line; an array may span several lines.

    Raises
    ------
    ObjectError
        As `read_lines`; or an array is longer than `LONGEST_LINE`.
    """
    lines = _text_lines(path)
    for number, line, progress in lines:
        if not line.startswith(b"[") or line.endswith(b"]"):
            yield number, line, progress
            continue
        parts, size = [line], len(line)
        for _, part, _ in lines:
            parts.append(part)
            size += len(part)
            if size > LONGEST_LINE:
                raise ObjectError(
                    f"line {number} begins an array that is longer than "
                    f"{LONGEST_LINE >> 20} MB: write it an element a line"
                )
        yield number, b"\n".join(parts), 1.0


def _text_lines(path: Path) -> Iterator[Line]:
    """Read the lines of a text that are not blank."""
    for batch in read_lines(path, batch_bytes=1 << 20):
        for number, text in enumerate(batch.texts.to_pylist(), batch.first_number):
            if line := text.strip(NOTHING):
                yield number, line, batch.progress


def split_json(content: bytes) -> tuple[bytes, bytes] | None:
    """Split the beginning of a long line of JSON between two objects of a list.

    Brackets that are open at the split are closed in the first part and opened again in
    the second, with the members before them. So both parts keep the members that apply
    to their objects.

    Examples
    --------
    >>> split_json(b'{"time": 1, "deltas": [{"sz": 1}, {"sz": 2}, {"s')
    (b'{"time": 1, "deltas": [{"sz": 1}, {"sz": 2}]}', b'{"time": 1, "deltas": [{"s')
    """
    places = _brackets(content)
    kinds = np.frombuffer(content, np.uint8)[places]
    is_between = (kinds[:-1] == ord("}")) & (kinds[1:] == ord("{"))
    for last in np.flatnonzero(is_between)[::-1]:
        end, following = int(places[last]) + 1, int(places[last + 1])
        # Between elements of a list there is only a comma; members of an object also
        # have a name.
        if content[end:following].strip() == b",":
            break
    else:
        return None
    is_opening = np.isin(kinds[: last + 1], list(b"[{"))
    depth = np.cumsum(np.where(is_opening, 1, -1))
    first, closing, again = content[:end], b"", b""
    opened = [
        int(places[: last + 1][is_opening & (depth == level)][-1])
        for level in range(1, int(depth[-1]) + 1)
    ]
    for place, inner in zip(opened, [*opened[1:], None], strict=True):
        is_list = content[place] == ord("[")
        again += b"[" if is_list else content[place:inner]
        closing = (b"]" if is_list else b"}") + closing
    return first + closing, again + content[following:]


def _brackets(text: bytes) -> npt.NDArray[np.intp]:
    """Return the positions of the brackets that are not inside a string."""
    if b"\\" in text:
        text = re.sub(rb"\\.", b"__", text, flags=re.DOTALL)
    characters = np.frombuffer(text, np.uint8)
    # Overflow of the 8-bit count does not change its parity.
    is_quoted = np.cumsum(characters == ord('"'), dtype=np.uint8) % 2 == 1
    return np.flatnonzero(np.isin(characters, list(b"[]{}")) & ~is_quoted)


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
