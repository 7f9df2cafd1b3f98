"""What later loads do to candles: exactly what they touch, at every level."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from candle_project import LEVELS, START, CandleProject, candle_project, tape
from conftest import Database
from rollup_project import CATALOG_STATE, is_native
from tick_loading import OTHER_VENUE, VENUE, in_milliseconds

TAPE = tape(2_400, seed=3)
# The ranges that a refresh for all loads would do.
RANGES = """
{%- if execute -%}
{%- set loads = run_query('select load_id from ingestion.load_log').columns[0] -%}
{%- set spec = {
    'source': 'market_data.btc_ticks', 'time_column': 'ts', 'time_unit': none,
    'parent': none, 'bucket_interval': '100 milliseconds',
} -%}
{{ touched_ranges(spec, loads.values() | list) | length }}
{%- endif -%}
"""
# The third is late.
PIECES = (TAPE[:800], TAPE[1200:1800], TAPE[800:1200], TAPE[1800:])


@pytest.fixture
def project(tmp_path: Path, database: Database) -> Iterator[CandleProject]:
    with candle_project(tmp_path, database.conninfo) as made:
        yield made


def test_nothing_new_means_no_work(project: CandleProject) -> None:
    project.load_trades(TAPE)
    project.run("--select", "rollups")
    before = project.row_versions(), project.query(CATALOG_STATE)
    messages = project.run("--select", "rollups")
    assert {messages[name] for name in LEVELS} == {"REFRESH 0"}
    assert (project.row_versions(), project.query(CATALOG_STATE)) == before


def test_late_loads_are_taken_in_at_every_level(project: CandleProject) -> None:
    for piece in PIECES:
        project.load_trades(piece)
        messages = project.run("--select", "rollups")
        assert "REFRESH 0" not in {messages[name] for name in LEVELS}
        assert project.all_candles() == project.expected()
    assert len(project.candles("btc_ohlcv_5m")) >= 3


def test_a_late_load_leaves_other_windows_alone(project: CandleProject) -> None:
    day = timedelta(days=1)
    project.load_trades(tape(600, seed=4))
    project.load_trades(tape(600, seed=5, start=START + 2 * day, first_id=500_000))
    project.run("--select", "rollups")
    elsewhere = f"bucket >= '{START + day}'"
    before = project.row_versions(elsewhere)
    assert {name for name, *_ in before} == set(LEVELS)
    touched = project.row_versions(f"not ({elsewhere})")

    late = tape(5, seed=6, start=START + timedelta(seconds=1))
    project.load_trades(late, OTHER_VENUE)
    project.run("--select", "rollups")
    assert project.row_versions(elsewhere) == before
    assert project.all_candles() == project.expected()
    if not is_native(project):
        # There the server replaces a bucket of all venues; here only rows that differ.
        assert project.row_versions(f"not ({elsewhere})") >= touched


def test_replays_write_nothing(project: CandleProject) -> None:
    project.load_trades(TAPE)
    project.run("--select", "rollups")
    before = project.row_versions()
    candles = project.all_candles()
    project.load_trades(TAPE[:900])
    as_microseconds = [row._replace(ts=f"{row.ts}000") for row in TAPE[100:]]
    assert in_milliseconds(as_microseconds)[0].ts == TAPE[100].ts
    project.load_trades(as_microseconds)
    messages = project.run("--select", "rollups")
    assert {messages[name] for name in LEVELS} == {"REFRESH 0"}
    assert project.row_versions() == before
    assert project.all_candles() == candles


def test_many_small_loads_in_any_order_equal_one(
    project: CandleProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A load of its own for every 50 lines, each with its line in the log.
    monkeypatch.setattr("loaders.lines.BATCH_LINES", 50)
    pieces = [TAPE[start : start + 300] for start in range(0, len(TAPE), 300)]
    random.Random(7).shuffle(pieces)
    for piece in pieces[:4]:
        project.load_trades(piece)
    project.run("--select", "rollups")
    for piece in pieces[4:]:
        project.load_trades(piece)
    [(loads,)] = project.query("select count(*) from ingestion.load_log")
    assert loads >= 48
    messages = project.run("--select", "rollups")
    if is_native(project):
        assert messages["btc_ohlcv_1s"].endswith("loads")
    assert project.all_candles() == project.expected()
    [(applied,)] = project.query(
        "select count(*) from ingestion.applied_loads"
        " where consumer = 'market_data.btc_ohlcv_5m'"
    )
    assert applied == loads
    # All of them in neighbouring hours: one refresh, not one for each load.
    compiled = project.invoke("compile", "--inline", RANGES)
    assert compiled.success, compiled.exception
    assert compiled.result[0].node.compiled_code.strip() == "1"


def test_another_large_trade_rebuilds_the_candles(project: CandleProject) -> None:
    project.load_trades(TAPE)
    project.run("--select", "rollups")
    one = project.candles("btc_ohlcv_5m")
    project.run("--select", "rollups", "--vars", "{large_trade_btc: 0.1}")
    tenth = project.candles("btc_ohlcv_5m")
    assert {key: candle[:10] for key, candle in tenth.items()} == {
        key: candle[:10] for key, candle in one.items()
    }
    assert all(tenth[key][10] >= one[key][10] for key in one)
    assert tenth != one
    assert {venue for _, venue in tenth} == {VENUE}
