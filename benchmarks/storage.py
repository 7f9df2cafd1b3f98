"""Disk space of a fill, and the main reads of the columnstore."""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg

from benchmarks.bench import Bench
from benchmarks.scoreboard import Figure, figure
from devdb.database import edition
from loaders.fills import FILLS

#: Few days: a columnstore helps where a trader has some hundred fills a day.
DAYS = 5
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


def measure(bench: Bench) -> list[Figure]:
    """Load a tape and weigh it; on Community also as the columnstore has it.

    Bytes per fill: of the rows, with their indexes, and in the columnstore, as the
    source's YAML orders it; and the seconds to read the histories of some traders and a
    day of some coins from there, against the uncompressed table.

    Raises
    ------
    RuntimeError
        A command fails, with what it printed, or the columnstore answers differently.
    """
    tape = bench.tape(bench.sizes.fills, days=DAYS)
    with bench.database("storage") as database:
        database.create_sources()
        database.load("fills", tape / "parquet")
        with database.connect() as conn:
            conn.execute(f"vacuum (analyze) {FILLS.relation}")
            [[count]] = conn.execute(
                f"select count(*) from {FILLS.relation}"
            ).fetchall()
            rows, whole = (size / count for size in _bytes(conn))
            figures = [
                figure("storage_fill", rows, "B"),
                figure("storage_fill_with_indexes", whole, "B", "its row", rows),
            ]
            if edition(conn) == "community":
                figures += _columnstore(bench, conn, count, whole)
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


def _columnstore(
    bench: Bench, conn: psycopg.Connection[Any], count: int, whole: float
) -> list[Figure]:
    users = _at_shares(conn, "user_address", TRADERS)
    coins = _at_shares(conn, "coin", COINS)
    [[latest]] = conn.execute(f"select max(time) from {FILLS.relation}").fetchall()
    day = latest // DAY_MS * DAY_MS
    reads: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "trader": (_TRADER, [(user,) for user in users]),
        "coin_day": (_COIN_DAY, [(coin, day, day + DAY_MS) for coin in coins]),
    }

    def read(name: str) -> list[list[tuple[Any, ...]]]:
        query, arguments = reads[name]
        return [sorted(conn.execute(query, each).fetchall()) for each in arguments]

    def seconds() -> dict[str, float]:
        return {
            name: bench.median_seconds(partial(read, name)) / len(arguments)
            for name, (_, arguments) in reads.items()
        }

    before, answers = seconds(), {name: read(name) for name in reads}
    conn.execute(
        f"select compress_chunk(chunk) from show_chunks('{FILLS.relation}') as chunk"
    )
    conn.execute(f"vacuum (analyze) {FILLS.relation}")
    if answers != {name: read(name) for name in reads}:
        raise RuntimeError("the columnstore answers differently")
    after, size = seconds(), _bytes(conn)[1] / count
    stored = "uncompressed, with indexes", whole
    return [
        figure("storage_fill_columnstore", size, "B", *stored),
        *(
            figure(f"read_{n}_columnstore", after[n], "s", "uncompressed", before[n])
            for n in reads
        ),
    ]


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
