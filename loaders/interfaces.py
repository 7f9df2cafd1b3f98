"""Interfaces that `loaders.intake` needs from data sets, readers and reporters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import psycopg

from loaders.chunk import BadRow
from loaders.ledger import LoadResult, Offset, RowCount
from loaders.objects import Object


class Part(Protocol):
    """A part of an object, already read."""

    @property
    def rows_read(self) -> int:
        """Rows of the object in this part."""

    @property
    def progress(self) -> float:
        """Share of the object read up to here, 0 to 1."""


class Batch(Protocol):
    """Rows of an object, prepared for one write."""

    @property
    def load_id(self) -> int:
        """Id of the load that these rows belong to."""

    @property
    def bad(self) -> Sequence[BadRow]:
        """The refused rows."""

    @property
    def parts(self) -> Sequence[Part]:
        """The parts of the object that the rows were read from."""


B = TypeVar("B", bound=Batch)


class Reading(Protocol, Generic[B]):
    """One object that is being loaded.

    Attributes
    ----------
    count
        Rows of the object from its beginning. It starts with the committed rows;
        `loaders.intake` adds each batch.
    """

    count: RowCount

    def batches(self, new_load: Callable[[], int]) -> Iterator[B]:
        """Read the uncommitted rows in the order of the object, in another thread.

        Parameters
        ----------
        new_load
            Returns the load id of the object, or of the next batch.

        Raises
        ------
        ObjectError
            The object cannot be read.
        """

    def write(self, batch: B, result: LoadResult) -> None:
        """Write the rows of a batch that are not stored yet, in its transaction.

        Parameters
        ----------
        batch
            One of `batches`, in their order.
        result
            The counts of this batch, to be completed; rows read and rows refused are
            counted already.

        Raises
        ------
        ObjectError
            Stored rows contradict the batch.
        psycopg.Error
            The server rejects the rows.
        """

    def offset(self, result: LoadResult) -> Offset:
        """Return the object's offset as it will be once ``result`` is committed."""

    def close(self, *, is_complete: bool) -> None:
        """Remove the state needed between batches, in a transaction of its own.

        Parameters
        ----------
        is_complete
            Whether the object was read to its end; if not, it is possible that nobody
            ever resumes it.
        """


class Dataset(Protocol[B]):
    """What differs between raw tables: how their objects are opened and loaded."""

    @property
    def relation(self) -> str:
        """The table, ``schema.name``."""

    @property
    def side_tables(self) -> Sequence[str]:
        """Other tables written by its loads."""

    @property
    def is_whole(self) -> bool:
        """True for one transaction per object, False for one per batch."""

    def is_loaded(self, source: Object, offset: Offset) -> bool:
        """Return whether the object is loaded completely, judging by its offset."""

    def open(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        offset: Offset | None,
    ) -> Reading[B] | None:
        """Start or resume the loading of an object.

        Parameters
        ----------
        conn
            Connection that holds the object's lock, and on which the rows are written.
            With `is_whole` it is in the object's transaction.
        source
            The object, as listed.
        path
            Local file with its content.
        offset
            How much of it is loaded.

        Returns
        -------
        Reading or None
            None if the object is loaded already.

        Raises
        ------
        ObjectError
            The object cannot be read.
        """


class Reporter(Protocol):
    """Receives the progress of a run; called from worker threads."""

    def advanced(self, source: Object, part: Part) -> None:
        """Report that a part was written."""

    def restarted(self, source: Object) -> None:
        """Report that an object starts again after a deadlock."""

    def finished(self, source: Object) -> None:
        """Report that an object is finished, loaded or failed."""

    def failed(self, source: Object, message: str) -> None:
        """Report that an object failed, in one line."""
