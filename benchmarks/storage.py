"""Disk space of a fill, and the main reads by order of the columnstore."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.commands import connect, load
from benchmarks.scoreboard import Figure, figure
from devdb.database import edition
from loaders.fills import FILLS

DAY_MS = 86_400_000

#: Traders and coins to read, at these quantiles of their number of fills.
TRADERS = (0.1, 0.5, 0.9, 0.99)
COINS = (0.5, 0.9, 1.0)

_TRADER = """
    select time, coin, side, px, sz, start_position, closed_pnl, fee, fee_token
    from hyperliquid.fills
    where user_address = %s
    order by time
"""
_COIN_DAY = """
    select
        time / 3600000 as hour, count(*), sum(px * sz), min(px), max(px),
        sum(sz) filter (where side = 'B' and crossed)
    from hyperliquid.fills
    where coin = %s and time >= %s and time < %s
    group by 1
    order by 1
"""


@dataclass(frozen=True)
class Layout:
    """A segmentation and order of the columnstore."""

    name: str
    segment_by: str
    order_by: str


#: The first is what `models/sources` declares.
LAYOUTS = (
    Layout("user_by_coin_time", "user_address", "coin, time"),
    Layout("user_by_time", "user_address", "time desc"),
    Layout("coin_by_time", "coin", "time desc"),
    Layout("coin_by_user_time", "coin", "user_address, time"),
    Layout("none_by_time", "", "time desc"),
    Layout("none_by_coin_time", "", "coin, time"),
    Layout("none_by_user_time", "", "user_address, time"),
    Layout("none_by_coin_user_time", "", "coin, user_address, time"),
)


def measure(
    env: Mapping[str, str], tape: Path, scratch: Path, *, rounds: int = 3
) -> list[Figure]:
    """Load a tape, weigh it, and on Community compress it in every layout.

    What a layout is worth depends on how many fills a trader has in a chunk: the tape
    wants some hundred, as on a day of 8 million fills of 30,000 traders.

    Parameters
    ----------
    env
        libpq variables of an empty database.
    tape
        Folder of Parquet files.
    scratch
        Folder for dbt's artifacts.
    rounds
        Repetitions of each read, of which the median counts.

    Returns
    -------
    list of Figure
        Bytes per fill: of the rows, and with their indexes; on Community of every
        layout, and the seconds to read the histories of some traders and a day of some
        coins, each against the uncompressed table.

    Raises
    ------
    RuntimeError
        A command fails, with what it printed, or a layout answers differently.
    """
    load(env, scratch, tape)
    with closing(connect(env)) as conn:
        conn.execute(f"vacuum (analyze) {FILLS.relation}")
        [[count]] = conn.execute(f"select count(*) from {FILLS.relation}").fetchall()
        rows, whole = (size / count for size in _bytes(conn))
        figures = [
            figure("storage_fill", rows, "B"),
            figure("storage_fill_with_indexes", whole, "B", "its row", rows),
        ]
        if edition(conn) == "community":
            figures += _layouts(conn, count, whole, rounds)
    return figures


def _bytes(conn: psycopg.Connection[Any]) -> tuple[int, int]:
    """Bytes of the table without and with its indexes, compressed chunks included."""
    if edition(conn) == "postgres":
        query = "select pg_table_size(%(table)s), pg_total_relation_size(%(table)s)"
    else:
        query = """
            select total_bytes - index_bytes, total_bytes
            from hypertable_detailed_size(%(table)s)
        """
    [(rows, whole)] = conn.execute(query, {"table": FILLS.relation}).fetchall()
    return rows, whole


def _layouts(
    conn: psycopg.Connection[Any], count: int, whole: float, rounds: int
) -> list[Figure]:
    users = _at_shares(conn, "user_address", TRADERS)
    coins = _at_shares(conn, "coin", COINS)
    [[latest]] = conn.execute(f"select max(time) from {FILLS.relation}").fetchall()
    day = latest // DAY_MS * DAY_MS
    reads: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "trader": (_TRADER, [(user,) for user in users]),
        "coin_day": (_COIN_DAY, [(coin, day, day + DAY_MS) for coin in coins]),
    }
    peer = {name: _read(conn, *read, rounds) for name, read in reads.items()}
    figures = []
    for layout in LAYOUTS:
        _compress(conn, layout)
        name = f"storage_fill_{layout.name}"
        size = _bytes(conn)[1] / count
        figures.append(figure(name, size, "B", "uncompressed, with indexes", whole))
        for read, (seconds, answer) in peer.items():
            found, same = _read(conn, *reads[read], rounds)
            if same != answer:
                raise RuntimeError(f"{layout.name} answers {read} differently")
            name = f"read_{read}_{layout.name}"
            figures.append(figure(name, found, "s", "uncompressed", seconds))
        conn.execute(
            f"select decompress_chunk(chunk) from show_chunks('{FILLS.relation}') chunk"
        )
    return figures


def _at_shares(
    conn: psycopg.Connection[Any], column: str, shares: tuple[float, ...]
) -> list[str]:
    """Return the values of a column at quantiles of their number of rows."""
    [[values]] = conn.execute(
        f"""
        select array_agg({column} order by fills, {column})
        from (select {column}, count(*) as fills from {FILLS.relation} group by 1) as t
        """
    ).fetchall()
    return [values[round(share * (len(values) - 1))] for share in shares]


def _compress(conn: psycopg.Connection[Any], layout: Layout) -> None:
    conn.execute(
        f"alter table {FILLS.relation} set (timescaledb.enable_columnstore,"
        f" timescaledb.segmentby = '{layout.segment_by}',"
        f" timescaledb.orderby = '{layout.order_by}')"
    )
    conn.execute(
        f"select compress_chunk(chunk) from show_chunks('{FILLS.relation}') as chunk"
    )
    conn.execute(f"vacuum (analyze) {FILLS.relation}")


def _read(
    conn: psycopg.Connection[Any],
    query: str,
    arguments: list[tuple[Any, ...]],
    rounds: int,
) -> tuple[float, list[list[tuple[Any, ...]]]]:
    """Return the median seconds of one read, and what all of them answered."""
    answers = [sorted(conn.execute(query, each).fetchall()) for each in arguments]
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        for each in arguments:
            conn.execute(query, each).fetchall()
        seconds.append((time.perf_counter() - start) / len(arguments))
    return statistics.median(seconds), answers
