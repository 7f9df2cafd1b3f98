"""Shared by Hyperliquid's public files: times, and recognition of their formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loaders.content import read_head
from loaders.errors import ObjectError, OtherCommand
from loaders.lines import NOTHING

#: The first bytes of Parquet.
MAGIC = b"PAR1"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: First bytes of LZ4 and zstd.
_BLOCKWISE = (b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd")
#: Bytes of a text by which its format is recognised.
_HEAD_BYTES = 1 << 16


def _events(first: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a block whose first event begins with ``first``."""
    return re.compile(rb'\{.*"events"\s*:' + first, re.DOTALL)


#: Patterns of the beginning of a text, with the format by command. The first match
#: wins.
_FORMS = (
    (re.compile(MAGIC), {"fills": "parquet"}),
    (re.compile(rb'\[\s*"0x'), {"fills": "archive"}),
    (_events(rb"\s*\[\s*\["), {"fills": "archive"}),
    (_events(rb"\s*\[\s*\{"), {"funding": "misc_events"}),
    # The first blocks have no event: both commands can read them.
    (_events(rb""), {"fills": "archive", "funding": "misc_events"}),
    (
        re.compile(rb'(\[\s*)?\{.*"fundingRate"\s*:', re.DOTALL),
        {"funding": "funding_history"},
    ),
    (
        re.compile(rb"(?i)(?=[^\n]*\bcoin\b)[^\n{\[]*\b(mark_px|oracle_px)\b"),
        {"contexts": "asset_ctxs"},
    ),
    (re.compile(rb'(\[\s*)?\{.*"(coin|px)"\s*:', re.DOTALL), {"fills": "json"}),
    (re.compile(rb"\[\s*\]$"), {"fills": "json", "funding": "funding_history"}),
)


def from_milliseconds(time: int) -> datetime:
    """Milliseconds since the epoch as an aware datetime, exactly."""
    return _EPOCH + time * _MILLISECOND


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def first_millisecond(moment: datetime) -> int:
    """Return the first millisecond since the epoch that starts at or after a moment."""
    return -((_EPOCH - moment) // _MILLISECOND)


def recogniser(command: str, blockwise: str) -> Callable[[Path], str | None]:
    """Return the function that recognises a command's formats by content.

    Parameters
    ----------
    command
        The command of `loaders.load_to_db`.
    blockwise
        The format to assume if the first compressed block is longer than the bytes at
        hand, so that they cannot be decompressed.

    Returns
    -------
    callable
        Takes a local file with an object's content, or with its first `_HEAD_BYTES`,
        and returns the format, or None if it is unknown. It raises `OtherCommand` for
        files of another command, and `ObjectError` for files that are empty or cannot
        be decompressed.
    """

    def recognise(path: Path) -> str | None:
        if path.stat().st_size == 0:
            raise ObjectError("the file is empty")
        with open(path, "rb") as file:
            head = file.read(len(MAGIC))
        if head != MAGIC:
            packed = head
            try:
                head = read_head(path, _HEAD_BYTES).strip(NOTHING)
            except ObjectError:
                if packed in _BLOCKWISE:
                    return blockwise
                raise
        formats = next((each for form, each in _FORMS if form.match(head)), None)
        if formats is None:
            return None
        if command not in formats:
            raise OtherCommand(next(iter(formats)))
        return formats[command]

    return recognise
