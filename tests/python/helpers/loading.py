"""Files of fills and ways to run the loader, for the modules test_load_*."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import lz4.frame
import orjson
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner, Result

from loaders.load_to_db import main

START = 1_756_684_800_000  # 2025-09-01 00:00 UTC, ms
USER = "0x" + "ab" * 20

_LIQUIDATION = pa.struct(
    [("liquidatedUser", pa.string()), ("markPx", pa.string()), ("method", pa.string())]
)
ARROW_TYPES: dict[str, pa.DataType] = {
    "time": pa.int64(),
    "crossed": pa.bool_(),
    "oid": pa.int64(),
    "tid": pa.int64(),
    "twapId": pa.int64(),
    "liquidation": _LIQUIDATION,
    "block_time": pa.timestamp("us"),
}


LOADER_TABLES = (
    "hyperliquid.fills",
    "hyperliquid.asset_ctxs",
    "hyperliquid.funding_rates",
    "ingestion.load_log",
    "ingestion.quarantine",
    "ingestion.stream_offsets",
)


def fill(number: int = 0, **changes: Any) -> dict[str, Any]:
    """One valid fill, different for every number, in the exchange's names."""
    return {
        "time": START + number * 1000,
        "user": USER,
        "coin": "BTC",
        "px": f"{60_000 + number}.5",
        "sz": "0.001",
        "side": "BA"[number % 2],
        "dir": "Open Long",
        "startPosition": "-0.25",
        "closedPnl": "0.0",
        "fee": "-0.000001",
        "crossed": number % 3 == 0,
        "oid": 1000 + number,
        "tid": 500_000 + number,
    } | changes


def fills(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [fill(number) for number in range(first, first + count)]


def parquet(
    path: Path, rows: list[dict[str, Any]], types: dict[str, pa.DataType] | None = None
) -> Path:
    """Write rows as Parquet; columns are those of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = ARROW_TYPES | (types or {})
    arrays = {
        name: pa.array([row.get(name) for row in rows], known.get(name, pa.string()))
        for name in rows[0]
    }
    pq.write_table(pa.table(arrays), path)
    return path


def archive_lines(rows: Iterable[dict[str, Any]]) -> list[bytes]:
    """Blocks of the exchange's archive, one for each time."""
    lines = []
    for number, (time, block) in enumerate(groupby(rows, key=lambda r: r["time"])):
        events = [
            [row["user"], {k: v for k, v in row.items() if k != "user"}]
            for row in block
        ]
        stamp = f"2025-09-01T00:00:{number % 60:02d}.123456789"
        lines.append(
            orjson.dumps(
                {
                    "local_time": stamp,
                    "block_time": stamp,
                    "block_number": 700_000_000 + (time - START) // 1000,
                    "events": events,
                }
            )
        )
    return lines


def archive(path: Path, lines: Iterable[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lz4.frame.compress(b"\n".join(lines) + b"\n"))
    return path


def load(*arguments: object, command: str = "fills") -> Result:
    """Run the loader on the test's database, in this process."""
    return CliRunner().invoke(main, [command, *map(str, arguments)])


def loaded(*arguments: object, command: str = "fills") -> Result:
    """Run the loader and expect that it succeeds."""
    result = load(*arguments, command=command)
    assert result.exit_code == 0, result.output
    return result


def count(db: psycopg.Connection[Any], table: str = "hyperliquid.fills") -> int:
    row = db.execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])


def content(db: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return all fills in order, without columns that differ from load to load."""
    return db.execute(
        """
        select time, user_address, coin, px::text, sz::text, side, dir,
            start_position::text, closed_pnl::text, fee::text, crossed, oid, tid
        from hyperliquid.fills order by time, user_address, coin, side, tid, oid
        """
    ).fetchall()


def last_load(db: psycopg.Connection[Any]) -> tuple[int, int, int, int]:
    """Rows read, loaded, duplicate and quarantined of the last load."""
    row = db.execute(
        """
        select rows_read, rows_loaded, rows_duplicate, rows_quarantined
        from ingestion.load_log order by load_id desc limit 1
        """
    ).fetchone()
    assert row is not None
    return row


def is_untouched(db: psycopg.Connection[Any]) -> bool:
    """Say whether no table of the loader holds a row."""
    return not any(count(db, table) for table in LOADER_TABLES)
