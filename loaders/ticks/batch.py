"""The ticks of one chunk, prepared for COPY without knowing which ticks are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loaders.errors import ObjectError
from loaders.ticks.contradictions import check_same_trades, order_message
from loaders.ticks.instants import WINDOW_US, from_us, utc_text
from loaders.ticks.runs import Runs
from pgio.copy_in import encode_csv
from pgio.integers import Integers, integers

#: How far timestamps may go backwards while ids grow: a venue's matching engines do not
#: share one clock.
ORDER_TOLERANCE_US = 60_000_000

_GAP = "gap_before"


@dataclass(frozen=True)
class Batch:
    """Distinct ticks of one venue in the order of the recording.

    Attributes
    ----------
    rows
        `loaders.ticks.chunk.TICK_SCHEMA`; at least one, every id once.
    void_ids
        Ids between those of the ticks that events other than trades used up: no trade
        is missing there.
    is_ordered
        Whether ids grow with time.
    """

    rows: pa.RecordBatch
    void_ids: Sequence[int] = ()
    is_ordered: bool = True

    @cached_property
    def ids(self) -> Integers:
        """Trade ids."""
        return integers(self.rows.column("source_seq"))

    @cached_property
    def times_us(self) -> Integers:
        """Times, µs since the epoch."""
        return integers(self.rows.column("ts"))

    @cached_property
    def by_id(self) -> npt.NDArray[np.intp]:
        """Indices of the rows in the order of their ids."""
        if len(self.ids) < 2 or bool(np.all(self.ids[1:] > self.ids[:-1])):
            return np.arange(len(self.ids))
        return np.argsort(self.ids, kind="stable")

    @cached_property
    def runs(self) -> Runs:
        """Runs of consecutive ids, void ids included.

        A void id gets the time of a neighbouring tick.
        """
        ids, times = self.ids[self.by_id], self.times_us[self.by_id]
        void = np.setdiff1d(np.asarray(self.void_ids, dtype=np.int64), ids)
        if len(void):
            at = np.searchsorted(ids, void)
            beside = times[np.minimum(at, len(ids) - 1)]
            ids, times = np.insert(ids, at, void), np.insert(times, at, beside)
        return Runs.of(ids, times)

    @property
    def first_id(self) -> int:
        """Least id."""
        return int(self.ids[self.by_id[0]])

    @property
    def last_id(self) -> int:
        """Greatest id."""
        return int(self.ids[self.by_id[-1]])

    @property
    def first_id_at(self) -> datetime:
        """Time of the least id."""
        return from_us(int(self.times_us[self.by_id[0]]))

    @property
    def last_id_at(self) -> datetime:
        """Time of the greatest id."""
        return from_us(int(self.times_us[self.by_id[-1]]))

    @cached_property
    def first_at(self) -> datetime:
        """Earliest time."""
        return from_us(int(self.times_us.min()))

    @cached_property
    def last_at(self) -> datetime:
        """Latest time."""
        return from_us(int(self.times_us.max()))

    @cached_property
    def window_us(self) -> Integers:
        """Start of each row's window, µs since the epoch."""
        return self.times_us - self.times_us % WINDOW_US

    @property
    def windows(self) -> list[datetime]:
        """Starts of its windows, ascending."""
        starts, _ = self._distinct_windows()
        return [from_us(start) for start in starts.tolist()]

    def _distinct_windows(self) -> tuple[Integers, Integers]:
        """Return the windows, ascending, and each row's index among them.

        Most rows of a window are adjacent, so only the first row of each stretch is
        sorted.
        """
        ends = np.flatnonzero(np.diff(self.window_us)) + 1
        begins = np.concatenate(([0], ends))
        starts, index = np.unique(self.window_us[begins], return_inverse=True)
        lengths = np.diff(np.concatenate((begins, [len(self.ids)])))
        return starts, np.repeat(index, lengths)

    def csv(
        self, exchange: str, load_id: int, gaps: tuple[Integers, Integers]
    ) -> tuple[list[str], pa.Buffer]:
        """Encode the rows for COPY; each gap is stored on the first tick after it.

        Parameters
        ----------
        exchange, load_id
            Of all rows.
        gaps
            As `loaders.ticks.runs.Runs.gaps_before` returns them.

        Returns
        -------
        tuple
            Columns of the table, and their values.
        """
        starts, index = self._distinct_windows()
        texts = pa.array([utc_text(from_us(start)) for start in starts.tolist()])
        count = self.rows.num_rows
        columns = {
            "ts": self.rows.column("ts"),
            "window_start": texts.take(pa.array(index)),
            "exchange": pa.repeat(exchange, count),
            "source_seq": self.rows.column("source_seq"),
            "price": self.rows.column("price"),
            "volume": self.rows.column("volume"),
            "side": self.rows.column("side"),
            "microstructure_flags": self._flags(*gaps),
            "load_id": pa.repeat(pa.scalar(load_id, pa.int64()), count),
        }
        if columns["microstructure_flags"].null_count == count:
            del columns["microstructure_flags"]
        batch = pa.RecordBatch.from_pydict(columns)
        return batch.schema.names, encode_csv(batch)

    def _flags(self, ids: Integers, missing: Integers) -> pa.Array:
        flags = self.rows.column("microstructure_flags")
        if not len(ids):
            return flags
        # The first id after a gap may be void: the gap is noted on the next tick. A gap
        # that no tick of this batch follows is only in ingestion.sequence_runs.
        places = np.searchsorted(self.ids[self.by_id], ids)
        is_before_a_tick = places < len(flags)
        rows, gap = np.unique(self.by_id[places[is_before_a_tick]], return_inverse=True)
        counts = np.zeros(len(rows), dtype=np.int64)
        np.add.at(counts, gap, missing[is_before_a_tick])
        noted = pc.binary_join_element_wise(
            f'{{"{_GAP}": ', pa.array(counts).cast(pa.string()), ""
        )
        others = flags.take(pa.array(rows))
        is_alone = pc.fill_null(pc.equal(others, "{}"), True)
        rest = pc.if_else(
            is_alone,
            "}",
            pc.binary_join_element_wise(", ", pc.utf8_slice_codeunits(others, 1), ""),
        )
        mask = np.zeros(len(flags), dtype=bool)
        mask[rows] = True
        joined = pc.binary_join_element_wise(noted, rest, "")
        return pc.replace_with_mask(flags, pa.array(mask), joined)


def make_batch(
    rows: pa.RecordBatch, void_ids: Sequence[int] = (), *, is_ordered: bool = True
) -> Batch | None:
    """Remove repeated ids from the ticks of a chunk and check their order.

    Parameters
    ----------
    rows
        `loaders.ticks.chunk.TICK_SCHEMA`.
    void_ids
        Ids used by events that are not market trades.
    is_ordered
        Whether ids grow with time.

    Returns
    -------
    Batch or None
        The first row of each id; None when there is no row.

    Raises
    ------
    ObjectError
        Two different trades have the same id, or ids and times contradict each other.
    """
    if rows.num_rows == 0:
        return None
    ids = integers(rows.column("source_seq"))
    if not np.all(ids[1:] > ids[:-1]):
        rows = _without_repeats(rows, ids)
    batch = Batch(rows, void_ids, is_ordered)
    if is_ordered:
        _check_order(batch)
    return batch


def _without_repeats(rows: pa.RecordBatch, ids: Integers) -> pa.RecordBatch:
    order = np.argsort(ids, kind="stable")
    is_repeat = np.concatenate(([False], np.diff(ids[order]) == 0))
    if not is_repeat.any():
        return rows
    # Pair each repeat with the first row of its id: a stable sort puts that row first.
    firsts = np.maximum.accumulate(np.where(is_repeat, 0, np.arange(len(ids))))
    repeats, originals = order[is_repeat], order[firsts[is_repeat]]
    check_same_trades(rows.take(originals), rows.take(repeats))
    keep = np.ones(len(ids), dtype=bool)
    keep[repeats] = False
    return rows.filter(pa.array(keep))


def _check_order(batch: Batch) -> None:
    """Raise an error if times go backwards while ids grow."""
    times = batch.times_us[batch.by_id]
    latest = np.maximum.accumulate(times)
    is_too_early = latest - times > ORDER_TOLERANCE_US
    if is_too_early.any():
        at = int(np.argmax(is_too_early))
        before = int(np.argmax(times == latest[at]))
        ids = batch.ids[batch.by_id]
        raise ObjectError(
            order_message(
                int(ids[at]),
                from_us(int(times[at])),
                int(ids[before]),
                from_us(int(times[before])),
                where="in this object too",
            )
        )
