"""Similar windows through the index against an exact search.

Also the scorecard of all windows, against its searches alone in SQL.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from pgvector.psycopg import register_vector
from psycopg.rows import dict_row

from benchmarks.btc_market import OPTIONS, START, day_of_candles
from benchmarks.commands import connect, create_sources, dbt
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


def measure(
    env: Mapping[str, str],
    scratch: Path,
    *,
    windows: int = WINDOWS,
    queries: int = QUERIES,
) -> list[Figure]:
    """Fill the table with windows of a made-up market, build its index, and search it.

    Parameters
    ----------
    env
        libpq variables of an empty database.
    scratch
        Folder for dbt's artifacts.
    windows
        Windows in the table, about.
    queries
        Windows, spread over the newer half, whose neighbours are looked for.

    Returns
    -------
    list of Figure
        ``search_recall_at_10``: share of the ten nearest earlier windows that the index
        finds, under the settings of the function `similar_windows`;
        ``similar_windows_recall_at_10``: the same of the function's answers, which do
        not overlap; ``similar_windows_vs_exact``: the function's queries/s;
        ``search_scorecard``: windows/s of `btc_search_scorecard`, prices made up on the
        way instead of read, the peer being its searches by the function, exactly.
    """
    create_sources(env, scratch)
    dbt(env, scratch, "run", "--select", "+btc_embeddings", "--empty")
    days = -(-windows * OPTIONS.step // SECONDS_PER_DAY)
    with connect(env) as conn:
        _fill(conn, days)
    # The post-hook builds the index, and the function to fit it.
    dbt(env, scratch, "run", "--select", "btc_embeddings")
    with connect(env) as conn:
        register_vector(conn)
        asked = _query_windows(conn, queries)
        buckets = [window["bucket"] for window in asked]
        _apply_settings(conn)
        nearest = _recall(
            [_nearest(conn, window, "") for window in asked],
            [_nearest(conn, window, " + 0") for window in asked],
        )
        found, rate = _timed(lambda bucket: _similar(conn, bucket, False), buckets)
        exact, exact_rate = _timed(lambda bucket: _similar(conn, bucket, True), buckets)
        count, searches, seconds = _evaluated(conn, days)
    return [
        figure(name, value, unit, "exact search", exact_value, runs=1)
        for name, value, unit, exact_value in (
            ("search_recall_at_10", nearest, "share", 1.0),
            ("similar_windows_recall_at_10", _recall(found, exact), "share", 1.0),
            ("similar_windows_vs_exact", rate, "queries/s", exact_rate),
        )
    ] + [
        figure(
            "search_scorecard",
            count / seconds,
            "windows/s",
            "its searches in SQL, exact",
            count * exact_rate / searches,
            runs=1,
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


def _query_windows(conn: psycopg.Connection[Any], queries: int) -> list[dict[str, Any]]:
    """Return bucket and vector of windows spread over the newer half."""
    buckets = conn.execute(
        f"select bucket from {_EMBEDDINGS} order by bucket"
    ).fetchall()
    places = np.linspace(len(buckets) // 2, len(buckets) - 1, queries).astype(int)
    rows = conn.cursor(row_factory=dict_row).execute(
        f"select bucket, feature_vector from {_EMBEDDINGS} where bucket = any(%s)",
        [[buckets[place][0] for place in places]],
    )
    return rows.fetchall()


def _apply_settings(conn: psycopg.Connection[Any]) -> None:
    """Give the session the settings that hold inside the function."""
    row = conn.execute(
        "select proconfig from pg_proc where proname = 'similar_windows'"
    ).fetchone()
    for setting in (row[0] or []) if row else []:
        name, _, value = setting.partition("=")
        conn.execute("select set_config(%s, %s, false)", [name, value])


def _nearest(
    conn: psycopg.Connection[Any], window: Mapping[str, Any], suffix: str
) -> set[Any]:
    rows = conn.execute(
        f"""
        select e.bucket from {_EMBEDDINGS} as e
        where e.exchange = %(venue)s and e.feature_version = %(version)s
            and e.bucket <= %(bucket)s::timestamptz - interval '5 minutes'
        order by (e.feature_vector <=> %(feature_vector)s){suffix}
        limit {NEIGHBOURS}
        """,
        {"venue": VENUE, "version": OPTIONS.version, **window},
    )
    return {row[0] for row in rows}


def _similar(conn: psycopg.Connection[Any], bucket: Any, is_exact: bool) -> set[Any]:
    rows = conn.execute(
        "select neighbour_bucket from signals.similar_windows("
        "%s, %s, %s, is_exact => %s)",
        [bucket, NEIGHBOURS, VENUE, is_exact],
    )
    return {row[0] for row in rows}


def _timed(
    search: Callable[[Any], set[Any]], buckets: Sequence[Any]
) -> tuple[list[set[Any]], float]:
    search(buckets[0])
    start = time.perf_counter()
    found = [search(bucket) for bucket in buckets]
    return found, len(buckets) / (time.perf_counter() - start)


def _recall(found: Sequence[set[Any]], exact: Sequence[set[Any]]) -> float:
    hits = sum(len(a & b) for a, b in zip(found, exact, strict=True))
    return hits / sum(map(len, exact))
