"""Files of ticks and ways to run the loader, for the modules test_ticks_load_*."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from click.testing import CliRunner, Result

from loaders.load_to_db import main
from pgio.connection import PROJECT_DIR

Database = psycopg.Connection[Any]

START = datetime(2024, 8, 9, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
WINDOW = timedelta(minutes=5)
STEP_US = 250_000
#: Trades in a window: ids from 1000 on, four a second.
PER_WINDOW = 1200
FIRST_ID = 1000
#: A venue whose ids count up by one, and one of which that is not known.
VENUE = "binance_spot"
OTHER_VENUE = "elsewhere"

#: The loader as a process, with chunks so small that an interrupt has many to hit.
SMALL_CHUNKS = (
    "import sys, loaders.lines as lines; lines.BATCH_LINES = 1000; "
    "from loaders.load_to_db import main; main()"
)


class Trade(NamedTuple):
    """One trade as a line of the generic CSV."""

    ts: str
    source_seq: int
    price: str
    volume: str
    side: str


def trade(number: int, **changes: Any) -> Trade:
    """One trade, different for every number; times are µs, as digits."""
    made = Trade(
        str(START_US + number * STEP_US + number % 7),
        FIRST_ID + number,
        f"{60_000 + number % 500}.{number % 100:02d}",
        f"0.{number % 9_000 + 1:05d}",
        ("buy", "sell")[number % 2],
    )
    return made._replace(**changes)


def trades(count: int, first: int = 0) -> list[Trade]:
    return [trade(number) for number in range(first, first + count)]


def in_milliseconds(rows: Iterable[Trade]) -> list[Trade]:
    """Return the same trades as another source writes them: ms, and other zeros."""
    return [
        row._replace(ts=row.ts[:-3], price=f"{row.price}0", volume=f"{row.volume}00")
        for row in rows
    ]


def tick_csv(path: Path, rows: Iterable[Trade]) -> Path:
    """Write trades as a generic CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(Trade._fields), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def spot_csv(path: Path, rows: Sequence[Trade]) -> Path:
    """Write trades as Binance publishes them for spot, without a header."""
    lines = [
        f"{row.source_seq},{row.price},{row.volume},1.0,{row.ts},"
        f"{row.side == 'sell'},True"
        for row in rows
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def spot_aggregates_csv(path: Path, rows: Sequence[Trade]) -> Path:
    """Write each trade as an aggregate of one trade, in Binance's format."""
    lines = [
        f"{row.source_seq},{row.price},{row.volume},{row.source_seq},{row.source_seq},"
        f"{row.ts},{row.side == 'sell'},True"
        for row in rows
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def load_ticks(*arguments: object) -> Result:
    """Run the loader on the test's database, in this process."""
    return CliRunner().invoke(main, ["ticks", *map(str, arguments)])


def loaded(*arguments: object, exchange: str | None = VENUE) -> Result:
    """Run the loader and expect that it succeeds."""
    named = () if exchange is None else ("--exchange", exchange)
    result = load_ticks(*arguments, *named)
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments: object, exchange: str | None = VENUE) -> str:
    """Run the loader, expect that an object fails, and return what it says."""
    named = () if exchange is None else ("--exchange", exchange)
    result = load_ticks(*arguments, *named)
    assert result.exit_code == 1, result.output
    assert "1 failed" in result.output
    return next(li for li in result.output.splitlines() if li.startswith("failed: "))


def start_loader(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Run it as a process with small chunks."""
    return subprocess.Popen(
        [sys.executable, "-c", SMALL_CHUNKS, "ticks", *map(str, arguments)],
        cwd=PROJECT_DIR,
        env=os.environ | options.pop("env", {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def slow_commits(db: Database, seconds: float) -> Iterator[None]:
    """Hold up each batch before its commit.

    So the loader cannot end before the test stops it, also on a busy machine.
    """
    db.execute(
        f"""
        create function ingestion.wait_a_little() returns trigger language plpgsql as $$
        begin
            perform pg_sleep({seconds});
            return new;
        end $$;
        create trigger wait_a_little before insert or update on ingestion.load_log
        for each row execute function ingestion.wait_a_little()
        """
    )
    try:
        yield
    finally:
        db.execute("drop function ingestion.wait_a_little cascade")


def ticks(db: Database, exchange: str = VENUE) -> list[tuple[Any, ...]]:
    """All ticks of a venue in the order of their ids, without what a load adds."""
    return db.execute(
        """
        select source_seq, ts, window_start, price::text, volume::text, side
        from market_data.btc_ticks where exchange = %s order by source_seq, ts
        """,
        (exchange,),
    ).fetchall()


def expected(rows: Iterable[Trade]) -> list[tuple[Any, ...]]:
    """What `ticks` returns of trades in µs."""
    made = []
    for row in sorted(rows, key=lambda row: row.source_seq):
        ts = START + timedelta(microseconds=int(row.ts) - START_US)
        window = START + (ts - START) // WINDOW * WINDOW
        price, volume = f"{float(row.price):.8f}", f"{float(row.volume):.12f}"
        side = {"buy": 1, "sell": -1}[row.side]
        made.append((row.source_seq, ts, window, price, volume, side))
    return made


def runs(db: Database, exchange: str = VENUE) -> list[tuple[int, int]]:
    return db.execute(
        "select seq_from, seq_to from ingestion.sequence_runs where stream = %s"
        " order by seq_from",
        (exchange,),
    ).fetchall()


def statuses(db: Database, exchange: str = VENUE) -> dict[int, str]:
    """Status by window, numbered from `START` on."""
    rows = db.execute(
        "select window_start, status from market_data.window_5m where exchange = %s",
        (exchange,),
    ).fetchall()
    return {(start - START) // WINDOW: status for start, status in sorted(rows)}


def log_totals(db: Database) -> tuple[int, int, int, int, int]:
    """Rows read, loaded, duplicate, quarantined and skipped of all loads."""
    row = db.execute(
        """
        select sum(rows_read)::int, sum(rows_loaded)::int, sum(rows_duplicate)::int,
            sum(rows_quarantined)::int, sum(rows_skipped)::int
        from ingestion.load_log where relation = 'market_data.btc_ticks'
        """
    ).fetchone()
    assert row is not None
    return row


def is_consistent(db: Database) -> None:
    """Assert what holds after every commit, however the loader was stopped."""
    row = db.execute(
        """
        select
            (select count(*) from market_data.btc_ticks),
            (select coalesce(sum(rows_loaded), 0) from ingestion.load_log),
            (select count(*) from (
                select from market_data.btc_ticks group by exchange, source_seq
            ) as distinct_ids),
            (select count(*) from market_data.btc_ticks as t where not exists (
                select from market_data.window_5m as w
                where (w.window_start, w.exchange) = (t.window_start, t.exchange)
            )),
            (select coalesce(sum(rows_read), 0) from ingestion.load_log),
            (select coalesce(sum(last_sequence), 0) from ingestion.stream_offsets
                where state ? 'etag')
        """
    ).fetchone()
    assert row is not None
    stored, logged, distinct, without_window, read, taken = row
    assert stored == logged == distinct
    assert without_window == 0
    assert read == taken
