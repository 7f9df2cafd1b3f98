"""Load many objects with several workers, each object in a transaction of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg import errors

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.chunk import Chunk, Dataset
from loaders.errors import LoadAborted, ObjectError
from loaders.ledger import LoadResult
from loaders.objects import Object
from loaders.store import store_object

#: Loads of one table share this lock; a load that lost a deadlock takes it alone.
_TABLE_LOCK = "select pg_advisory_xact_lock{shared}(hashtextextended(%s, 0))"
#: Two loaders given the same object take turns; the second finds it loaded.
_OBJECT_LOCK = "select pg_advisory_xact_lock(hashtextextended(%s, 1))"

_POLL_S = 0.2


class Reporter(Protocol):
    """What a run tells while it works; called from its worker threads."""

    def advanced(self, source: Object, chunk: Chunk) -> None:
        """Tell that a chunk was written."""

    def restarted(self, source: Object) -> None:
        """Tell that an object begins anew after it lost a deadlock."""

    def finished(self, source: Object) -> None:
        """Tell that an object is done with, well or not."""

    def failed(self, source: Object, message: str) -> None:
        """Tell that an object failed, in one line."""


@dataclass
class Totals:
    """Sums over a run."""

    loaded: int = 0
    skipped: int = 0
    failed: int = 0
    rows_read: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0

    def add(self, result: LoadResult) -> None:
        """Add an object that was loaded."""
        self.loaded += 1
        self.rows_read += result.rows_read
        self.rows_loaded += result.rows_loaded
        self.rows_duplicate += result.rows_duplicate
        self.rows_quarantined += result.rows_quarantined


@dataclass
class Run:
    """One run of the loader over objects that are not loaded yet.

    Attributes
    ----------
    dataset
        The table and its readers.
    connect
        Opens a connection; each worker has its own.
    limit
        Refused rows an object may have.
    reporter
        Where progress goes.
    totals
        What was done so far.
    """

    dataset: Dataset
    connect: Callable[[], psycopg.Connection[Any]]
    limit: BadRowLimit
    reporter: Reporter
    totals: Totals = field(default_factory=Totals)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _open: set[psycopg.Connection[Any]] = field(default_factory=set)
    _crash: BaseException | None = None

    def load(self, objects: Sequence[Object], workers: int) -> None:
        """Load the objects; failures are counted and reported, not raised.

        Parameters
        ----------
        objects
            In the order in which they are started.
        workers
            Objects to load at once.

        Raises
        ------
        KeyboardInterrupt
            After the objects in hand are rolled back.
        """
        todo: queue.SimpleQueue[Object] = queue.SimpleQueue()
        for each in objects:
            todo.put(each)
        threads = [
            threading.Thread(target=self._work, args=(todo,), name=f"loader-{number}")
            for number in range(min(workers, len(objects)))
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(_POLL_S)
        except KeyboardInterrupt:
            self._abort()
            raise
        finally:
            for thread in threads:
                thread.join()
        if self._crash is not None:
            raise self._crash

    def _abort(self) -> None:
        self._stop.set()
        with self._lock:
            for conn in self._open:
                conn.cancel_safe(timeout=5)

    def _work(self, todo: queue.SimpleQueue[Object]) -> None:
        conn: psycopg.Connection[Any] | None = None
        try:
            while not self._stop.is_set():
                try:
                    source = todo.get_nowait()
                except queue.Empty:
                    return
                if conn is None or conn.closed:
                    conn = self._reconnect(conn, source)
                if conn is not None:
                    self._load_one(conn, source)
        except LoadAborted:
            pass
        except BaseException as error:  # a fault of ours: stop, and show it
            self._crash = error
            self._stop.set()
        finally:
            self._disconnect(conn)

    def _reconnect(
        self, old: psycopg.Connection[Any] | None, source: Object
    ) -> psycopg.Connection[Any] | None:
        self._disconnect(old)
        try:
            conn = self.connect()
        except psycopg.OperationalError as error:
            self._fail(source, _one_line(error))
            return None
        with self._lock:
            self._open.add(conn)
        return conn

    def _disconnect(self, conn: psycopg.Connection[Any] | None) -> None:
        if conn is not None:
            with self._lock:
                self._open.discard(conn)
            conn.close()

    def _load_one(self, conn: psycopg.Connection[Any], source: Object) -> None:
        try:
            result = self._load_with_retry(conn, source)
        except (ObjectError, psycopg.Error) as error:
            if self._stop.is_set():
                raise LoadAborted from error
            self._fail(source, _one_line(error))
            return
        with self._lock:
            if result is None:
                self.totals.skipped += 1
            else:
                self.totals.add(result)
        self.reporter.finished(source)

    def _load_with_retry(
        self, conn: psycopg.Connection[Any], source: Object
    ) -> LoadResult | None:
        with source.open() as path:
            try:
                return self._transact(conn, source, path, alone=False)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                # Two loads held rows the other wanted. Alone it cannot happen again.
                self.reporter.restarted(source)
                return self._transact(conn, source, path, alone=True)

    def _transact(
        self, conn: psycopg.Connection[Any], source: Object, path: Any, *, alone: bool
    ) -> LoadResult | None:
        def on_chunk(chunk: Chunk) -> None:
            if self._stop.is_set():
                raise LoadAborted
            self.reporter.advanced(source, chunk)

        lock = _TABLE_LOCK.format(shared="" if alone else "_shared")
        with conn.transaction():
            conn.execute(lock, (f"vigil.load:{self.dataset.relation}",))
            conn.execute(_OBJECT_LOCK, (f"vigil.load:{source.uri}",))
            version = ledger.loaded_versions(conn, [source.uri]).get(source.uri)
            if version == (source.size, source.etag):
                return None
            return store_object(
                conn,
                self.dataset,
                source,
                path,
                self.limit,
                expect_duplicates=version is not None,
                on_chunk=on_chunk,
            )

    def _fail(self, source: Object, message: str) -> None:
        with self._lock:
            self.totals.failed += 1
        self.reporter.failed(source, message)
        self.reporter.finished(source)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
