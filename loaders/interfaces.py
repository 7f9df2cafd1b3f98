"""What the road of an object (`loaders.intake`) needs of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import psycopg

from loaders.chunk import BadRow
from loaders.ledger import LoadResult, Offset, RowCount
from loaders.objects import Object


class Part(Protocol):
    """A part of an object that was read."""

    @property
    def rows_read(self) -> int:
        """Rows of the object it covers."""

    @property
    def progress(self) -> float:
        """Share of the object read up to here, 0 to 1."""


class Batch(Protocol):
    """Rows of an object, ready to be written at once."""

    @property
    def load_id(self) -> int:
        """Id of the load that brings them."""

    @property
    def bad(self) -> Sequence[BadRow]:
        """The refused rows."""

    @property
    def parts(self) -> Sequence[Part]:
        """The parts of the object it was read from."""


B = TypeVar("B", bound=Batch)


class Reading(Protocol, Generic[B]):
    """One object on its way into the table.

    Attributes
    ----------
    count
        Its rows, from the beginning: what was committed before, at first. The road
        counts on.
    """

    count: RowCount

    def batches(self, new_load: Callable[[], int]) -> Iterator[B]:
        """Read what is not committed, in the order of the object; in another thread.

        Parameters
        ----------
        new_load
            Gives the id of a load: the object's, or the next batch's.

        Raises
        ------
        ObjectError
            The object cannot be read.
        """

    def write(self, batch: B, result: LoadResult) -> None:
        """Write the rows of a batch that are not in the table, in its transaction.

        Parameters
        ----------
        batch
            One of `batches`, in their order.
        result
            Where it counts what became of the rows; the rows read and refused are.

        Raises
        ------
        ObjectError
            What is stored contradicts the rows.
        psycopg.Error
            The server's objection.
        """

    def offset(self, result: LoadResult) -> Offset:
        """Say how far the object is taken in once ``result`` is committed."""

    def close(self, *, is_complete: bool) -> None:
        """Put away what was needed between the batches; in a transaction of its own.

        Parameters
        ----------
        is_complete
            Whether the object was read to its end; if not, nobody may ever go on.
        """


class Dataset(Protocol[B]):
    """What is particular to the objects of one raw table."""

    @property
    def relation(self) -> str:
        """The table, ``schema.name``."""

    @property
    def side_tables(self) -> Sequence[str]:
        """Other tables that are written with it."""

    @property
    def is_whole(self) -> bool:
        """Whether an object is one transaction; if not, each of its batches is."""

    def is_loaded(self, source: Object, offset: Offset) -> bool:
        """Say from an object's offset whether there is nothing to do."""

    def open(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        offset: Offset | None,
    ) -> Reading[B] | None:
        """Begin with an object, or go on with it.

        Parameters
        ----------
        conn
            Connection that keeps the object to itself, in the transaction of a whole
            object. The reading writes by it.
        source
            The object, as listed.
        path
            Its content.
        offset
            How far it was taken in.

        Returns
        -------
        Reading or None
            None when it was loaded before.

        Raises
        ------
        ObjectError
            It cannot be read.
        """


class Reporter(Protocol):
    """What a run tells while it works; called from its worker threads."""

    def advanced(self, source: Object, part: Part) -> None:
        """Tell that a part was written."""

    def restarted(self, source: Object) -> None:
        """Tell that an object begins anew after it lost a deadlock."""

    def finished(self, source: Object) -> None:
        """Tell that an object is done with, well or not."""

    def failed(self, source: Object, message: str) -> None:
        """Tell that an object failed, in one line."""
