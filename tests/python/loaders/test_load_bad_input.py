"""Bad rows go to quarantine, bad objects fail, and the others go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lz4.frame
import orjson
import psycopg
import pyarrow as pa
import pytest
from loading import (
    START,
    archive,
    archive_lines,
    count,
    fill,
    fills,
    is_untouched,
    last_load,
    load,
    loaded,
    parquet,
)

from loaders.bad_rows import BadRowLimit

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]

NEXT_WEEK = int((datetime.now(UTC) + timedelta(days=7)).timestamp() * 1000)


def quarantined(db: Database) -> list[tuple[Any, ...]]:
    return db.execute(
        "select row_number, reason, raw, load_id from ingestion.quarantine order by 1"
    ).fetchall()


BAD_VALUES = [
    ("px", "abc", "px: expected a decimal"),
    ("px", "-1", "px: is negative ('-1')"),
    ("px", "NaN", "'NaN'"),
    ("px", "Infinity", "'Infinity'"),
    ("px", "", "px: expected a decimal"),
    ("px", " 1", "px: expected a decimal"),
    ("px", "1,5", "px: expected a decimal"),
    ("px", None, "px: is missing"),
    ("sz", "-0.0001", "sz: is negative ('-0.0001')"),
    ("sz", "1e300", "'1e300'"),
    ("sz", None, "sz: is missing"),
    ("startPosition", "x", "startPosition: expected a decimal"),
    ("closedPnl", "1.2.3", "closedPnl: expected a decimal"),
    ("fee", "--1", "fee: expected a decimal"),
    ("side", "S", "side: is neither B nor A ('S')"),
    ("side", None, "side: is neither B nor A"),
    ("time", None, "time: is missing"),
    ("time", 1_672_531_199_999, "time: is not between 2023 and tomorrow"),
    pytest.param(
        *("time", NEXT_WEEK, "time: is not between 2023 and tomorrow"),
        id="time-next_week",  # the same in every process of a run
    ),
    ("time", START // 1000, "time: is not between 2023 and tomorrow"),
    ("user", None, "user: is missing"),
    ("user", "", "user: is missing"),
    ("user", " ", "user: is missing"),
    ("coin", "", "coin: is missing"),
    ("dir", "", "dir: is missing"),
    ("side", "", "side: is neither B nor A ('')"),
    ("closedPnl", "", "closedPnl: expected a decimal"),
    ("coin", None, "coin: is missing"),
    ("tid", None, "tid: is missing"),
    ("dir", "a\0b", "dir: expected a string"),
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD_VALUES)
def test_bad_value_goes_to_quarantine(
    loading_db: Database, tmp_path: Path, column: str, value: Any, reason: str
) -> None:
    rows = [*fills(3), fill(3, **{column: value}), *fills(2, first=4)]
    result = loaded(parquet(tmp_path / "a.parquet", rows), "--max-bad-rows", 1)
    assert "5 loaded, 0 duplicates, 1 quarantined" in result.output
    [(row_number, found, raw, load_id)] = quarantined(loading_db)
    assert row_number == 4
    assert found.startswith(f"{column}: ")
    assert reason in found
    assert raw[column] == (
        value.replace("\0", "\ufffd") if isinstance(value, str) else value
    )
    assert raw["oid"] == 1003
    assert last_load(loading_db) == (6, 5, 0, 1)
    assert (
        load_id
        == loading_db.execute(
            "select distinct load_id from hyperliquid.fills"
        ).fetchone()[0]
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("px", "0"),
        ("sz", "-0.0"),
        ("px", "+1.5"),
        ("px", ".5"),
        ("px", "5."),
        ("sz", "1E+3"),
        ("time", 1_672_531_200_000),
        ("startPosition", None),
        ("fee", None),
        ("oid", None),
        ("coin", "#12"),
    ],
)
def test_odd_but_possible_value_is_loaded(
    loading_db: Database, tmp_path: Path, column: str, value: Any
) -> None:
    loaded(parquet(tmp_path / "a.parquet", [fill(**{column: value})]))
    assert last_load(loading_db) == (1, 1, 0, 0)


def test_dust_without_order_id_has_no_key(loading_db: Database, tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [fill(tid=0, oid=None)])
    loaded(path, "--max-bad-rows", 1)
    assert quarantined(loading_db)[0][1] == "oid: is missing, and tid is 0"


def test_bad_json_of_a_liquidation(loading_db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet(path, [fill(liquidation="{'a'")], {"liquidation": pa.string()})
    loaded(path, "--max-bad-rows", 1)
    assert quarantined(loading_db)[0][1].startswith("liquidation: expected")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"px": 1.5}, "px: expected a decimal"),
        ({"px": True}, "px: expected a decimal"),
        ({"oid": "abc"}, "oid: expected an integer ('abc')"),
        ({"oid": 1003.5}, "oid: expected an integer (1003.5)"),
        ({"twapId": 2.0**53}, "twapId: expected an integer (9007199254740992.0)"),
        ({"liquidation": "{'a'"}, "liquidation: expected a struct or JSON text"),
        ({"liquidation": [7]}, "liquidation: expected a struct or JSON text ('[7]')"),
        ({"crossed": "yes"}, "crossed: expected a boolean ('yes')"),
        ({"side": "X"}, "side: is neither B nor A ('X')"),
        ({"user": 5}, "user: expected a string (5)"),
    ],
)
def test_bad_event_of_the_archive(
    loading_db: Database, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    rows = [*fills(3), fill(3, **change), fill(4)]
    path = archive(tmp_path / "0.lz4", archive_lines(rows))
    loaded(path, "--max-bad-rows", "20%")
    [(row_number, found, raw, _)] = quarantined(loading_db)
    assert row_number == 4
    assert found.startswith(reason)
    assert raw["block_number"] == 700_000_003
    assert raw["event"][1]["tid"] == 500_003
    assert count(loading_db) == 4


def test_row_numbers_go_on_over_batches(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.fills_parquet.CHUNK_ROWS", 10)
    monkeypatch.setattr("loaders.encoded.BATCH_ROWS", 10)
    monkeypatch.setattr("loaders.fills_archive.CHUNK_ROWS", 10)
    rows = fills(35)
    rows[4]["px"] = rows[27]["px"] = "x"
    loaded(parquet(tmp_path / "a.parquet", rows), "--max-bad-rows", 2)
    loaded(archive(tmp_path / "0.lz4", archive_lines(rows)), "--max-bad-rows", 2)
    assert [row[0] for row in quarantined(loading_db)] == [5, 5, 28, 28]


def test_too_many_bad_rows_fail_the_object(
    loading_db: Database, tmp_path: Path
) -> None:
    rows = fills(1000)
    rows[41]["px"] = "oops"
    path = parquet(tmp_path / "a.parquet", rows)
    loaded(path)  # one of a thousand is just allowed
    assert last_load(loading_db) == (1000, 999, 0, 1)

    rows[42]["side"] = "?"
    path = parquet(tmp_path / "b.parquet", rows)
    result = load(path)
    assert result.exit_code == 1
    line = next(x for x in result.output.splitlines() if x.startswith("failed"))
    assert "b.parquet" in line
    assert "2 of 1,000 rows are bad" in line
    assert "row 42, px: expected a decimal" in line
    assert "'oops'" in line
    assert "--max-bad-rows 0.1%" in line
    assert count(loading_db, "ingestion.quarantine") == 1
    assert count(loading_db, "ingestion.load_log") == 1


@pytest.mark.parametrize("text", ["0.1%", "0%", "100%", "0", "25"])
def test_limit_reads_back(text: str) -> None:
    assert str(BadRowLimit.parse(text)) == text


@pytest.mark.parametrize("text", ["", "-1", "101%", "nan%", "x", "0.5", "%"])
def test_limit_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number of rows nor a percentage"):
        BadRowLimit.parse(text)


def whole_parquet(path: Path) -> bytes:
    return parquet(path.with_suffix(".tmp"), fills(500)).read_bytes()


def whole_archive() -> bytes:
    return lz4.frame.compress(b"\n".join(archive_lines(fills(500))))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut"),
        pytest.param(lambda data: data[:-1], id="cut-by-a-byte"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"\0" * len(data), id="zeros"),
        pytest.param(
            lambda data: (
                data[:100] + bytes(b ^ 255 for b in data[100:140]) + data[140:]
            ),
            id="flipped",
        ),
    ],
)
@pytest.mark.parametrize("name", ["bad.parquet", "bad.lz4"])
def test_damaged_file_fails_alone(
    loading_db: Database, tmp_path: Path, name: str, damage: Any
) -> None:
    path = tmp_path / name
    whole = whole_parquet(path) if name.endswith("parquet") else whole_archive()
    path.write_bytes(damage(whole))
    result = load(path)
    assert result.exit_code == 1
    assert is_untouched(loading_db)

    parquet(tmp_path / "good.parquet", fills(7))
    result = load(tmp_path)
    assert result.exit_code == 1
    failures = [x for x in result.output.splitlines() if x.startswith("failed: ")]
    assert len(failures) == 1
    assert name in failures[0]
    assert "1 loaded, 0 skipped (loaded before), 1 failed" in result.output
    assert count(loading_db) == 7


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"block_number": 1, "events": [', "line 3 is not a block"),
        (b'{"local_time": "x"}', "line 3 is not a block"),
        (b'["0xuser", {"coin": "BTC"}]', "the first is row 3, time: is missing"),
        (b'["0xuser", {"coin": "BTC"}, 1]', "line 3 is not a block"),
        (b'"0xuser"', "line 3 is not a block"),
        (b'[{"coin": "BTC"}, 7]', "line 3 is not a block"),
        (b'{"user": "0xa", "px": "1", "PX": "2"}', "line 3 is not a block"),
        (b'{"block_time": 1, "block_number": 1, "events": [[1, 2, 3]]}', "line 3"),
        (
            b'{"block_time": "x", "block_number": "y", "events": [["u", {}]]}',
            "the first is row 3, block_number: expected an integer ('y')",
        ),
    ],
)
def test_line_that_is_no_block(
    loading_db: Database, tmp_path: Path, line: bytes, complaint: str
) -> None:
    lines = [*archive_lines(fills(2)), line]
    result = load(archive(tmp_path / "0.lz4", lines))
    assert result.exit_code == 1
    assert complaint in result.output
    assert is_untouched(loading_db)


def test_missing_columns_are_named(loading_db: Database, tmp_path: Path) -> None:
    row = fill()
    del row["px"], row["closedPnl"]
    result = load(parquet(tmp_path / "a.parquet", [row]))
    assert result.exit_code == 1
    assert "required columns missing: px, closedPnl" in result.output
    assert is_untouched(loading_db)


def test_a_table_without_its_user(loading_db: Database, tmp_path: Path) -> None:
    row = fill()
    del row["user"]
    result = load(parquet(tmp_path / "a.parquet", [row]))
    assert result.exit_code == 1
    assert "required column missing: user; whose fills they are says --user" in (
        " ".join(result.output.split())
    )
    assert is_untouched(loading_db)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "a.jsonl: the file is empty; name its --format"),
        (b"time,user", "its content is of no known format; name its --format"),
        (b"PK\x03\x04", "a.jsonl: damaged or cut short"),
    ],
)
def test_a_file_that_tells_no_format(
    loading_db: Database, tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    assert complaint in " ".join(load(path).output.split())
    assert is_untouched(loading_db)


@pytest.mark.parametrize("name", ["user_address", "USER", " user", "useraddress"])
def test_column_under_both_names(
    loading_db: Database, tmp_path: Path, name: str
) -> None:
    result = load(parquet(tmp_path / "a.parquet", [fill() | {name: "0x1"}]))
    assert f"column user / {name.strip()} is there twice" in " ".join(
        result.output.split()
    )


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("px", 1.5, pa.float64()),
        ("startPosition", 1.5, pa.float32()),
        ("time", "2025-09-01", pa.string()),
        ("time", 1.7e12, pa.float64()),
        ("crossed", "true", pa.string()),
        ("tid", True, pa.bool_()),
        ("tid", 5.0, pa.float16()),
        ("coin", 5, pa.int64()),
        ("liquidation", 5, pa.int64()),
    ],
)
def test_wrong_type_fails(
    loading_db: Database, tmp_path: Path, column: str, value: Any, kind: pa.DataType
) -> None:
    path = parquet(tmp_path / "a.parquet", [fill(**{column: value})], {column: kind})
    result = load(path)
    assert result.exit_code == 1
    assert f"column {column} is {kind}; expected" in result.output
    assert is_untouched(loading_db)


@pytest.mark.parametrize("content", [b"", b"\n\r\n", bytes(100)])
def test_a_text_of_nothing_fails(
    loading_db: Database, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "7.lz4"
    path.write_bytes(content)
    assert load(path).exit_code == 1
    assert is_untouched(loading_db)


def test_failed_object_is_loaded_once_mended(
    loading_db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    assert load(path).exit_code == 1
    parquet(path, fills(3))
    loaded(path)
    assert count(loading_db) == 3


def test_quarantine_keeps_json_of_every_kind_of_value(
    loading_db: Database, tmp_path: Path
) -> None:
    row = fill(px="x", block_time=START * 1000, liquidation={"markPx": "1"})
    loaded(parquet(tmp_path / "a.parquet", [row]), "--max-bad-rows", 1)
    raw = quarantined(loading_db)[0][2]
    assert orjson.dumps(raw)
    assert raw["block_time"] == "2025-09-01T00:00:00"
    assert raw["liquidation"]["markPx"] == "1"
