"""A model's batches into the columns its YAML declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from dbt_common.exceptions import DbtRuntimeError

from dbt_pyjobs.column_types import Cast, CastError, cast_for


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
        Whether a ``not_null`` constraint stands on it.
    """

    name: str
    data_type: str
    not_null: bool = False


def stored_columns(connection: psycopg.Connection[Any], relation: str) -> list[Column]:
    """Return the columns of a table that is there, ``schema.name``, in its order."""
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
        The name the messages use.
    columns
        The columns wanted, in the order of the table.
    what
        What is being cast, for the messages: ``"rows"`` or ``"deletes"``.

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

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each batch with the declared columns, in their order.

        Raises
        ------
        DbtRuntimeError
            A column is missing, not declared, there twice, or does not fit its type.
        """
        for batch in batches:
            if self._schema is None or not self._schema.equals(batch.schema):
                self._check_names(batch.schema.names)
                self._schema = batch.schema
            arrays = [
                self._cast(column, cast, batch.column(column.name))
                for column, cast in zip(self.columns, self._casts, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=self.names)

    @property
    def names(self) -> list[str]:
        """Names of the columns, in the order of the table."""
        return [column.name for column in self.columns]

    def _cast(self, column: Column, cast: Cast, array: pa.Array) -> pa.Array:
        try:
            return cast(array)
        except CastError as error:
            raise self._error(f"column {column.name!r}: {error}") from error

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


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
