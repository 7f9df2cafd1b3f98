"""Read rows of tables with keys by the SQL statements of `loaders.formats`.

A statement selects the columns of its table, and ``line_number``, ``reason`` (null for
a valid row) and ``refused`` (the original text of an invalid row).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from loaders import formats
from loaders.chunk import BadRow, Chunk, raw_json
from loaders.errors import ObjectError
from loaders.hyperliquid import first_millisecond
from loaders.lines import Lines, shortened
from loaders.validate import late


@dataclass
class Statement:
    """Reads the batches of one object by the statement of its format.

    Attributes
    ----------
    name
        The format.
    columns
        Columns of the table, with ``time`` in milliseconds.
    kept_from
        Refuse rows older than this, as late.
    variables
        Variables that the statement reads with ``getvariable``.
    """

    name: str
    columns: Sequence[str]
    kept_from: datetime | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    _rows: int = 0
    _is_any_good: bool = False
    _first_bad: BadRow | None = None

    def __post_init__(self) -> None:
        self._session = formats.connect(**self.variables)
        self._query = formats.pipeline(self.name)

    def select(self, lines: pa.Table) -> pa.Table:
        """Run the statement over lines, ``line_number`` and ``line``."""
        return formats.select(self._session, self._query, {"lines": lines})

    def chunk(
        self,
        found: pa.Table,
        progress: float,
        damaged: Sequence[BadRow] = (),
        skipped: int = 0,
    ) -> Chunk:
        """Separate the invalid rows.

        Parameters
        ----------
        found
            Result of the statement.
        progress
            Share of the object read up to here, 0 to 1.
        damaged
            Lines that no statement could read.
        skipped
            Further rows that do not belong in the table.
        """
        is_good = pc.is_null(found.column("reason"))
        bad = [*damaged, *map(_bad_row, found.filter(pc.invert(is_good)).to_pylist())]
        good = found.filter(is_good)
        if self.kept_from is not None:
            is_too_old = pc.less(good.column("time"), first_millisecond(self.kept_from))
            bad += [
                _late_row(row, self.kept_from)
                for row in good.filter(is_too_old).to_pylist()
            ]
            good = good.filter(pc.invert(is_too_old))
        bad.sort(key=lambda row: row.row_number)
        rows_read = found.num_rows + len(damaged) + skipped
        self._rows += rows_read
        self._is_any_good |= rows_read > sum(not row.is_too_old for row in bad)
        self._first_bad = self._first_bad or next(iter(bad), None)
        numbers = good.column("line_number").combine_chunks()
        return Chunk(self._batch(good), rows_read, progress, bad, skipped, numbers)

    def read(self, batches: Iterable[Lines]) -> Iterator[Chunk]:
        """Read the batches of an object.

        Raises
        ------
        ObjectError
            The object has no valid row.
        """
        for lines in batches:
            found = self.select(lines.table())
            yield self.chunk(found, lines.progress, lines.damaged_rows())
        self.check()

    def check(self) -> None:
        """Check an object after it was read to its end.

        Raises
        ------
        ObjectError
            The object has no valid row.
        """
        if not self._rows:
            raise ObjectError("there is no row in it")
        if not self._is_any_good and self._first_bad is not None:
            first = self._first_bad
            raise ObjectError(
                f"no row of it can be loaded; the first is row {first.row_number:,}, "
                f"{first.reason}"
            )

    def _batch(self, rows: pa.Table) -> pa.RecordBatch:
        chosen = rows.select(list(self.columns)).combine_chunks()
        batches = chosen.to_batches()
        if batches:
            return batches[0]
        return pa.RecordBatch.from_pylist([], schema=chosen.schema)


def _bad_row(row: Mapping[str, Any]) -> BadRow:
    raw = raw_json(shortened(row["refused"] or ""))
    return BadRow(row["line_number"], row["reason"], raw)


def _late_row(row: Mapping[str, Any], kept_from: datetime) -> BadRow:
    reason = f"time: {late(kept_from)} ({row['time']})"
    return BadRow(row["line_number"], reason, raw_json(row), is_too_old=True)
