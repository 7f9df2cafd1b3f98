"""The asset contexts of Hyperliquid: their table, and the file they come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from loaders import formats
from loaders.chunk import Chunk, Table
from loaders.content import read_head
from loaders.errors import ObjectError
from loaders.hyperliquid import from_milliseconds, recogniser, to_milliseconds
from loaders.lines import read_lines
from loaders.statements import Statement

_COLUMNS = (
    *("time", "coin", "funding", "open_interest", "oracle_px", "mark_px", "mid_px"),
    *("premium", "prev_day_px", "day_ntl_vlm", "impact_bid_px", "impact_ask_px"),
)
_HEAD_BYTES = 1 << 16
#: Some 70,000 rows: planning a statement takes as long as reading some thousand rows.
_BATCH_BYTES = 8 << 20


def read_asset_contexts(
    path: Path,
    kept_from: datetime | None = None,
    given: Mapping[str, str] | None = None,
) -> Iterator[Chunk]:
    """Read a CSV file of asset contexts: see `loaders.chunk.Table.readers`.

    Raises
    ------
    ObjectError
        Damaged or cut short; a column is missing or occurs twice; no row is valid.
    """
    header = _header(path)
    positions = {name: header.index(name) + 1 for name in _COLUMNS}
    variables = {"positions": positions, "columns": len(header)}
    statement = Statement("asset_ctxs", _COLUMNS, kept_from, variables)
    yield from statement.read(read_lines(path, _BATCH_BYTES))


def _header(path: Path) -> list[str]:
    """Return the column names in lower case."""
    text = read_head(path, _HEAD_BYTES).decode("utf-8", errors="replace")
    names: list[str] = formats.evaluate("cells", text.split("\n")[0].rstrip("\r"))
    header = [name.lower() for name in names]
    if missing := [name for name in _COLUMNS if name not in header]:
        raise ObjectError(
            f"no column {', '.join(missing)} in its first line, which has to be the "
            f"header of asset contexts ({', '.join(names)[:200]!r})"
        )
    if twice := [name for name in _COLUMNS if header.count(name) > 1]:
        raise ObjectError(f"column {twice[0]} is there twice")
    return header


CONTEXTS = Table(
    relation="hyperliquid.asset_ctxs",
    time_column="time",
    to_datetime=from_milliseconds,
    from_datetime=to_milliseconds,
    readers={"asset_ctxs": read_asset_contexts},
    suffixes={".csv": "asset_ctxs", ".lz4": "asset_ctxs"},
    recognise=recogniser("contexts", "asset_ctxs"),
    keys={("time", "coin"): "true"},
    differences={},
    taken={},
)
