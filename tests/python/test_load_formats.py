"""Both formats, every way a column may come, local paths."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading import (
    START,
    archive,
    archive_lines,
    content,
    count,
    fill,
    fills,
    last_load,
    load,
    loaded,
    parquet,
)

from devdb.conninfo import PROJECT_DIR

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]

REAL_FILLS = PROJECT_DIR.parent / "shared/data/hyperliquid/fills_active.json"

LIQUIDATION = {"liquidatedUser": "0xCd", "markPx": "59000.1", "method": "market"}


def one(db: Database, columns: str) -> tuple[Any, ...]:
    row = db.execute(f"select {columns} from hyperliquid.fills").fetchone()
    assert row is not None
    return row


def test_values_arrive_exactly(loading_db: Database, tmp_path: Path) -> None:
    row = fill(
        px="123456789.000000000000000001",
        sz="1e-05",
        startPosition="-0.10",
        user="0xABCDEF",
        cloid="",
        hash=None,
        feeToken='we"ird,\n',
        builderFee="0.01",
        twapId=7,
        liquidation=LIQUIDATION,
        block_time=START * 1000,
    )
    loaded(parquet(tmp_path / "a.parquet", [row]))
    assert one(
        loading_db,
        "time, user_address, px::text, sz, start_position::text, cloid, hash, "
        "fee_token, builder_fee, twap_id, liquidation, extract(epoch from block_time), "
        "block_number, builder, crossed",
    ) == (
        START,
        "0xabcdef",
        "123456789.000000000000000001",
        Decimal("0.00001"),
        "-0.10",
        "",
        None,
        'we"ird,\n',
        Decimal("0.01"),
        7,
        LIQUIDATION,
        Decimal(START) / 1000,
        None,
        None,
        True,
    )


def test_formats_bring_the_same_rows(loading_db: Database, tmp_path: Path) -> None:
    rows = fills(20)
    loaded(parquet(tmp_path / "a.parquet", rows))
    from_parquet = content(loading_db)
    loading_db.execute("truncate hyperliquid.fills, ingestion.stream_offsets")
    loaded(archive(tmp_path / "0.lz4", archive_lines(rows)))
    assert content(loading_db) == from_parquet
    assert len(from_parquet) == 20


def test_archive_keeps_block_and_order(loading_db: Database, tmp_path: Path) -> None:
    rows = [fill(0, tid=tid) for tid in (9, 3, 7)]
    rows[1]["liquidation"] = LIQUIDATION
    loaded(archive(tmp_path / "7.lz4", archive_lines(rows)))
    found = loading_db.execute(
        "select tid, block_number, event_index, liquidation, block_time::text"
        " from hyperliquid.fills order by event_index"
    ).fetchall()
    stamp = "2025-09-01 00:00:00.123456+00"
    assert found == [
        (9, 700_000_000, 0, None, stamp),
        (3, 700_000_000, 1, LIQUIDATION, stamp),
        (7, 700_000_000, 2, None, stamp),
    ]


def test_table_names_are_accepted(loading_db: Database, tmp_path: Path) -> None:
    renamed = {
        "user": "user_address",
        "startPosition": "start_position",
        "closedPnl": "closed_pnl",
    }
    row = {renamed.get(name, name): value for name, value in fill().items()}
    loaded(parquet(tmp_path / "a.parquet", [row]))
    assert one(loading_db, "start_position") == (Decimal("-0.25"),)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.decimal128(38, 18), Decimal("0.001")),
        (pa.large_string(), "0.001"),
        (pa.dictionary(pa.int32(), pa.string()), "0.001"),
    ],
)
def test_types_of_a_decimal(
    loading_db: Database, tmp_path: Path, kind: pa.DataType, value: Any
) -> None:
    loaded(parquet(tmp_path / "a.parquet", [fill(sz=value)], {"sz": kind}))
    assert one(loading_db, "sz") == (Decimal("0.001"),)


def test_integer_price(loading_db: Database, tmp_path: Path) -> None:
    loaded(parquet(tmp_path / "a.parquet", [fill(px=60_000)], {"px": pa.int64()}))
    assert one(loading_db, "px") == (60_000,)


def test_scientific_zero_of_a_decimal_column(
    loading_db: Database, tmp_path: Path
) -> None:
    kind = pa.decimal128(38, 18)
    row = fill(closedPnl=Decimal(0), fee=Decimal("-1E-18"))
    loaded(parquet(tmp_path / "a.parquet", [row], {"closedPnl": kind, "fee": kind}))
    assert one(loading_db, "closed_pnl, fee") == (0, Decimal("-1E-18"))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_time_as_timestamp(loading_db: Database, tmp_path: Path, unit: str) -> None:
    per_ms = {"ms": 1, "us": 1_000, "ns": 1_000_000}[unit]
    row = fill(time=START * per_ms + per_ms // 2)
    loaded(parquet(tmp_path / "a.parquet", [row], {"time": pa.timestamp(unit, "UTC")}))
    assert one(loading_db, "time") == (START,)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.string(), "2025-09-01T00:00:00.000000999"),
        (pa.string(), "2025-09-01T00:00:00Z"),
        (pa.int64(), START),
        (pa.timestamp("ns"), START * 1_000_000 + 999),
    ],
)
def test_block_time(
    loading_db: Database, tmp_path: Path, kind: pa.DataType, value: Any
) -> None:
    row = fill(block_time=value)
    loaded(parquet(tmp_path / "a.parquet", [row], {"block_time": kind}))
    assert one(loading_db, "extract(epoch from block_time)") == (START // 1000,)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(json.dumps(LIQUIDATION), LIQUIDATION), ("null", None), (None, None)],
)
def test_liquidation_as_json_text(
    loading_db: Database, tmp_path: Path, value: str | None, expected: Any
) -> None:
    row = fill(liquidation=value)
    loaded(parquet(tmp_path / "a.parquet", [row], {"liquidation": pa.string()}))
    assert one(loading_db, "liquidation") == (expected,)


def test_empty_liquidation_struct_is_null(loading_db: Database, tmp_path: Path) -> None:
    empty = dict.fromkeys(LIQUIDATION)
    loaded(parquet(tmp_path / "a.parquet", [fill(liquidation=empty)]))
    assert one(loading_db, "liquidation is null") == (True,)


def test_twap_id_as_pandas_writes_it(loading_db: Database, tmp_path: Path) -> None:
    rows = [fill(0, twapId=12.0), fill(1, twapId=None), fill(2, twapId=float("nan"))]
    loaded(parquet(tmp_path / "a.parquet", rows, {"twapId": pa.float64()}))
    found = loading_db.execute("select twap_id from hyperliquid.fills order by time")
    assert found.fetchall() == [(12,), (None,), (None,)]


def test_unknown_columns_are_named_once(
    loading_db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "ab":
        parquet(tmp_path / f"{name}.parquet", [fill(ord(name), mood="good")])
    loaded(tmp_path, "--workers", 1)
    assert [r.getMessage() for r in caplog.records if "mood" in r.getMessage()] == [
        "columns without a meaning here, ignored: mood"
    ]
    assert count(loading_db) == 2


def test_folder_glob_and_file_name_each_object_once(
    loading_db: Database, tmp_path: Path
) -> None:
    parquet(tmp_path / "20250901/0.parquet", fills(3))
    parquet(tmp_path / "20250901/01.parquet", fills(3, first=3))
    archive(tmp_path / "hourly/20250902/10.lz4", archive_lines(fills(3, first=6)))
    archive(tmp_path / "hourly/20250902/09.lz4", archive_lines(fills(3, first=9)))
    (tmp_path / "_SUCCESS").touch()
    result = loaded(
        tmp_path,
        tmp_path / "**" / "*.parquet",
        tmp_path / "20250901/0.parquet",
    )
    assert "4 loaded, 0 skipped" in result.output
    assert count(loading_db) == 12


def test_dry_run_lists_hours_in_order(loading_db: Database, tmp_path: Path) -> None:
    for hour in ("10", "9", "02"):
        archive(tmp_path / f"{hour}.lz4", archive_lines(fills(1)))
    lines = loaded(tmp_path, "--dry-run").output.splitlines()
    assert [Path(line.split()[0]).name for line in lines] == [
        "02.lz4",
        "9.lz4",
        "10.lz4",
    ]
    assert count(loading_db) == 0


def test_format_picks_and_overrides(loading_db: Database, tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", fills(2))
    archive(tmp_path / "0.lz4", archive_lines(fills(5)))
    loaded(tmp_path, "--format", "parquet")
    assert count(loading_db) == 2
    odd = (tmp_path / "0.lz4").rename(tmp_path / "hour.data")
    assert "name its --format" in load(odd).output
    loaded(odd, "--format", "archive")
    assert count(loading_db) == 5


def test_empty_objects_load_nothing(loading_db: Database, tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", [fill()])
    table = pq.read_table(tmp_path / "a.parquet").slice(0, 0)
    pq.write_table(table, tmp_path / "a.parquet")
    archive(tmp_path / "0.lz4", [b'{"block_number":1,"block_time":"x","events":[]}'])
    result = loaded(tmp_path)
    assert "2 loaded" in result.output
    assert last_load(loading_db) == (0, 0, 0, 0)


def test_archive_of_two_frames(loading_db: Database, tmp_path: Path) -> None:
    first = archive(tmp_path / "0.lz4", archive_lines(fills(2)))
    second = archive(tmp_path / "x", archive_lines(fills(2, first=2)))
    first.write_bytes(first.read_bytes() + second.read_bytes())
    loaded(first)
    assert count(loading_db) == 4


def test_nothing_found_is_an_error(loading_db: Database, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.parquet", tmp_path / "*.lz4"):
        result = load(path)
        assert result.exit_code == 1
        assert "nothing found" in result.output


@pytest.mark.skipif(not REAL_FILLS.exists(), reason=f"{REAL_FILLS} is not there")
def test_real_fills_in_both_formats(loading_db: Database, tmp_path: Path) -> None:
    recorded = orjson.loads(REAL_FILLS.read_bytes())
    user = {"user": recorded["request"]["user"]}
    # Recorded by a clock ahead of ours, perhaps: a year earlier is in the past.
    year_ms = 365 * 86_400_000
    rows = [
        user | row | {"time": row["time"] - year_ms} for row in recorded["response"]
    ]
    loaded(archive(tmp_path / "0.lz4", archive_lines(rows)))
    total = one(loading_db, "count(*), sum(closed_pnl), sum(fee), count(hash)")
    assert total == (
        len(rows),
        sum(Decimal(row["closedPnl"]) for row in rows),
        sum(Decimal(row["fee"]) for row in rows),
        len(rows),
    )
    loaded(parquet(tmp_path / "a.parquet", rows))
    assert last_load(loading_db) == (len(rows), 0, len(rows), 0)
