"""The road of every object into its table.

One loader at a time has an object. Whatever is written of it is written together: rows,
refused rows, the line in the load log, and how far the object is taken in. That is one
transaction where an object is loaded wholly or not at all, and one a batch where it may
be long: stopped, it goes on behind the last one.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic

import psycopg

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.errors import ObjectError
from loaders.interfaces import B, Dataset, Part, Reading
from loaders.ledger import LoadResult
from loaders.objects import Object
from pgio.prefetch import prefetch

#: Batches read ahead of the one being written.
_AHEAD = 2

#: Loads of one table share this lock; a load that lost a deadlock takes it alone.
_TABLE_LOCK = "select pg_advisory_xact_lock{shared}(hashtextextended(%s, 0))"


@dataclass(frozen=True)
class Intake(Generic[B]):
    """Loads objects of a data set.

    Attributes
    ----------
    dataset
        What is particular to them.
    limit
        Refused rows an object may have.
    """

    dataset: Dataset[B]
    limit: BadRowLimit

    @property
    def interrupted(self) -> str:
        """What an interrupt leaves behind, for the user to read."""
        if self.dataset.is_whole:
            return "the objects in hand were rolled back"
        return (
            "the batches in hand were rolled back, those before them stay; the same "
            "command goes on from there"
        )

    def load(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        on_part: Callable[[Part], None],
        on_commit: Callable[[LoadResult], None],
        *,
        alone: bool = False,
    ) -> bool:
        """Load what of an object is not loaded.

        Parameters
        ----------
        conn
            Connection in autocommit mode.
        source
            The object, as listed.
        path
            Its content.
        on_part
            Called after each part that was written; it raises to stop the load.
        on_commit
            Called after each transaction that was committed.
        alone
            The load lost a deadlock before: let no other whole object stand in its way.
            Batches take their turns, and just go on.

        Returns
        -------
        bool
            False when the object was loaded before.

        Raises
        ------
        ObjectError
            The object cannot be loaded, or too many of its rows are bad.
        psycopg.Error
            The server's objection.
        """
        with _object_lock(conn, source):
            if not self.dataset.is_whole:
                return self._load_batches(conn, source, path, on_part, on_commit)
            with conn.transaction():
                lock = _TABLE_LOCK.format(shared="" if alone else "_shared")
                conn.execute(lock, (f"vigil.load:{self.dataset.relation}",))
                result = self._load_whole(conn, source, path, on_part)
        if result is None:
            return False
        on_commit(result)
        return True

    def _load_whole(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        on_part: Callable[[Part], None],
    ) -> LoadResult | None:
        reading = self._open(conn, source, path)
        if reading is None:
            return None
        load_id, started_at = ledger.begin_load(conn)
        result = LoadResult()
        with prefetch(reading.batches(lambda: load_id), _AHEAD) as batches:
            for batch in batches:
                self._write(conn, source, reading, batch, result)
                for part in batch.parts:
                    on_part(part)
        self._check_limit(reading)
        self._record(conn, source, reading, load_id, result, started_at)
        return result

    def _load_batches(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        on_part: Callable[[Part], None],
        on_commit: Callable[[LoadResult], None],
    ) -> bool:
        reading = self._open(conn, source, path)
        if reading is None:
            return False
        ids = _LoadIds(conn, _AHEAD + 3)
        try:
            with prefetch(reading.batches(ids.take), _AHEAD) as batches:
                for batch in batches:
                    result = LoadResult()
                    with conn.transaction():
                        self._write(conn, source, reading, batch, result)
                        self._check_limit(reading)
                        self._record(conn, source, reading, batch.load_id, result)
                    on_commit(result)
                    ids.draw(conn)
                    for part in batch.parts:
                        on_part(part)
        except ObjectError:
            with conn.transaction():
                reading.close(conn, is_complete=False)
            raise
        with conn.transaction():
            reading.close(conn, is_complete=True)
        return True

    def _open(
        self, conn: psycopg.Connection[Any], source: Object, path: Path
    ) -> Reading[B] | None:
        offset = ledger.object_offsets(conn, [source.uri]).get(source.uri)
        return self.dataset.open(conn, source, path, offset)

    def _write(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        reading: Reading[B],
        batch: B,
        result: LoadResult,
    ) -> None:
        rows = sum(part.rows_read for part in batch.parts)
        reading.count.add(rows, batch.bad)
        result.rows_read += rows
        result.rows_quarantined += len(batch.bad)
        reading.write(conn, batch, result)
        if batch.bad:
            relation = self.dataset.relation
            ledger.quarantine(conn, batch.load_id, relation, source.uri, batch.bad)

    def _check_limit(self, reading: Reading[B]) -> None:
        count, first = reading.count, reading.count.first_bad
        if first is None or not self.limit.is_exceeded(count.bad, count.rows):
            return
        of_the, before = "", ""
        if not self.dataset.is_whole:
            of_the, before = "the first ", "; the batches before stay loaded"
        raise ObjectError(
            f"{count.bad:,} of {of_the}{count.rows:,} rows are bad, more than "
            f"--max-bad-rows {self.limit}; the first is row {first.row_number:,}, "
            f"{first.reason}. Correct the object, or allow more to send them to "
            f"ingestion.quarantine{before}"
        )

    def _record(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        reading: Reading[B],
        load_id: int,
        result: LoadResult,
        started_at: datetime | None = None,
    ) -> None:
        relation = self.dataset.relation
        ledger.log_load(conn, load_id, relation, source, result, started_at)
        ledger.save_offset(conn, source.uri, reading.offset(result))


class _LoadIds:
    """Ids of loads, drawn ahead: the thread that encodes has no connection.

    Parameters
    ----------
    conn
        Where to draw them.
    count
        Ids to hold ready, at least as many as there are batches under way.
    """

    def __init__(self, conn: psycopg.Connection[Any], count: int) -> None:
        self._ids: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.draw(conn, count)

    def draw(self, conn: psycopg.Connection[Any], count: int = 1) -> None:
        """Draw some more."""
        for _ in range(count):
            self._ids.put(ledger.begin_load(conn)[0])

    def take(self) -> int:
        """Take one."""
        return self._ids.get_nowait()


@contextmanager
def _object_lock(conn: psycopg.Connection[Any], source: Object) -> Iterator[None]:
    """Keep an object to this session: two loaders given the same take turns."""
    key = (f"vigil.load:{source.uri}",)
    conn.execute("select pg_advisory_lock(hashtextextended(%s, 1))", key)
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("select pg_advisory_unlock(hashtextextended(%s, 1))", key)
