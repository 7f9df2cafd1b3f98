"""The exchange's own archive: hours of LZ4-compressed JSON, one block per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.fills.market import BLOCK_MS, HOUR_MS, block_noise, block_times
from simulation.fills.tape import block_time_text, spans

# Keys in the archive's order; the value's text is quoted or not. Null leaves a key out.
_QUOTED = True
_BARE = False
# One block in so many is followed by one without fills, if there is room for it.
_EMPTY_EVERY = np.uint64(8)
_KEYS = (
    ("coin", _QUOTED),
    ("px", _QUOTED),
    ("sz", _QUOTED),
    ("side", _QUOTED),
    ("time", _BARE),
    ("startPosition", _QUOTED),
    ("dir", _QUOTED),
    ("closedPnl", _QUOTED),
    ("hash", _QUOTED),
    ("oid", _BARE),
    ("crossed", _BARE),
    ("fee", _QUOTED),
    ("tid", _BARE),
    ("feeToken", _QUOTED),
)
_OPTIONAL_KEYS = (
    ("cloid", _QUOTED),
    ("twapId", _BARE),
    ("builder", _QUOTED),
    ("builderFee", _QUOTED),
)


class ArchiveTape:
    """Writes `node_fills_by_block/hourly/YYYYMMDD/H.lz4`.

    Parameters
    ----------
    folder : Path
        What stands for the bucket.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "node_fills_by_block" / "hourly"
        self._path: Path | None = None
        self._file: Any = None

    def write(self, rows: npt.NDArray[Any], table: pa.Table) -> None:
        """Append rows, which must be later than all rows before them.

        Parameters
        ----------
        rows : ndarray of ROW
            Whole blocks: a block must not go on in the next call.
        table : Table
            The same rows, printed.
        """
        fills = _fills(table)
        for first, last, start in spans(rows["time"], HOUR_MS):
            path = self._folder / start.strftime("%Y%m%d") / f"{start.hour}.lz4"
            if path != self._path:
                self.close()
                path.parent.mkdir(parents=True, exist_ok=True)
                self._path = path
                self._file = lz4.frame.open(path, "wb")
            lines = _lines(rows[first:last], fills.slice(first, last - first))
            self._file.write(lines)

    def close(self) -> None:
        """Finish the file in hand."""
        if self._file is not None:
            self._file.close()
        self._file = self._path = None


def _fills(table: pa.Table) -> pa.Array:
    """Print `["0x…",{…}]` for each row."""
    pieces: list[Any] = ['["', _text(table, "user"), '",{']
    for position, (key, is_quoted) in enumerate(_KEYS):
        quote = '"' if is_quoted else ""
        comma = "," if position > 0 else ""
        pieces += [f'{comma}"{key}":{quote}', _text(table, key), quote]
    for key, is_quoted in _OPTIONAL_KEYS:
        quote = '"' if is_quoted else ""
        item = _join([f',"{key}":{quote}', _text(table, key), quote])
        pieces.append(pc.fill_null(item, ""))
    liquidation = table["liquidation"].combine_chunks()
    item = _join(
        [
            ',"liquidation":{"liquidatedUser":"',
            liquidation.field("liquidatedUser"),
            '","markPx":"',
            liquidation.field("markPx"),
            '","method":"',
            liquidation.field("method"),
            '"}',
        ]
    )
    pieces += [pc.fill_null(item, ""), "}]"]
    return _join(pieces)


def _text(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks().cast(pa.string())


def _join(pieces: list[Any]) -> pa.Array:
    return pc.binary_join_element_wise(*pieces, "")


def _lines(rows: npt.NDArray[Any], fills: pa.Array) -> bytes:
    """Put the fills of each block on a line of its own."""
    time, block = rows["time"], rows["block"]
    is_last = np.append(block[1:] != block[:-1], True)
    is_first = np.append(True, is_last[:-1])
    head = pc.if_else(pa.array(is_first), _heads(time, block), ",")
    next_block = np.append(block[1:], block[-1])
    is_followed = is_last & (next_block > block + 1)
    is_followed &= block_noise(time // BLOCK_MS) % _EMPTY_EVERY == 0
    empty = _heads(block_times(time // BLOCK_MS + 1), block + 1)
    tail = pc.if_else(pa.array(is_last), "]}\n", "")
    tail = pc.if_else(pa.array(is_followed), _join(["]}\n", empty, "]}\n"]), tail)
    lines = _join([head, fills, tail])
    # All lines lie one after another in the buffer of the array.
    ends = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first, last = ends[lines.offset], ends[lines.offset + len(lines)]
    return memoryview(lines.buffers()[2])[first:last].tobytes()


def _heads(times: npt.NDArray[np.int64], blocks: npt.NDArray[np.int64]) -> pa.Array:
    delay = block_noise(times // BLOCK_MS) % np.uint64(140_000_000)
    return _join(
        [
            '{"local_time":"',
            block_time_text(times, delay.astype(np.int64) + 40_000_000),
            '","block_time":"',
            block_time_text(times),
            '","block_number":',
            pa.array(blocks).cast(pa.string()),
            ',"events":[',
        ]
    )
