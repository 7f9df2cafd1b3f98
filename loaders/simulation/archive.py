"""The exchange's own archive: hours of LZ4-compressed JSON lines, one block per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loaders.simulation.market import BLOCK_MS, block_noise
from loaders.simulation.tape import HOUR_MS, block_time_text, spans

# Keys in the archive's order; the value's text is quoted or not. Null leaves a key out.
_QUOTED = True
_BARE = False
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
    is_first = np.ones(len(rows), dtype=np.bool_)
    is_first[1:] = rows["block"][1:] != rows["block"][:-1]
    is_last = np.append(is_first[1:], True)
    time = rows["time"]
    delay = block_noise(time // BLOCK_MS) % np.uint64(140_000_000)
    local = block_time_text(time, delay.astype(np.int64) + 40_000_000)
    head = _join(
        [
            '{"local_time":"',
            local,
            '","block_time":"',
            block_time_text(time),
            '","block_number":',
            pa.array(rows["block"]).cast(pa.string()),
            ',"events":[',
        ]
    )
    head = pc.if_else(pa.array(is_first), head, ",")
    tail = pc.if_else(pa.array(is_last), "]}\n", "")
    lines = _join([head, fills, tail])
    # All lines lie one after another in the buffer of the array.
    ends = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first, last = ends[lines.offset], ends[lines.offset + len(lines)]
    return memoryview(lines.buffers()[2])[first:last].tobytes()
