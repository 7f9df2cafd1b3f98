"""How an object is loaded into its table.

An advisory lock lets one loader at a time work on an object. Rows, refused rows, the
row in the load log and the offset are written in one transaction. Fills, contexts and
funding use one transaction for the whole object. Ticks use one for each batch: an
interrupted load resumes after the last committed batch.
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
        Opens and writes the objects.
    limit
        Most refused rows of an object.
    """

    dataset: Dataset[B]
    limit: BadRowLimit

    @property
    def interrupted(self) -> str:
        """Message for the user after an interrupt."""
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
        """Load the part of an object that is not loaded yet.

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
            Lock the table against other loads, because this load lost a deadlock
            before. Without effect for loads in batches.

        Returns
        -------
        bool
            False if the object was loaded before.

        Raises
        ------
        ObjectError
            The object cannot be loaded, or too many of its rows are bad.
        psycopg.Error
            The server rejects the rows.
        """
        passage = _Passage(self.dataset, self.limit, conn, source, path, on_part)
        with _object_lock(conn, source):
            if not self.dataset.is_whole:
                return passage.load_batches(on_commit)
            with conn.transaction():
                lock = _TABLE_LOCK.format(shared="" if alone else "_shared")
                conn.execute(lock, (f"vigil.load:{self.dataset.relation}",))
                result = passage.load_whole()
        if result is None:
            return False
        on_commit(result)
        return True


@dataclass(frozen=True)
class _Passage(Generic[B]):
    """The loading of one object, with the arguments of `Intake.load`."""

    dataset: Dataset[B]
    limit: BadRowLimit
    conn: psycopg.Connection[Any]
    source: Object
    path: Path
    on_part: Callable[[Part], None]

    def load_whole(self) -> LoadResult | None:
        """Load the object in the open transaction; None if it is loaded already."""
        reading = self._open()
        if reading is None:
            return None
        load_id, started_at = ledger.begin_load(self.conn)
        result = LoadResult()
        with prefetch(reading.batches(lambda: load_id), _AHEAD) as batches:
            for batch in batches:
                self._write(reading, batch, result)
                self._tell_of(batch)
        self._check_limit(reading)
        self._record(reading, load_id, result, started_at)
        return result

    def load_batches(self, on_commit: Callable[[LoadResult], None]) -> bool:
        """Load the object batch by batch; False if it is loaded already."""
        conn = self.conn
        reading = self._open()
        if reading is None:
            return False
        ids = _LoadIds(conn, _AHEAD + 3)
        try:
            with prefetch(reading.batches(ids.take), _AHEAD) as batches:
                for batch in batches:
                    result = LoadResult()
                    with conn.transaction():
                        self._write(reading, batch, result)
                        self._check_limit(reading)
                        self._record(reading, batch.load_id, result)
                    on_commit(result)
                    ids.draw(conn)
                    self._tell_of(batch)
        except ObjectError:
            with conn.transaction():
                reading.close(is_complete=False)
            raise
        with conn.transaction():
            reading.close(is_complete=True)
        return True

    def _open(self) -> Reading[B] | None:
        uri = self.source.uri
        offset = ledger.object_offsets(self.conn, [uri]).get(uri)
        return self.dataset.open(self.conn, self.source, self.path, offset)

    def _write(self, reading: Reading[B], batch: B, result: LoadResult) -> None:
        rows = sum(part.rows_read for part in batch.parts)
        reading.count.add(rows, batch.bad)
        result.rows_read += rows
        result.rows_quarantined += len(batch.bad)
        reading.write(batch, result)
        if batch.bad:
            relation, uri = self.dataset.relation, self.source.uri
            ledger.quarantine(self.conn, batch.load_id, relation, uri, batch.bad)

    def _tell_of(self, batch: B) -> None:
        for part in batch.parts:
            self.on_part(part)

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
        reading: Reading[B],
        load_id: int,
        result: LoadResult,
        started_at: datetime | None = None,
    ) -> None:
        relation = self.dataset.relation
        ledger.log_load(self.conn, load_id, relation, self.source, result, started_at)
        ledger.save_offset(self.conn, self.source.uri, reading.offset(result))


class _LoadIds:
    """Load ids, drawn ahead because the encoding thread has no connection.

    Parameters
    ----------
    conn
        Connection to draw them with.
    count
        Ids to hold ready, at least the number of batches in progress.
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
    """Hold the object's advisory lock: only one loader works on an object at a time."""
    key = (f"vigil.load:{source.uri}",)
    conn.execute("select pg_advisory_lock(hashtextextended(%s, 1))", key)
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("select pg_advisory_unlock(hashtextextended(%s, 1))", key)
