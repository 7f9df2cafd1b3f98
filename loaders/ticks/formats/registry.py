"""The formats by name, and which of them a file is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from loaders.content import read_head
from loaders.errors import ObjectError
from loaders.ticks.chunk import Decoder
from loaders.ticks.formats import (
    binance_csv,
    binance_ws,
    bitstamp,
    coinbase,
    generic_csv,
    kraken,
    tardis_csv,
)

#: Enough for an order book of some thousand levels to come first.
_HEAD_BYTES = 1 << 20
_HEAD_LINES = 1000

#: The format whose columns the command line names.
GENERIC = generic_csv.NAME

DECODERS: Mapping[str, Decoder] = {
    binance_ws.NAME: binance_ws.decode,
    binance_csv.NAME: binance_csv.decode,
    coinbase.NAME: coinbase.decode,
    kraken.NAME: kraken.decode,
    bitstamp.NAME: bitstamp.decode,
    tardis_csv.NAME: tardis_csv.decode,
    generic_csv.NAME: generic_csv.decode,
}

#: Each says whether the first lines are its own.
_RECOGNISERS: Mapping[str, Callable[[Sequence[bytes]], bool]] = {
    binance_ws.NAME: binance_ws.recognises,
    binance_csv.NAME: binance_csv.recognises,
    coinbase.NAME: coinbase.recognises,
    kraken.NAME: kraken.recognises,
    bitstamp.NAME: bitstamp.recognises,
    tardis_csv.NAME: tardis_csv.recognises,
    generic_csv.NAME: generic_csv.recognises,
}


def detect(path: Path) -> str:
    """Tell the format of a file by its content.

    Raises
    ------
    ObjectError
        It is none of them, or more than one; says which there are, and ``--format``.
    """
    head = read_head(path, _HEAD_BYTES)
    lines = [line.rstrip(b"\r") for line in head.split(b"\n")[:_HEAD_LINES]]
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise ObjectError("is empty: nothing to tell a format by")
    found = [name for name, is_it in _RECOGNISERS.items() if is_it(lines)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(DECODERS)
    if found:
        raise ObjectError(
            f"could be {' or '.join(found)}: name it with --format (one of {known})"
        )
    shown = lines[0][:60].decode("utf-8", errors="replace").replace("\0", "\ufffd")
    raise ObjectError(
        f"no format is recognised in its first lines ({shown!r}…): name it with "
        f"--format (one of {known}; for csv also --columns)"
    )
