"""Cast a model's batches to the columns that its YAML declares."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from dbt_common.exceptions import DbtRuntimeError

from dbt_pyjobs.changes import is_pandas, iter_batches, iter_pieces
from dbt_pyjobs.column_types import (
    Cast,
    CastError,
    cast_for,
    first_misfit,
    is_json,
    json_text,
)


@dataclass(frozen=True)
class Column:
    """One column of a model, as its YAML declares it.

    Attributes
    ----------
    name
        The name in the database, unquoted.
    data_type
        A PostgreSQL type.
    not_null
        Whether it has a ``not_null`` constraint.
    """

    name: str
    data_type: str
    not_null: bool = False


def stored_columns(connection: psycopg.Connection[Any], relation: str) -> list[Column]:
    """Return the columns of an existing table, ``schema.name``, in its order."""
    found = connection.execute(
        """
        select attname, format_type(atttypid, atttypmod), attnotnull
        from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped
        order by attnum
        """,
        [relation],
    )
    return [Column(*column) for column in found]


class Casting:
    """Casts the batches of one result; its errors name the model and the column.

    Parameters
    ----------
    model
        The model's name in error messages.
    columns
        The columns to return, in the order of the table.
    what
        Which result is cast, for error messages: ``"rows"`` or ``"deletes"``.

    Raises
    ------
    DbtRuntimeError
        A declared type cannot be written from Arrow.
    """

    def __init__(
        self, model: str, columns: Sequence[Column], what: str = "rows"
    ) -> None:
        self.model = model
        self.what = what
        self.columns = list(columns)
        self._casts: list[Cast] = []
        for column in columns:
            try:
                self._casts.append(cast_for(column.data_type))
            except CastError as error:
                raise self._error(f"column {column.name!r}: {error}") from None
        self._schema: pa.Schema | None = None

    def batches(self, rows: Any) -> Iterator[pa.RecordBatch]:
        """Yield a model's rows in batches of the declared columns, in their order.

        Parameters
        ----------
        rows
            As in `dbt_pyjobs.Changes`.

        Raises
        ------
        DbtRuntimeError
            A column is missing, not declared, occurs twice, or does not fit its type.
        TypeError
            ``rows`` yields something that is neither record batch nor data frame.
        """
        count = 0
        for piece in iter_pieces(rows):
            table = self._table(piece, count) if is_pandas(piece) else piece
            for batch in iter_batches(table):
                if self._schema is None or not self._schema.equals(batch.schema):
                    self._check_names(batch.schema.names)
                    self._schema = batch.schema
                arrays = [
                    self._cast(column, cast, batch.column(column.name), count)
                    for column, cast in zip(self.columns, self._casts, strict=True)
                ]
                count += batch.num_rows
                yield pa.RecordBatch.from_arrays(arrays, names=self.names)

    @property
    def names(self) -> list[str]:
        """Names of the columns, in the order of the table."""
        return [column.name for column in self.columns]

    def _cast(
        self, column: Column, cast: Cast, array: pa.Array, rows_before: int
    ) -> pa.Array:
        try:
            return cast(array)
        except CastError as error:
            if error.place is None:
                raise self._error(f"column {column.name!r}: {error}") from error
            value = array[error.place].as_py()
            raise self._misfit(
                column, rows_before + error.place, value, error
            ) from error

    def _table(self, frame: Any, rows_before: int) -> pa.Table:
        """Convert a pandas frame; named levels of its index become columns."""
        if any(name is not None for name in frame.index.names):
            frame = frame.reset_index()
        self._check_names(list(frame.columns))
        return pa.table(
            {
                column.name: self._series(column, frame[column.name], rows_before)
                for column in self.columns
            }
        )

    def _series(self, column: Column, series: Any, rows_before: int) -> pa.ChunkedArray:
        if series.dtype == object and is_json(column.data_type):
            # As Arrow structs, each object would get the keys of all other objects.
            convert = _json_array
        else:
            convert = _arrow_array
        try:
            return convert(series)
        except _CONVERSION_ERRORS as error:
            place = first_misfit(
                len(series), lambda count: _converts(convert, series.iloc[:count])
            )
            if place is None:
                raise self._error(f"column {column.name!r}: {error}") from error
            reason = f"does not fit {column.data_type}: {error.args[0]}"
            value = series.iloc[place]
            raise self._misfit(column, rows_before + place, value, reason) from error

    def _misfit(
        self, column: Column, place: int, value: Any, reason: object
    ) -> DbtRuntimeError:
        return self._error(
            f"column {column.name!r}, row {place + 1}, value {reprlib.repr(value)}: "
            f"{reason}"
        )

    def _check_names(self, got: Sequence[str]) -> None:
        missing = [name for name in self.names if name not in got]
        extra = [name for name in got if name not in self.names]
        double = sorted({name for name in got if list(got).count(name) > 1})
        if missing:
            raise self._error(
                f"column {_listed(missing)} declared in YAML but not in the result"
            )
        if extra:
            raise self._error(
                f"column {_listed(extra)} in the result but not declared"
                + (
                    " in unique_key"
                    if self.what == "deletes"
                    else " in YAML: add name and data_type, or drop it in the model"
                )
            )
        if double:
            raise self._error(f"column {_listed(double)} twice in the result")

    def _error(self, reason: str) -> DbtRuntimeError:
        return DbtRuntimeError(f"Python model {self.model!r}, {self.what}: {reason}")


#: Errors of Arrow and orjson for values that do not fit one type.
_CONVERSION_ERRORS = (pa.ArrowException, TypeError, ValueError, OverflowError)


def _arrow_array(series: Any) -> pa.ChunkedArray:
    return pa.Table.from_pandas(series.to_frame(), preserve_index=False).column(0)


def _json_array(series: Any) -> pa.ChunkedArray:
    texts = series.map(json_text, na_action="ignore")
    return pa.chunked_array([pa.array(texts, pa.string(), from_pandas=True)])


def _converts(convert: Callable[[Any], pa.ChunkedArray], series: Any) -> bool:
    try:
        convert(series)
    except _CONVERSION_ERRORS:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
