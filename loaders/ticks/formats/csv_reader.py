"""What the CSV formats have in common."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from loaders.errors import ObjectError
from loaders.ticks.formats.exact import (
    PRICE_DIGITS,
    VOLUME_DIGITS,
    BadLine,
    exact_decimal,
    exact_integer,
    exact_time,
)
from loaders.ticks.formats.fields import Fields, Values
from loaders.ticks.formats.lines import Lines
from loaders.ticks.formats.reading import Verdicts
from loaders.ticks.formats.scan_csv import scan_csv


def split_line(line: bytes) -> list[str]:
    """Cut one line at its commas, quotes undone.

    Raises
    ------
    BadLine
        Not UTF-8, or its quotes do not match.
    """
    try:
        text = line.decode("utf-8")
        if "\0" in text:
            raise BadLine("line", "has a NUL character")
        rows = list(csv.reader([text], strict=True))
    except UnicodeDecodeError:
        raise BadLine("line", "is not UTF-8") from None
    except csv.Error as error:
        raise BadLine("line", f"is not CSV: {error}") from None
    return rows[0] if rows else []


class CsvReader:
    """Reads rows of named columns; `repair_row` and the rest are the format's.

    Parameters
    ----------
    columns
        Columns in the order of the file.
    has_header
        The first line is not a row.
    extra
        Fields beside the columns that `repair_row` may write.
    """

    def __init__(
        self, columns: Sequence[str], *, has_header: bool, extra: Sequence[str] = ()
    ) -> None:
        self._columns = tuple(columns)
        self._has_header = has_header
        self.names = (*columns, *extra)

    def scan(self, lines: Lines) -> tuple[Fields, npt.NDArray[np.uint8]]:
        """Cut at the commas; a header is like a blank line."""
        fields, status = scan_csv(lines, self._columns, self.names)
        if self._has_header and lines.first_number == 1:
            status[0] = 1
        return fields, status

    def repair(self, line: bytes) -> Sequence[Values | BadLine]:
        """Read one line by itself."""
        values = split_line(line)
        if len(values) != len(self._columns):
            complaint = f"has {len(values)} columns, not {len(self._columns)}"
            raise BadLine("line", complaint)
        stripped = [value.strip() for value in values]
        return self.repair_row(dict(zip(self._columns, stripped, strict=True)))

    def repair_row(self, row: dict[str, str]) -> Sequence[Values | BadLine]:
        """Write one row in the usual layout."""
        raise NotImplementedError

    def books(
        self, lines: Lines, fields: Fields, verdicts: Verdicts
    ) -> Mapping[datetime, dict[str, Any]]:
        """No CSV of trades has any."""
        return {}

    def last_books(self) -> Mapping[datetime, dict[str, Any]]:
        """No CSV of trades has any."""
        return {}


def exact_trade(
    row: Mapping[str, Any], id: str, time: str, price: str, volume: str
) -> dict[str, str]:
    """Write the four values every trade has, under the names they came by.

    Raises
    ------
    BadLine
        One of them cannot be; the id is complained of last.
    """
    return {
        time: exact_time(time, row.get(time)),
        price: exact_decimal(price, row.get(price), PRICE_DIGITS),
        volume: exact_decimal(volume, row.get(volume), VOLUME_DIGITS),
        id: exact_integer(id, row.get(id)),
    }


def first_row(head: bytes) -> list[str]:
    """Cut the first line of a file.

    Raises
    ------
    ObjectError
        It is not CSV.
    """
    line = head.partition(b"\n")[0].rstrip(b"\r")
    try:
        return [value.strip() for value in split_line(line)]
    except BadLine as complaint:
        raise ObjectError(f"line 1: {complaint}") from None
