"""Run an iterator in a thread, a bounded number of items ahead of its consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

#: How often a blocked producer looks whether its consumer is still there, seconds.
_POLL_S = 0.1


class _End:
    """The last item: the producer is done, or stopped with an error."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Producer(Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    break
            self._put(_End())
        except BaseException as error:  # handed to the consumer, which raises it
            self._put(_End(error))
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:  # a generator: its files are closed in its own thread
                close()

    def _put(self, item: T | _End) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item


@contextmanager
def prefetch(items: Iterable[T], depth: int = 2) -> Iterator[Iterator[T]]:
    """Iterate ``items`` in another thread, at most ``depth`` items ahead.

    Memory holds up to ``depth + 2`` items: those queued, the one being made and the one
    being used. An exception of the producer is raised in the consumer, in its place in
    the order. Leaving the block early stops the producer after the item it is making.

    Parameters
    ----------
    items
        What to iterate; only the other thread touches it from now on.
    depth
        Items to hold ready, at least 1.

    Yields
    ------
    Iterator[T]
        The same items in the same order, to be consumed inside the block.
    """
    producer = _Producer(items, depth)
    producer.start()
    try:
        yield iter(producer)
    finally:
        producer.close()
