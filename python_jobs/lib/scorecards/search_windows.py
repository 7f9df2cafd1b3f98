"""Read embedded windows from the database: vectors, outcomes and price paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.integers import integers
from python_jobs.lib.market.candles import Candles, quote
from python_jobs.lib.market.grid import (
    BLOCK_WINDOWS,
    SECONDS_PER_DAY,
    Floats,
    Ints,
    SecondGrid,
)
from python_jobs.lib.scorecards.search_scores import TARGETS, History

#: Points of a price path: every ten seconds of five minutes.
PATH_POINTS = 30

ReadBatches = Callable[[str], Iterator[pa.RecordBatch]]


def read_history(
    read_batches: ReadBatches,
    candles: Candles,
    embeddings: str,
    exchange: str,
    version: str,
    width: int,
    horizons: Mapping[str, int],
) -> History:
    """Read all windows of a venue and version.

    Parameters
    ----------
    read_batches : callable
        Runs a query and yields its rows as Arrow batches.
    candles : Candles
        Of one second.
    embeddings : str
        The table as SQL names it.
    exchange, version : str
        Which windows.
    width : int
        Seconds of a window.
    horizons : mapping of str
        Names of the horizons in `label_snapshot`.

    Returns
    -------
    History
        Without windows whose candles were dropped.
    """
    keys = [(horizon, target) for horizon in horizons for target in TARGETS]
    labels = ", ".join(
        f"(label_snapshot -> {quote(horizon)} ->> {quote(target)})::float8 as y{number}"
        for number, (horizon, target) in enumerate(keys)
    )
    batches = list(
        read_batches(
            "select extract(epoch from bucket)::bigint as start, "
            f"vector_send(feature_vector) as vector, {labels} from {embeddings} "
            f"where exchange = {quote(exchange)} "
            f"and feature_version = {quote(version)} order by bucket"
        )
    )
    rows = pa.Table.from_batches(batches)
    starts = integers(rows["start"])
    paths, volatility = read_paths(candles, exchange, starts, width)
    kept = ~np.isnan(volatility)
    return History(
        starts=starts[kept],
        vectors=_vectors([batch["vector"] for batch in batches])[kept],
        paths=paths[kept],
        volatility=volatility[kept],
        outcomes={
            key: np.asarray(rows[f"y{number}"].to_numpy(), np.float64)[kept]
            for number, key in enumerate(keys)
        },
    )


def _vectors(columns: list[pa.Array]) -> npt.NDArray[np.float32]:
    """Decode pgvector's binary form: two int16 of which one is the length, floats."""
    parts = [
        np.frombuffer(b"".join(column.to_pylist()), np.uint8) for column in columns
    ]
    count = sum(len(column) for column in columns)
    if count == 0:
        return np.empty((0, 0), np.float32)
    rows = np.concatenate(parts).reshape(count, -1)
    return np.ascontiguousarray(rows[:, 4:]).view(">f4").astype(np.float32)


def read_paths(
    candles: Candles, exchange: str, starts: Ints, width: int
) -> tuple[Floats, Floats]:
    """Read the prices within windows, a day of them at a time.

    Returns
    -------
    paths : array of float64, shape (n, PATH_POINTS)
        Log price minus that of the first trade.
    volatility : array of float64, shape (n,)
        Root of the sum of squared log returns, second by second; NaN if the candles of
        a window were dropped.
    """
    paths = np.full((starts.size, PATH_POINTS), np.nan)
    volatility = np.full(starts.size, np.nan)
    points = np.linspace(0, width, PATH_POINTS + 1).round().astype(np.int64)[1:]
    days = starts // SECONDS_PER_DAY * SECONDS_PER_DAY
    for day in np.unique(days):
        grid = candles.prices(exchange, int(day), SECONDS_PER_DAY + width)
        first, end = np.searchsorted(days, [day, day + 1])
        for begin in range(first, end, BLOCK_WINDOWS):
            rows = slice(begin, min(end, begin + BLOCK_WINDOWS))
            paths[rows], volatility[rows] = _within(grid, starts[rows], width, points)
    return paths, volatility


def _within(
    grid: SecondGrid, starts: Ints, width: int, points: Ints
) -> tuple[Floats, Floats]:
    log_prices = grid.windows(starts - grid.start, width).log_prices
    volatility = np.sqrt((np.diff(log_prices, axis=1) ** 2).sum(axis=1))
    return log_prices[:, points] - log_prices[:, :1], volatility
