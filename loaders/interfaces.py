"""What a run needs of others: how an object is loaded, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psycopg

from loaders.ledger import LoadResult
from loaders.objects import Object


class Part(Protocol):
    """A part of an object that was read."""

    @property
    def rows_read(self) -> int:
        """Rows of the object it covers."""

    @property
    def progress(self) -> float:
        """Share of the object read up to here, 0 to 1."""


class Loader(Protocol):
    """Knows how one object is loaded; called from the worker threads."""

    @property
    def interrupted(self) -> str:
        """What an interrupt leaves behind, for the user to read."""

    def load(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        on_chunk: Callable[[Part], None],
        on_commit: Callable[[LoadResult], None],
        *,
        alone: bool,
    ) -> bool:
        """Load one object, unless it is loaded already.

        Parameters
        ----------
        conn
            Connection in autocommit mode, the worker's own.
        source
            The object, as listed.
        path
            Its content.
        on_chunk
            Called after each part that was written; it raises to stop the load.
        on_commit
            Called after each transaction that was committed.
        alone
            The load lost a deadlock before: let no other stand in its way.

        Returns
        -------
        bool
            False when the object was loaded before.

        Raises
        ------
        ObjectError
            The object cannot be loaded.
        psycopg.Error
            The server's objection.
        """


class Reporter(Protocol):
    """What a run tells while it works; called from its worker threads."""

    def advanced(self, source: Object, chunk: Part) -> None:
        """Tell that a chunk was written."""

    def restarted(self, source: Object) -> None:
        """Tell that an object begins anew after it lost a deadlock."""

    def finished(self, source: Object) -> None:
        """Tell that an object is done with, well or not."""

    def failed(self, source: Object, message: str) -> None:
        """Tell that an object failed, in one line."""
