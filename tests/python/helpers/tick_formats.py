"""How the tests of the tick formats read files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from loaders.ticks.chunk import TICK_SCHEMA, DecoderOptions, TickChunk
from loaders.ticks.decode import decode as decode_file
from loaders.ticks.objects import detect
from pgio.connection import PROJECT_DIR

FIXTURES = PROJECT_DIR / "tests/python/fixtures/ticks"
RECORDINGS = PROJECT_DIR.parent / "shared" / "data" / "binance_spot"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Tick(NamedTuple):
    ts: datetime
    source_seq: int
    price: Decimal
    volume: Decimal
    side: int
    flags: str | None = None


def tick(
    ts: str, seq: int, price: str, volume: str, side: int, flags: str | None = None
) -> Tick:
    moment = datetime.fromisoformat(ts)
    return Tick(moment, seq, Decimal(price), Decimal(volume), side, flags)


def decode(path: Path, name: str | None = None, **options: object) -> list[TickChunk]:
    said = DecoderOptions(**options)  # type: ignore[arg-type]
    return list(decode_file(name or detect(path), path, said))


def decode_text(
    folder: Path, content: str | bytes, name: str | None = None, **options: object
) -> list[TickChunk]:
    path = folder / "object"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return decode(path, name, **options)


def ticks(chunks: Iterable[TickChunk]) -> list[Tick]:
    found = []
    for chunk in chunks:
        assert chunk.rows.schema == TICK_SCHEMA
        times = chunk.rows["ts"].cast("int64").to_pylist()
        for row, time in zip(chunk.rows.to_pylist(), times, strict=True):
            found.append(
                Tick(
                    EPOCH + timedelta(microseconds=time),
                    row["source_seq"],
                    Decimal(row["price"]),
                    Decimal(row["volume"]),
                    row["side"],
                    row["microstructure_flags"],
                )
            )
    return found


def complaints(chunks: Iterable[TickChunk]) -> dict[int, str]:
    return {row.row_number: row.reason for chunk in chunks for row in chunk.bad}


def skipped(chunks: Iterable[TickChunk]) -> int:
    return sum(chunk.rows_skipped for chunk in chunks)
