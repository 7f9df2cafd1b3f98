"""Load many objects with several workers, each with a connection of its own."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors

from loaders.errors import LoadAborted, ObjectError
from loaders.intake import Intake
from loaders.interfaces import Part, Reporter
from loaders.ledger import LoadResult
from loaders.objects import Object


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
    rows_skipped: int = 0
    others: Counter[str] = field(default_factory=Counter)
    rows_late: int = 0
    kept_from: datetime | None = None
    rows_conflicting: int = 0
    rows_replaced: int = 0

    def add(self, result: LoadResult) -> None:
        """Add the rows of a transaction."""
        self.rows_read += result.rows_read
        self.rows_loaded += result.rows_loaded
        self.rows_duplicate += result.rows_duplicate
        self.rows_quarantined += result.rows_quarantined
        self.rows_skipped += result.rows_skipped
        self.others += result.others
        self.rows_late += result.rows_late
        self.kept_from = result.kept_from or self.kept_from
        self.rows_conflicting += result.rows_conflicting
        self.rows_replaced += result.rows_replaced


@dataclass
class Run:
    """One run of the loader over objects that are not loaded yet.

    Attributes
    ----------
    intake
        How an object is loaded.
    connect
        Opens a connection; each worker has its own.
    reporter
        Where progress goes.
    totals
        What was done so far.
    """

    intake: Intake[Any]
    connect: Callable[[], psycopg.Connection[Any]]
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
            Raised after the running transactions are rolled back.
        """
        todo: queue.SimpleQueue[Object] = queue.SimpleQueue()
        for each in objects:
            todo.put(each)
        count = max(1, min(workers, len(objects)))
        with ThreadPoolExecutor(count, "loader") as pool:
            try:
                # Wait for futures, do not join threads: in Python 3.11 a thread whose
                # join was interrupted counts as stopped while it still runs.
                wait([pool.submit(self._work, todo) for _ in range(count)])
            except KeyboardInterrupt:
                self._abort()
                raise
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
        except BaseException as error:  # a bug: stop the run and raise it
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
            is_new = self._load_with_retry(conn, source)
        except (ObjectError, psycopg.Error) as error:
            if self._stop.is_set():
                raise LoadAborted from error
            self._fail(source, _one_line(error))
            return
        with self._lock:
            if is_new:
                self.totals.loaded += 1
            else:
                self.totals.skipped += 1
        self.reporter.finished(source)

    def _load_with_retry(self, conn: psycopg.Connection[Any], source: Object) -> bool:
        def on_part(part: Part) -> None:
            if self._stop.is_set():
                raise LoadAborted
            self.reporter.advanced(source, part)

        def on_commit(result: LoadResult) -> None:
            with self._lock:
                self.totals.add(result)

        with source.open() as path:
            parts = conn, source, path, on_part, on_commit
            try:
                return self.intake.load(*parts)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                # Two loads waited for each other's rows. Alone this cannot happen
                # again.
                self.reporter.restarted(source)
                return self.intake.load(*parts, alone=True)

    def _fail(self, source: Object, message: str) -> None:
        with self._lock:
            self.totals.failed += 1
        self.reporter.failed(source, message)
        self.reporter.finished(source)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
