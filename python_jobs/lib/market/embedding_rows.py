"""The rows of `signals.btc_embeddings`, computed day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from python_jobs.lib.market.candles import Candles, Span, moment, quote, within_spans
from python_jobs.lib.market.grid import SECONDS_PER_DAY, Ints, SecondGrid
from python_jobs.lib.market.labels import label_snapshots
from python_jobs.lib.market.options import EmbeddingOptions
from python_jobs.lib.market.vectors import Scales, day_offsets, embed

#: Returns, for a venue and a span, when the stored rows were created:
#: ``second`` int64 and ``created`` int64 (µs).
Created = Callable[[str, Span], pa.Table]

#: Length of `market_data.window_5m`.
WINDOW_5M = 300


def embedding_rows(
    candles: Candles,
    options: EmbeddingOptions,
    scales: Mapping[str, Scales],
    stale: Mapping[str, Sequence[Span]],
    known_until: Mapping[str, int],
    created: Created,
    skipped: Counter[str],
) -> Iterator[pa.RecordBatch]:
    """Embed the windows that begin in stale spans; memory holds a day of one venue.

    A whole day is always read and computed on the same grid, so a window's vector is
    identical to the last bit, whichever windows are computed with it.

    Parameters
    ----------
    candles : Candles
        Where to read.
    options : EmbeddingOptions
        The settings.
    scales, stale, known_until : mapping
        By venue: its scales, the spans of window starts to compute, and the second
        before which candles are complete. Only windows that end by then are embedded.
    created : callable
        Returns when stored rows were created; they keep that time.
    skipped : Counter
        Counts windows left out: ``empty`` and ``flat``, see `Embedded`.

    Yields
    ------
    pyarrow.RecordBatch
        Rows of a day of a venue.
    """
    for exchange, spans in stale.items():
        until = known_until[exchange]
        # A window that begins on the day before may reach into the first day.
        for day in _days(candles, exchange, spans, options):
            starts = within_spans(day + day_offsets(options.step), spans)
            starts = starts[starts + options.window <= until]
            if not starts.size:
                continue
            grid = candles.grid(exchange, day, SECONDS_PER_DAY + options.longest)
            stored = created(exchange, (day, day + SECONDS_PER_DAY))
            yield day_rows(
                grid,
                starts,
                exchange,
                options,
                scales[exchange],
                until,
                stored,
                skipped,
            )


def day_rows(
    grid: SecondGrid,
    starts: Ints,
    exchange: str,
    options: EmbeddingOptions,
    scales: Scales,
    until: int,
    stored: pa.Table,
    skipped: Counter[str],
) -> pa.RecordBatch:
    """Embed the windows that begin in one day: a function of that day's candles.

    Parameters
    ----------
    grid : SecondGrid
        From the day's midnight to the end of the last label.
    starts : array of int64, shape (k,)
        Where windows begin, seconds since the epoch.
    stored : pyarrow.Table
        What `Created` returns for the day.
    exchange, options, scales, until, skipped
        As in `embedding_rows`, of one venue.
    """
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    found = embed(grid, starts - grid.start, options, scales)
    skipped.update(empty=found.empty, flat=found.flat)
    begin = grid.start + found.offsets
    ends = found.offsets + options.window
    window_5m = (begin + options.window - 1) // WINDOW_5M * WINDOW_5M
    return pa.RecordBatch.from_pydict(
        {
            "bucket": _timestamps(begin * 1_000_000),
            "window_start": _timestamps(window_5m * 1_000_000),
            "exchange": pa.array([exchange] * begin.size, pa.string()),
            "feature_version": pa.array([options.version] * begin.size, pa.string()),
            "feature_vector": pa.FixedSizeListArray.from_arrays(
                pa.array(found.vectors.ravel()), options.dimensions
            ),
            "label_snapshot": label_snapshots(grid, ends, options.horizons, until),
            "created_at": _timestamps(_creation(begin, stored, now)),
        }
    )


def scope(version: str, stale: Mapping[str, Sequence[Span]]) -> str:
    """Return the SQL condition for the rows that `embedding_rows` replaces."""
    parts = [
        f"(exchange = {quote(exchange)} and bucket >= {moment(begin)} "
        f"and bucket < {moment(end)})"
        for exchange, spans in stale.items()
        for begin, end in spans
    ]
    return f"feature_version = {quote(version)} and ({' or '.join(parts) or 'false'})"


def _days(
    candles: Candles, exchange: str, spans: Sequence[Span], options: EmbeddingOptions
) -> Iterator[int]:
    last = None
    for begin, end in spans:
        for day in candles.days(exchange, (begin, end + options.window)):
            # Also the evening before: windows that begin then reach over midnight.
            for candidate in (day - SECONDS_PER_DAY, day):
                if last is None or candidate > last:
                    last = candidate
                    yield candidate


def _creation(begin: Ints, stored: pa.Table, now: int) -> Ints:
    times = np.full(begin.size, now)
    if stored.num_rows:
        second = np.asarray(stored["second"].to_numpy())
        _, new, old = np.intersect1d(begin, second, return_indices=True)
        times[new] = np.asarray(stored["created"].to_numpy())[old]
    return times


def _timestamps(micros: Ints) -> pa.Array:
    return pa.array(micros, pa.timestamp("us", tz="UTC"))
