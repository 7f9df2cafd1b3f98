"""Each object in one transaction: it is loaded wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.chunk import Dataset
from loaders.interfaces import Part
from loaders.ledger import LoadResult, Offset
from loaders.objects import Object
from loaders.store import store_object

#: Loads of one table share this lock; a load that lost a deadlock takes it alone.
_TABLE_LOCK = "select pg_advisory_xact_lock{shared}(hashtextextended(%s, 0))"
#: Two loaders given the same object take turns; the second finds it loaded.
_OBJECT_LOCK = "select pg_advisory_xact_lock(hashtextextended(%s, 1))"


@dataclass(frozen=True)
class WholeObjects:
    """Loads objects of a data set, one transaction each.

    Attributes
    ----------
    dataset
        The table and its readers.
    limit
        Refused rows an object may have.
    replace
        Read objects that were loaded before as well, and store what they say in the
        place of rows that differ.
    given
        Values by column, for objects whose content has none.
    """

    dataset: Dataset
    limit: BadRowLimit
    replace: bool = False
    given: Mapping[str, str] = field(default_factory=dict)

    #: What an interrupt leaves behind.
    interrupted = "the objects in hand were rolled back"

    def is_loaded(self, source: Object, offset: Offset) -> bool:
        """Say whether there is nothing to do for an object."""
        same = all(
            offset.state.get(name, value) == value for name, value in self.given.items()
        )
        return not self.replace and same and offset.is_of(source)

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
        """Load one object, unless it is loaded already: see `loaders.run.Loader`."""
        lock = _TABLE_LOCK.format(shared="" if alone else "_shared")
        with conn.transaction():
            conn.execute(lock, (f"vigil.load:{self.dataset.relation}",))
            conn.execute(_OBJECT_LOCK, (f"vigil.load:{source.uri}",))
            offset = ledger.object_offsets(conn, [source.uri]).get(source.uri)
            if offset is not None and self.is_loaded(source, offset):
                return False
            result = store_object(
                conn,
                self.dataset,
                source,
                path,
                self.limit,
                expect_duplicates=offset is not None,
                replace=self.replace,
                given=self.given,
                on_chunk=on_chunk,
            )
        on_commit(result)
        return True
