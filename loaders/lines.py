"""Text cut into batches of lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from loaders.content import read_blocks
from loaders.errors import ObjectError

#: A batch has no more lines than this, and hardly more bytes.
BATCH_LINES = 50_000
BATCH_BYTES = 32 << 20
#: No line of any format comes near: an order book of 5,000 levels has 300 kB.
_LONGEST_LINE = 64 << 20


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of an object.

    Attributes
    ----------
    texts
        The lines, without what ends them.
    first_number
        Number of the first line in the object, from 1.
    progress
        Share of the object read up to here, 0 to 1.
    """

    texts: list[bytes]
    first_number: int
    progress: float

    def table(self) -> pa.Table:
        """Return the lines that are not blank: ``line_number``, ``line``.

        What is no UTF-8 has the replacement character in its place.
        """
        numbers, texts = [], []
        for number, text in enumerate(self.texts, self.first_number):
            if text.strip():
                numbers.append(number)
                texts.append(text)
        try:
            lines = pa.array(texts, pa.string())
        except pa.ArrowInvalid:
            decoded = [text.decode("utf-8", errors="replace") for text in texts]
            lines = pa.array(decoded, pa.string())
        return pa.table({"line_number": pa.array(numbers, pa.int64()), "line": lines})

    def text(self, number: int) -> str:
        """Return a line by its number, to be shown."""
        line = self.texts[number - self.first_number]
        return line.decode("utf-8", errors="replace")


def read_lines(path: Path) -> Iterator[Lines]:
    """Read a file in batches of whole lines; the last line may lack its end.

    The same file always gives the same batches.

    Raises
    ------
    ObjectError
        As `loaders.content.read_blocks`, after the whole lines before the damage; or a
        line is longer than any line of text is.
    """
    number, progress = 1, 0.0
    texts: list[bytes] = []
    tail: list[bytes] = []
    size = 0
    damage: ObjectError | None = None
    blocks = read_blocks(path)
    while True:
        try:
            block, progress = next(blocks)
        except StopIteration:
            texts += _without_returns([b"".join(tail)]) if any(tail) else []
            break
        except ObjectError as error:
            damage = error
            break
        size += len(block)
        first, *others = block.split(b"\n")
        tail.append(first)
        if others:
            *whole, rest = [b"".join(tail), *others]
            texts += _without_returns(whole)
            tail = [rest]
        elif sum(map(len, tail)) > _LONGEST_LINE:
            raise ObjectError(
                f"line {number + len(texts)} is longer than {_LONGEST_LINE >> 20} MB: "
                "no text of this kind has such lines"
            )
        while len(texts) >= BATCH_LINES or (texts and size >= BATCH_BYTES):
            batch, texts = texts[:BATCH_LINES], texts[BATCH_LINES:]
            yield Lines(batch, number, progress)
            number += len(batch)
            size = 0
    if texts:
        yield Lines(texts, number, progress)
        number += len(texts)
    if damage is not None:
        raise ObjectError(f"{damage} (after line {number - 1:,})") from damage


def _without_returns(texts: list[bytes]) -> list[bytes]:
    return [text.removesuffix(b"\r") for text in texts]
