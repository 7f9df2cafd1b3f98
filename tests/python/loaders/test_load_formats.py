"""Both formats, every way a column may come, local paths."""

from __future__ import annotations

import gzip
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import lz4.frame
import orjson
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading import (
    ARROW_TYPES,
    START,
    USER,
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

from pgio.connection import PROJECT_DIR

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
        None,
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
        (pa.string(), "2025-08-31T19:00:00.000000999-05:00"),
        (pa.string(), "2025-09-01 05:30:00+0530"),
        (pa.string(), "2025-08-31 23:00:00 -01"),
        (pa.large_string(), " 2025-09-01 00:00:00.000 UTC"),
        (pa.timestamp("us", "America/New_York"), START * 1000),
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
    [(json.dumps(LIQUIDATION), LIQUIDATION), ("null", None), (None, None), ("", None)],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.json_(), pa.json_(pa.large_string())])
def test_liquidation_as_json_text(
    loading_db: Database,
    tmp_path: Path,
    value: str | None,
    expected: Any,
    kind: pa.DataType,
) -> None:
    row = fill(liquidation=value)
    loaded(parquet(tmp_path / "a.parquet", [row], {"liquidation": kind}))
    assert one(loading_db, "liquidation") == (expected,)


def test_liquidation_as_a_map(loading_db: Database, tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.string())
    rows = [fill(liquidation=list(LIQUIDATION.items()))]
    loaded(parquet(tmp_path / "a.parquet", rows, {"liquidation": kind}))
    assert one(loading_db, "liquidation") == (LIQUIDATION,)


@pytest.mark.parametrize(
    ("column", "kind", "value", "stored"),
    [
        ("cloid", pa.uuid(), bytes(range(16)), f"0x{bytes(range(16)).hex()}"),
        ("hash", pa.binary(32), b"\x5a" * 32, "0x" + "5a" * 32),
        ("coin", pa.binary(), b"PURR/USDC", "PURR/USDC"),
        ("dir", pa.large_binary(), b" Open Long ", "Open Long"),
        ("coin", pa.string(), "BTC   ", "BTC"),
        ("hash", pa.string_view(), "\u00a00xA\t", "0xA"),
        ("side", pa.dictionary(pa.int8(), pa.large_string()), "B ", "B"),
        ("user_address", pa.string(), " 0xABCd\r", "0xabcd"),
        ("builder", pa.string(), "0XEF", "0xef"),
    ],
)
def test_text_as_tools_write_it(
    loading_db: Database,
    tmp_path: Path,
    column: str,
    kind: pa.DataType,
    value: Any,
    stored: str,
) -> None:
    row = fill()
    if column == "user_address":
        del row["user"]
    loaded(parquet(tmp_path / "a.parquet", [row | {column: value}], {column: kind}))
    assert one(loading_db, column) == (stored,)


@pytest.mark.parametrize(
    ("column", "table_column"),
    [
        ("feeToken", "fee_token"),
        ("builderFee", "builder_fee"),
        ("priorityGas", "priority_gas"),
        ("hash", "hash"),
        ("twapId", "twap_id"),
        ("block_time", "block_time"),
        ("block_number", "block_number"),
        ("liquidation", "liquidation"),
    ],
)
@pytest.mark.parametrize("empty", ["", "  ", None])
@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_empty_text_of_an_optional_column_is_absent(
    loading_db: Database,
    tmp_path: Path,
    column: str,
    table_column: str,
    empty: str | None,
    suffix: str,
) -> None:
    rows = [fill(0, **{column: empty}), fill(1)]
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        parquet(path, rows, {column: pa.string()})
    else:
        path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    loaded(path)
    assert one(loading_db, f"count(*), count({table_column})") == (2, 0)


@pytest.mark.parametrize(
    ("column", "value", "stored"),
    [
        ("px", 59001, "px::text = '59001'"),
        ("startPosition", -2, "start_position = -2"),
        ("oid", " 502068 ", "oid = 502068"),
        ("tid", 7.0, "tid = 7"),
        ("block_number", "5", "block_number = 5"),
        ("block_time", START, f"extract(epoch from block_time) * 1000 = {START}"),
        ("liquidation", '{"a": "b"}', "liquidation ->> 'a' = 'b'"),
        ("liquidation", '"{\\"a\\": \\"b\\"}"', "liquidation ->> 'a' = 'b'"),
    ],
)
def test_values_of_json_in_other_types(
    loading_db: Database, tmp_path: Path, column: str, value: Any, stored: str
) -> None:
    path = tmp_path / "fills.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, [fill(**{column: value}), fill(1)])))
    loaded(path)
    assert one(loading_db, f"count(*), count(*) filter (where {stored})") == (2, 1)


@pytest.mark.parametrize(
    "rename",
    [
        pytest.param(str.lower, id="athena"),
        pytest.param(str.upper, id="snowflake"),
        pytest.param(lambda name: f" {name} ", id="padded"),
        pytest.param(
            lambda name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name),
            id="snake",
        ),
    ],
)
def test_names_as_tools_write_them(
    loading_db: Database, tmp_path: Path, rename: Any
) -> None:
    row = fill(
        feeToken="HYPE",
        builderFee="0.5",
        deployerFee="0.25",
        priorityGas="0.125",
        twapId=7,
        block_number=9,
        event_index=3,
    )
    types = ARROW_TYPES | {"block_number": pa.int64(), "event_index": pa.int32()}
    loaded(
        parquet(
            tmp_path / "a.parquet",
            [{rename(name): value for name, value in row.items()}],
            {rename(name): kind for name, kind in types.items()},
        )
    )
    assert one(
        loading_db,
        "fee_token, builder_fee::text, deployer_fee::text, priority_gas::text, twap_id,"
        " block_number, event_index, start_position::text",
    ) == ("HYPE", "0.5", "0.25", "0.125", 7, 9, 3, "-0.25")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (pa.float64(), float(2**53 - 1), float(2**53)),
        (pa.float64(), 502068.0, 502068.5),
        (pa.float64(), 7.0, float("inf")),
        (pa.float32(), 7.0, float(2**24)),
        (pa.decimal128(20, 0), Decimal(2**62), Decimal(2**64)),
        (pa.uint64(), 2**50, 2**63),
        (pa.string(), " 502068", "0x10"),
        (pa.binary(), b"7", b"7.5"),
    ],
)
@pytest.mark.parametrize("column", ["oid", "tid"])
def test_ids_as_pandas_writes_them(
    loading_db: Database,
    tmp_path: Path,
    column: str,
    kind: pa.DataType,
    good: Any,
    bad: Any,
) -> None:
    rows = [fill(0, **{column: good}), fill(1, **{column: bad})]
    path = parquet(tmp_path / "a.parquet", rows, {column: kind})
    loaded(path, "--max-bad-rows", 1)
    assert one(loading_db, column) == (int(good),)
    [(reason,)] = loading_db.execute("select reason from ingestion.quarantine")
    assert reason.startswith(f"{column}: expected an integer (")


def test_null_ids_as_pandas_writes_them(loading_db: Database, tmp_path: Path) -> None:
    rows = [fill(0, oid=5.0), fill(1, oid=None), fill(2, oid=float("nan"))]
    loaded(parquet(tmp_path / "a.parquet", rows, {"oid": pa.float64()}))
    found = loading_db.execute("select oid from hyperliquid.fills order by time")
    assert found.fetchall() == [(5,), (None,), (None,)]


def test_folders_give_the_columns_a_file_has_not(
    loading_db: Database, tmp_path: Path
) -> None:
    def without(number: int, *names: str) -> list[dict[str, Any]]:
        return [{k: v for k, v in fill(number).items() if k not in names}]

    folder = tmp_path / "date=2025-09-01"
    parquet(folder / "coin=xyz%3ANVDA/user=0xAB/0.parquet", without(0, "coin", "user"))
    parquet(folder / "COIN=%40142/1.parquet", without(1, "coin"))
    parquet(folder / "coin=ETH/2.parquet", [fill(2, coin="BTC")])  # the file's counts
    parquet(folder / "oid=17/crossed=true/3.parquet", without(3, "oid", "crossed"))
    loaded(folder)
    found = loading_db.execute(
        "select coin, left(user_address, 4), oid, crossed from hyperliquid.fills"
        " order by time"
    ).fetchall()
    assert found == [
        ("xyz:NVDA", "0xab", 1000, True),
        ("@142", "0xab", 1001, False),
        ("BTC", "0xab", 1002, False),
        ("BTC", "0xab", 17, True),
    ]


@pytest.mark.parametrize(
    ("folder", "complaint"),
    [
        ("oid=many", "folder oid=many: expected an integer"),
        ("crossed=1", "folder crossed=1: expected a boolean"),
        ("coin=BTC/Coin=ETH", "two folders give the column coin"),
        ("coin=__HIVE_DEFAULT_PARTITION__", "required column missing: "),
    ],
)
def test_folders_that_say_nothing_of_use(
    loading_db: Database, tmp_path: Path, folder: str, complaint: str
) -> None:
    name = folder.partition("=")[0]
    row = {k: v for k, v in fill().items() if k != name}
    result = load(parquet(tmp_path / folder / "0.parquet", [row]))
    assert result.exit_code == 1
    assert complaint in result.output


def test_content_decides_whatever_a_file_is_called(
    loading_db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = parquet(tmp_path / "x", fills(1)).read_bytes()
    (tmp_path / "x").unlink()
    contents = {
        "0.PARQUET": whole,
        "part-0001.snappy.pq": parquet(tmp_path / "y", fills(1, first=1)).read_bytes(),
        "noname": parquet(tmp_path / "y", fills(1, first=2)).read_bytes(),
        "hour.lz4": parquet(tmp_path / "y", fills(1, first=3)).read_bytes(),
        "a.parquet.gz": gzip.compress(
            parquet(tmp_path / "y", fills(1, first=4)).read_bytes()
        ),
        "b.parquet": lz4.frame.compress(archive_lines(fills(1, first=5))[0]),
        "c.txt": archive_lines(fills(1, first=6))[0],
        "d.json.gz": gzip.compress(orjson.dumps(fills(1, first=7))),
        "_SUCCESS": b"",
        ".hidden": whole,
        "download.parquet.tmp": whole,
        "README.md": b"# fills\n",
        "notes.json": b'{"made": "by hand"}',
        "empty": b"",
    }
    (tmp_path / "y").unlink()
    for name, content_ in contents.items():
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content_)
    assert "8 loaded, 0 skipped" in loaded(tmp_path / "in").output
    found = loading_db.execute("select tid - 500000 from hyperliquid.fills order by 1")
    assert [tid for (tid,) in found] == list(range(8))
    [warning] = [r.getMessage() for r in caplog.records if "left out" in r.getMessage()]
    left_out = {
        name.split("/")[-1] for name in warning.partition("them: ")[2].split(", ")
    }
    assert left_out == {"README.md", "notes.json", "empty", "download.parquet.tmp"}
    for name in ("noname", "hour.lz4", "b.parquet"):
        assert "0 loaded, 1 skipped" in loaded(tmp_path / "in" / name).output


def places(db: Database) -> list[tuple[Any, ...]]:
    """Trade ids with block and place, in the order that these say."""
    return db.execute(
        "select tid - 500000, block_number, event_index from hyperliquid.fills"
        " order by block_number, event_index"
    ).fetchall()


@pytest.mark.parametrize("chunk_rows", [1, 3, 10_000])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(8, [0, 1]), (8, [2])], [(0, 8, 0), (1, 8, 1), (2, 8, 2)]),
        ([(8, [0]), (8, []), (8, [1]), (9, [2])], [(0, 8, 0), (1, 8, 1), (2, 9, 0)]),
        ([(8, [0]), (9, [1]), (8, [2])], [(0, 8, 0), (2, 8, 1), (1, 9, 0)]),
        ([(8, [0, 1]), (8, [0, 1]), (8, [2])], [(0, 8, 0), (1, 8, 1), (2, 8, 2)]),
    ],
    ids=["two", "three", "interleaved", "a line again"],
)
def test_a_block_over_several_lines(
    loading_db: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[tuple[int, list[int]]],
    expected: list[tuple[int, ...]],
    chunk_rows: int,
) -> None:
    monkeypatch.setattr("loaders.fills_archive.CHUNK_ROWS", chunk_rows)
    text = [
        orjson.dumps(
            {
                "block_time": "2025-09-01T00:00:00",
                "block_number": number,
                "events": [[USER, fill(0, tid=500_000 + i)] for i in of_line],
            }
        )
        for number, of_line in lines
    ]
    loaded(archive(tmp_path / "0.lz4", text))
    assert places(loading_db) == expected


def test_the_older_archive(loading_db: Database, tmp_path: Path) -> None:
    rows = fills(3)
    lines = [orjson.dumps(["0xAB", {**row, "user": None}]) for row in rows]
    loaded(archive(tmp_path / "node_fills/hourly/20250601/7.lz4", lines))
    assert places(loading_db) == [(0, None, 1), (1, None, 2), (2, None, 3)]
    assert one(loading_db, "min(user_address), max(user_address)") == ("0xab", "0xab")


def answer(*offsets_ms: int) -> list[dict[str, Any]]:
    """Fills as the API tells them, by their time; the trade id is the place here."""
    rows = [fill(i, time=START + ms) for i, ms in enumerate(offsets_ms)]
    for row in rows:
        del row["user"]
    return rows


@pytest.mark.parametrize(
    ("offsets", "in_order"),
    [
        ([5, 5, 3, 1, 1], [4, 3, 2, 1, 0]),
        ([1, 1, 3, 5, 5], [0, 1, 2, 3, 4]),
        ([7, 7], [0, 1]),
        ([], []),
    ],
    ids=["newest first", "oldest first", "one moment", "none"],
)
@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.json", orjson.dumps),
        ("a.json", lambda rows: json.dumps(rows, indent=2).encode()),
        ("a.json", lambda rows: b"\xef\xbb\xbf\r\n" + orjson.dumps(rows) + b"\r\n"),
        ("a.gz", lambda rows: gzip.compress(orjson.dumps(rows))),
        ("a.lz4", lambda rows: lz4.frame.compress(orjson.dumps(rows))),
        ("a.zst", lambda rows: pa.compress(orjson.dumps(rows), "zstd", asbytes=True)),
    ],
    ids=["plain", "indented", "windows", "gzip", "lz4", "zstd"],
)
def test_an_answer_of_the_api(
    loading_db: Database,
    tmp_path: Path,
    name: str,
    write: Any,
    offsets: list[int],
    in_order: list[int],
) -> None:
    (tmp_path / name).write_bytes(write(answer(*offsets)))
    loaded(tmp_path / name, "--user", USER.upper().replace("X", "x"))
    expected = [(tid, None, place) for place, tid in enumerate(in_order, start=1)]
    assert places(loading_db) == expected
    assert {row[1] for row in content(loading_db)} <= {USER}


def test_whose_fills_an_answer_tells(loading_db: Database, tmp_path: Path) -> None:
    other = "0x" + "cd" * 20
    path = tmp_path / "answer.json"
    path.write_bytes(orjson.dumps(answer(1)))
    result = load(path)
    assert result.exit_code == 1
    assert "line 1: the fills do not name their user" in result.output
    assert "--user 0x" in result.output
    assert load(path, "--user", "0x12").exit_code == 2
    path.write_bytes(orjson.dumps([*answer(1), fill(1, user=other)]))
    loaded(path, "--user", USER)
    users = loading_db.execute("select user_address from hyperliquid.fills order by 1")
    assert users.fetchall() == [(USER,), (other,)]
    inside = tmp_path / f"user={other}" / "answer.json"
    inside.parent.mkdir()
    inside.write_bytes(orjson.dumps([answer(1, 2, 3)[2]]))
    loaded(inside)
    assert one(loading_db, f"count(*) filter (where user_address = '{other}')") == (2,)


def test_a_fill_a_line(loading_db: Database, tmp_path: Path) -> None:
    """In the exchange's names or the table's; with its block if it has one."""
    rows: list[dict[str, Any]] = [
        fill(0),
        {
            ("start_position" if k == "startPosition" else k): v
            for k, v in fill(1).items()
        },
        fill(2, block_number=3, event_index=4, block_time="2025-09-01T02:00:00+02:00"),
    ]
    path = tmp_path / "fills.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    loaded(path)
    assert places(loading_db) == [(2, 3, 4), (0, None, 1), (1, None, 2)]
    assert one(
        loading_db, "count(start_position), max(extract(epoch from block_time))"
    ) == (3, START // 1000)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda lines: b"\r\n".join(lines) + b"\r\n\r\n", id="crlf"),
        pytest.param(lambda lines: b"\n\n \t\n".join(lines), id="blank"),
        pytest.param(lambda lines: b"\xef\xbb\xbf" + b"\n".join(lines), id="bom"),
        pytest.param(
            lambda lines: b"\n".join(b"\xef\xbb\xbf" + x + b" " for x in lines),
            id="boms",
        ),
        pytest.param(lambda lines: b"\n".join(lines) + b"\n" + bytes(9), id="nuls"),
        pytest.param(lambda lines: b"\n".join(lines) + bytes(3 << 20), id="many nuls"),
    ],
)
@pytest.mark.parametrize(
    "pack",
    [lz4.frame.compress, lambda text: pa.compress(text, "zstd", asbytes=True), bytes],
    ids=["lz4", "zstd", "plain"],
)
def test_what_means_nothing_in_a_text(
    loading_db: Database, tmp_path: Path, write: Any, pack: Any
) -> None:
    path = tmp_path / "7.lz4"
    path.write_bytes(pack(write(archive_lines(fills(3)))))
    loaded(path)
    assert last_load(loading_db) == (3, 3, 0, 0)


def test_places_in_a_parquet_file(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad rows have theirs too; a row with a block, or a place, keeps it."""
    monkeypatch.setattr("loaders.fills_parquet.CHUNK_ROWS", 2)
    rows = [fill(n, block_number=None, event_index=None) for n in range(6)]
    rows[1]["px"] = "x"
    rows[3] |= {"block_number": 5, "event_index": 8}
    rows[4] |= {"event_index": 0}
    types = {"block_number": pa.int64(), "event_index": pa.int64()}
    loaded(parquet(tmp_path / "a.parquet", rows, types), "--max-bad-rows", 1)
    assert places(loading_db) == [
        (3, 5, 8),
        (4, None, 0),
        (0, None, 1),
        (2, None, 3),
        (5, None, 6),
    ]


def test_places_of_a_parquet_file_with_the_newest_first(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an answer of `userFills` that somebody made a table of."""
    monkeypatch.setattr("loaders.fills_parquet.CHUNK_ROWS", 3)
    rows = [fill(n, time=START + n // 2) for n in range(8)]
    loaded(parquet(tmp_path / "a.parquet", rows[::-1]))
    assert places(loading_db) == [(n, None, n + 1) for n in range(8)]


def test_a_long_line_is_read_and_a_longer_one_refused(
    loading_db: Database, tmp_path: Path
) -> None:
    events = [[USER, fill(number, hash="0x" + "0" * 700)] for number in range(25_000)]
    block = {"block_time": "2025-09-01T00:00:00", "block_number": 1, "events": events}
    line = orjson.dumps(block)
    assert len(line) > 20 << 20
    loaded(archive(tmp_path / "0.lz4", [line]))
    assert last_load(loading_db)[1] == 25_000
    with lz4.frame.open(tmp_path / "1.lz4", "wb") as packed:
        packed.write(archive_lines(fills(1))[0] + b"\n" + line[:-3])
        for _ in range(1_000):
            packed.write(b" " * (1 << 20))
    began = time.monotonic()
    result = load(tmp_path / "1.lz4")
    assert "line 2 is longer than 64 MB" in result.output
    assert time.monotonic() - began < 20  # reading it whole takes some times as long


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
    odd = tmp_path / "hour.data"
    odd.write_text("# no fills\n")
    assert "name its --format" in load(odd).output
    assert "line 1 is not a block" in load(odd, "--format", "archive").output
    loaded((tmp_path / "0.lz4").rename(odd), "--format", "archive")
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
    for path, complaint in {
        tmp_path: "nothing found",
        tmp_path / "none.parquet": "does not exist",
        tmp_path / "no folder" / "0.lz4": "does not exist",
        tmp_path / "*.lz4": "nothing found",
    }.items():
        result = load(path)
        assert result.exit_code == 1
        assert complaint in result.output


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
