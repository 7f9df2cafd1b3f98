"""Similar windows through the index against an exact search.

Also the scorecard of all windows, against its searches alone in SQL.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from benchmarks.bench import Bench
from benchmarks.btc_market import OPTIONS, START, day_of_candles
from benchmarks.scoreboard import Figure, figure
from dbt_pyjobs.casting import Casting, stored_columns
from pgio.copy_in import copy_batches
from pgio.copy_out import read_batches
from python_jobs.lib.market.embedding_rows import embedding_rows
from python_jobs.lib.market.grid import SECONDS_PER_DAY, SecondGrid
from python_jobs.lib.market.scales import scale_rows
from python_jobs.lib.market.vectors import Scales, day_offsets, training_features
from python_jobs.lib.scorecards.search_scores import Settings, scorecard
from python_jobs.lib.scorecards.search_windows import read_history

WINDOWS = 200_000
VENUE = "binance_spot"
QUERIES = 200
NEIGHBOURS = 10

_EMBEDDINGS = "signals.btc_embeddings"


def measure(bench: Bench) -> list[Figure]:
    """Fill the table with windows of a made-up market, build its index, and search it.

    ``similar_windows_recall_at_10`` is the share of the ten nearest earlier windows
    that the function `similar_windows` finds through the index. The scorecard makes its
    prices up on the way instead of reading them.
    """
    days = -(-bench.sizes.windows * OPTIONS.step // SECONDS_PER_DAY)
    with bench.database("search") as database:
        database.create_sources()
        database.dbt("run", "--select", "+btc_embeddings", "--empty")
        with database.connect() as conn:
            _fill(conn, days)
        # The post-hook builds the index, and the function to fit it.
        database.dbt("run", "--select", "btc_embeddings")
        with database.connect() as conn:
            asked = _query_windows(conn, QUERIES)
            found, rate = _timed(conn, asked, is_exact=False)
            exact, exact_rate = _timed(conn, asked, is_exact=True)
            count, searches, seconds = _evaluated(conn, days)
    recall = _recall(found, exact)
    in_sql = "its searches in SQL, exact", count * exact_rate / searches
    return [
        figure(name, value, unit, peer, peer_value, runs=1)
        for name, value, unit, peer, peer_value in (
            ("similar_windows_recall_at_10", recall, "share", "exact search", 1.0),
            ("similar_windows_vs_exact", rate, "queries/s", "exact search", exact_rate),
            ("search_scorecard", count / seconds, "windows/s", *in_sql),
        )
    ]


class _Market:
    """A reader of candles that makes up the market day by day."""

    def __init__(self, days: int) -> None:
        self._days = days

    def days(self, exchange: str, span: tuple[int, int]) -> Iterator[int]:
        yield from range(START, START + self._days * SECONDS_PER_DAY, SECONDS_PER_DAY)

    def grid(self, exchange: str, start: int, seconds: int) -> SecondGrid:
        day = (start - START) // SECONDS_PER_DAY
        return SecondGrid.from_candles(day_of_candles(day, seconds), start, seconds)

    prices = grid


def _fill(conn: psycopg.Connection[Any], days: int) -> None:
    market: Any = _Market(days)
    grid = market.grid(VENUE, START, SECONDS_PER_DAY + OPTIONS.window)
    features = training_features(grid, day_offsets(OPTIONS.step), OPTIONS)
    span = (START, START + days * SECONDS_PER_DAY)
    _copy(
        conn,
        "signals.btc_feature_scales",
        scale_rows(OPTIONS, VENUE, span, features).to_batches(),
    )
    rows = embedding_rows(
        market,
        OPTIONS,
        {VENUE: Scales.fit(features)},
        {VENUE: [span]},
        {VENUE: span[1]},
        lambda exchange, span: pa.table({"second": [], "created": []}),
        Counter(),
    )
    _copy(conn, _EMBEDDINGS, rows)
    # The current version, as a build records it.
    conn.execute(
        "insert into ops.model_state (model, fingerprint) values (%s, %s) "
        "on conflict (model) do update set fingerprint = excluded.fingerprint",
        [_EMBEDDINGS, OPTIONS.fingerprint({VENUE: span})],
    )


def _copy(conn: psycopg.Connection[Any], table: str, batches: Any) -> None:
    casting = Casting(table, stored_columns(conn, table))
    copy_batches(conn, table, casting.batches(batches), casting.names)


def _evaluated(conn: psycopg.Connection[Any], days: int) -> tuple[int, int, float]:
    """Compute the scorecard; return windows, query windows and seconds."""
    market: Any = _Market(days)
    settings = Settings(OPTIONS.step, OPTIONS.window, OPTIONS.horizons, NEIGHBOURS)
    training = OPTIONS.training.days * SECONDS_PER_DAY
    begin = time.perf_counter()
    history = read_history(
        lambda query: read_batches(conn, query),
        market,
        _EMBEDDINGS,
        VENUE,
        OPTIONS.version,
        OPTIONS.window,
        OPTIONS.horizons,
    )
    # A small table, as in tests, ends within the training range.
    rows = list(
        scorecard(history, settings, START + min(training, training * days // 14))
    )
    seconds = time.perf_counter() - begin
    searches = max(1, *(row["window_count"] for row in rows))
    return history.starts.size, searches, seconds


def _query_windows(conn: psycopg.Connection[Any], queries: int) -> list[Any]:
    """Return the buckets of windows spread over the newer half."""
    buckets = conn.execute(
        f"select bucket from {_EMBEDDINGS} order by bucket"
    ).fetchall()
    places = np.linspace(len(buckets) // 2, len(buckets) - 1, queries).astype(int)
    return [buckets[place][0] for place in places]


def _similar(conn: psycopg.Connection[Any], bucket: Any, is_exact: bool) -> set[Any]:
    rows = conn.execute(
        "select neighbour_bucket from signals.similar_windows("
        "%s, %s, %s, is_exact => %s)",
        [bucket, NEIGHBOURS, VENUE, is_exact],
    )
    return {row[0] for row in rows}


def _timed(
    conn: psycopg.Connection[Any], buckets: Sequence[Any], *, is_exact: bool
) -> tuple[list[set[Any]], float]:
    """Return the neighbours of each bucket, and queries/s."""
    _similar(conn, buckets[0], is_exact)
    start = time.perf_counter()
    found = [_similar(conn, bucket, is_exact) for bucket in buckets]
    return found, len(buckets) / (time.perf_counter() - start)


def _recall(found: Sequence[set[Any]], exact: Sequence[set[Any]]) -> float:
    hits = sum(len(a & b) for a, b in zip(found, exact, strict=True))
    return hits / sum(map(len, exact))
