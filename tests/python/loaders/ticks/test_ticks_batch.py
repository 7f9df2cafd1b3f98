"""Batches before the database: gaps, void ids, what waits for a later chunk."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from loaders.errors import ObjectError
from loaders.ticks.batch import Batch, make_batch
from loaders.ticks.chunk import TICK_SCHEMA, Stream, TickChunk
from loaders.ticks.instants import from_us, utc_text, window_of
from loaders.ticks.prepared import Prepared, prepare

START_US = 1_723_161_600_000_000
STREAM = Stream("binance_usdm", "BTCUSDT", "trade")


def _rows(ids: Sequence[int], flags: dict[int, str] | None = None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "ts": [from_us(START_US + number * 100_000) for number in ids],
            "source_seq": list(ids),
            "price": ["60000.1"] * len(ids),
            "volume": ["0.5"] * len(ids),
            "side": [1] * len(ids),
            "microstructure_flags": [(flags or {}).get(number) for number in ids],
        },
        TICK_SCHEMA,
    )


def _sent(batch: Batch) -> dict[int, dict[str, str]]:
    """What goes to COPY, by id."""
    gaps = batch.runs.gaps_before(batch.runs.first)
    columns, content = batch.csv("binance_usdm", 7, gaps)
    text = content.to_pybytes().decode()
    rows = [
        dict(zip(columns, row, strict=True)) for row in csv.reader(io.StringIO(text))
    ]
    return {int(row["source_seq"]): row for row in rows}


def _gaps(batch: Batch) -> dict[int, int]:
    return {
        number: orjson.loads(row["microstructure_flags"])["gap_before"]
        for number, row in _sent(batch).items()
        if row.get("microstructure_flags")
    }


def test_rows_carry_their_window_venue_and_load() -> None:
    batch = make_batch(_rows([2999, 3000, 1]))
    assert batch is not None
    sent = _sent(batch)
    assert {row["exchange"] for row in sent.values()} == {"binance_usdm"}
    assert {row["load_id"] for row in sent.values()} == {"7"}
    windows = {number: row["window_start"] for number, row in sent.items()}
    assert windows[1] == windows[2999] == "2024-08-09 00:00:00Z"
    assert windows[3000] == "2024-08-09 00:05:00Z"
    assert batch.windows == [from_us(START_US), from_us(START_US + 300_000_000)]


@pytest.mark.parametrize("ids", [[1, 2, 5, 6, 9], [9, 1, 6, 5, 2]])
def test_gaps_stand_on_the_tick_behind_them(ids: list[int]) -> None:
    batch = make_batch(_rows(ids))
    assert batch is not None
    assert _gaps(batch) == {5: 2, 9: 2}


def test_gaps_join_what_the_recording_said() -> None:
    said = '{"first_trade_id": 5, "last_trade_id": 8}'
    batch = make_batch(_rows([1, 5, 9], {5: said, 9: "{}"}))
    assert batch is not None
    sent = _sent(batch)
    assert orjson.loads(sent[5]["microstructure_flags"]) == {
        "gap_before": 3,
        **orjson.loads(said),
    }
    assert orjson.loads(sent[9]["microstructure_flags"]) == {"gap_before": 3}
    assert not sent[1]["microstructure_flags"]


def test_void_ids_are_no_gap() -> None:
    batch = make_batch(_rows([3, 4, 7, 12]), void_ids=[1, 2, 5, 6, 9, 14])
    assert batch is not None
    runs = list(zip(batch.runs.first.tolist(), batch.runs.last.tolist(), strict=True))
    assert runs == [(1, 7), (9, 9), (12, 12), (14, 14)]
    # 8, and 10 and 11: three are missing before 12; what is before 14 has no tick.
    assert _gaps(batch) == {12: 3}
    assert batch.runs.first_us[0] == START_US + 300_000  # of the tick beside it


def _chunk(ids: Sequence[int], void_ids: Sequence[int] = (), **more: Any) -> TickChunk:
    stream = more.pop("stream", STREAM)
    return TickChunk(stream, _rows(ids), 10, 0, 1.0, void_ids=list(void_ids), **more)


def _prepared(chunks: Sequence[TickChunk], committed: int = 0) -> list[Prepared]:
    return list(prepare(chunks, committed, itertools.count(1).__next__))


@pytest.mark.parametrize("committed", [0, 10, 20])
def test_void_ids_and_books_wait_for_a_chunk_to_be_written_with(committed: int) -> None:
    window = datetime(2024, 8, 9, tzinfo=UTC)
    chunks = [
        _chunk([], stream=None, books={window: {"quote_count": 1}}),
        _chunk([], [1, 2], stream=None),
        _chunk([3, 4]),
        _chunk([5]),
    ]
    prepared = _prepared(chunks, committed)
    assert len(prepared) == 4 - committed // 10
    first, second = prepared[-2:]
    assert first.ticks is not None
    assert second.ticks is not None
    assert first.books == {window: {"quote_count": 1}}
    assert first.ticks.runs.first.tolist() == [1]
    assert (second.books, list(second.ticks.void_ids)) == ({}, [])


def test_committed_chunks_are_left_out() -> None:
    chunks = [_chunk([1]), _chunk([2]), _chunk([3])]
    assert [p.ticks.first_id for p in _prepared(chunks, 20) if p.ticks] == [3]
    # Cut differently than before: the one that straddles comes once more.
    assert [p.ticks.first_id for p in _prepared(chunks, 15) if p.ticks] == [2, 3]


def test_nothing_is_no_batch() -> None:
    assert make_batch(_rows([])) is None


def test_orders_within_the_tolerance() -> None:
    rows = _rows([1, 2, 3])
    times = np.array([0, 60_000_000, 0]) + START_US
    column = pa.array(times).cast(TICK_SCHEMA.field("ts").type)
    assert make_batch(rows.set_column(0, TICK_SCHEMA.field("ts"), column)) is not None
    times[2] -= 1
    column = pa.array(times).cast(TICK_SCHEMA.field("ts").type)
    with pytest.raises(ObjectError, match=r"3 is of 2024-08-08 23:59:59\.999999Z"):
        make_batch(rows.set_column(0, TICK_SCHEMA.field("ts"), column))


def test_windows_and_texts_before_the_epoch_and_after() -> None:
    assert window_of(from_us(-1)) == from_us(-300_000_000)
    assert window_of(from_us(299_999_999)) == from_us(0)
    assert utc_text(from_us(1)) == "1970-01-01 00:00:00.000001Z"
    assert utc_text(from_us(5000)) == "1970-01-01 00:00:00.005Z"
