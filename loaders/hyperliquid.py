"""What Hyperliquid's public files have in common: times, and how to tell them apart."""

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
#: Of LZ4 and zstd.
_BLOCKWISE = (b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd")
#: How much of a text tells what it is.
_HEAD_BYTES = 1 << 16


def _events(first: bytes) -> re.Pattern[bytes]:
    """Match blocks of events, one of which begins like this."""
    return re.compile(rb'\{.*"events"\s*:' + first, re.DOTALL)


#: How a text begins, and its format by the command that loads it: the first that fits.
_FORMS = (
    (re.compile(MAGIC), {"fills": "parquet"}),
    (re.compile(rb'\[\s*"0x'), {"fills": "archive"}),
    (_events(rb"\s*\[\s*\["), {"fills": "archive"}),
    (_events(rb"\s*\[\s*\{"), {"funding": "misc_events"}),
    # No block of the first ones has an event: either command reads them.
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
    """Milliseconds since the epoch of the first one that is wholly after a moment."""
    return -((_EPOCH - moment) // _MILLISECOND)


def recogniser(command: str, blockwise: str) -> Callable[[Path], str | None]:
    """Make the function that tells the formats of a command from content.

    Parameters
    ----------
    command
        The command of `loaders.load_to_db`.
    blockwise
        The format of a text whose first block is longer than what is there of it.

    Returns
    -------
    callable
        From a local file with an object's content, or with its first `_HEAD_BYTES`, to
        the format; to None where it is none that is known. It raises `OtherCommand`
        for what another command loads, and `ObjectError` for what is empty or packed
        in a way that cannot be read.
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
