"""One recording into the table, batch by batch, each batch once.

A batch is one transaction: its ticks, their windows, the refused rows, its line in the
log, and how far the object is taken in. An interrupted object is read again from its
beginning and the lines that are committed are counted off: decoders are deterministic,
so this is exact, whatever a decoder remembers from line to line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.errors import ObjectError
from loaders.interfaces import Part
from loaders.kept_from import KeptFrom
from loaders.ledger import LoadResult
from loaders.objects import Object
from loaders.ticks.chunk import DecoderOptions
from loaders.ticks.decode import decode
from loaders.ticks.instants import window_of
from loaders.ticks.objects import detect
from loaders.ticks.prepared import LoadIds, prepare
from loaders.ticks.progress import Taken
from loaders.ticks.store import RELATION
from loaders.ticks.transaction import write_batch
from loaders.ticks.venue import known_venue, lock_venue
from loaders.ticks.windows import seal
from pgio.prefetch import prefetch

#: The format of an object that is recognised by its content.
AUTO = "auto"

#: Batches decoded ahead of the one being written.
_AHEAD = 2


@dataclass(frozen=True)
class TickLoader:
    """Loads recordings of ticks.

    Attributes
    ----------
    options
        What the command line says of the objects.
    limit
        Refused rows an object may have.
    """

    options: DecoderOptions
    limit: BadRowLimit

    #: What an interrupt leaves behind.
    interrupted = (
        "the batches in hand were rolled back, those before them stay; the same "
        "command goes on from there"
    )

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
        """Load what of an object is not loaded: see `loaders.interfaces.Loader`.

        Having lost a deadlock it goes on where it was; there is no need to be alone.
        """
        with _turn(conn, source):
            offset = ledger.object_offsets(conn, [source.uri]).get(source.uri)
            is_named = source.format != AUTO
            name = source.format if is_named else detect(path)
            taken = Taken.of(source, offset, self.options, name)
            if taken.is_complete:
                if taken.is_named and not is_named:  # from now on it is known
                    recognised = replace(taken, is_named=False)
                    ledger.save_offset(conn, source.uri, recognised.offset(source))
                return False
            taken = replace(taken, format=name, is_named=is_named)
            options = replace(self.options, uri=source.uri)
            ids = LoadIds(conn, _AHEAD + 3)
            kept_from = KeptFrom(RELATION, "ts", led_by=("window_start", window_of))
            chunks = decode(name, path, options)
            try:
                prepared_ahead = prepare(chunks, taken.lines, ids)
                with prefetch(prepared_ahead, depth=_AHEAD) as batches:
                    for prepared in batches:
                        with conn.transaction():
                            result, taken = write_batch(
                                conn, source, prepared, taken, self.limit, kept_from
                            )
                        on_commit(result)
                        ids.draw(conn)
                        on_chunk(prepared.chunk)
            except ObjectError:  # nobody may ever correct it
                with conn.transaction():
                    _let_go(conn, source, taken)
                raise
            with conn.transaction():
                _let_go(conn, source, taken)
                done = replace(taken, is_complete=True)
                ledger.save_offset(conn, source.uri, done.offset(source))
        return True


@contextmanager
def _turn(conn: psycopg.Connection[Any], source: Object) -> Iterator[None]:
    """Keep an object to this session: two loaders given the same take turns."""
    key = (f"vigil.load:{source.uri}",)
    conn.execute("select pg_advisory_lock(hashtextextended(%s, 1))", key)
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("select pg_advisory_unlock(hashtextextended(%s, 1))", key)


def _let_go(conn: psycopg.Connection[Any], source: Object, taken: Taken) -> None:
    """Seal the window that the object had kept open, if it is over."""
    if taken.exchange is None:
        return
    lock_venue(conn, taken.exchange)
    venue = known_venue(conn, taken.exchange)
    if venue is not None and source.uri in venue.reading:
        del venue.reading[source.uri]
        seal(conn, venue)
        venue.save(conn)
