"""Asset contexts: every way a file may come, each row once, what is refused."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import lz4.frame
import psycopg
import pyarrow as pa
import pytest
import yaml
from click.testing import Result
from loading import count, fills, is_untouched, last_load, load, loaded, parquet

from loaders.chunk import Table
from loaders.contexts import CONTEXTS
from loaders.funding import FUNDING
from pgio.connection import PROJECT_DIR

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]

MIDNIGHT = 1_758_153_600_000  # 2025-09-18 00:00 UTC, ms
HEADER = (
    "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,"
    "mark_px,mid_px,impact_bid_px,impact_ask_px"
)
COLUMNS = HEADER.split(",")
RELATION = "hyperliquid.asset_ctxs"


def context(minute: int = 0, coin: str = "BTC", **changes: str) -> dict[str, str]:
    """A context as the exchange writes it, by column."""
    return {
        "time": f"2025-09-18T{minute // 60:02d}:{minute % 60:02d}:00Z",
        "coin": coin,
        "funding": "-0.0000125",
        "open_interest": "31245.88",
        "prev_day_px": "64900.0",
        "day_ntl_vlm": f"{2_154_873_651 + minute}.910000000000000001",
        "premium": "-0.00031",
        "oracle_px": "65012.0",
        "mark_px": "65001.0",
        "mid_px": "65000.5",
        "impact_bid_px": "64999.0",
        "impact_ask_px": "65002.0",
    } | changes


def contexts(minutes: int, first: int = 0) -> list[dict[str, str]]:
    return [
        context(minute, coin)
        for minute in range(first, first + minutes)
        for coin in ("BTC", "ETH")
    ]


def text(rows: list[dict[str, str]], names: list[str] = COLUMNS) -> str:
    lines = [",".join(row.get(name, "") for name in names) for row in rows]
    return "\n".join([",".join(names), *lines]) + "\n"


def archive(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write a day as the exchange's archive has it."""
    path.write_bytes(lz4.frame.compress(text(rows).encode()))
    return path


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def load_contexts(*arguments: object) -> Result:
    return load(*arguments, command="contexts")


def loaded_contexts(*arguments: object) -> Result:
    return loaded(*arguments, command="contexts")


def content(db: Database) -> list[tuple[Any, ...]]:
    columns = ", ".join(f"{name}::text" for name in COLUMNS)
    return db.execute(
        f"select {columns} from {RELATION} order by time, coin"
    ).fetchall()


def refusals(db: Database) -> list[tuple[Any, ...]]:
    return db.execute(
        "select row_number, reason, raw from ingestion.quarantine order by 1, 2"
    ).fetchall()


def test_values_arrive_exactly(loading_db: Database, tmp_path: Path) -> None:
    empty = dict.fromkeys(("premium", "mid_px", "impact_bid_px", "impact_ask_px"), "")
    archive(tmp_path / "20250918.csv.lz4", [context(1), context(0, "PURR", **empty)])
    loaded_contexts(tmp_path)
    assert last_load(loading_db) == (2, 2, 0, 0)
    purr, btc = content(loading_db)
    assert purr[:2] == (str(MIDNIGHT), "PURR")
    assert [purr[COLUMNS.index(name)] for name in empty] == [None] * 4
    assert btc[0] == str(MIDNIGHT + 60_000)
    assert btc[1:] == tuple(context(1)[name] for name in COLUMNS[1:])
    row = loading_db.execute(
        f"""
        select log.relation, time_from, time_to, log.load_id = all (
            select load_id from {RELATION}
        )
        from ingestion.load_log as log
        """
    ).fetchone()
    assert row is not None
    assert row[0] == RELATION
    assert [moment.timestamp() * 1000 for moment in row[1:3]] == [
        MIDNIGHT,
        MIDNIGHT + 60_000,
    ]
    assert row[3] is True


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("day.csv", bytes),
        ("day.csv.lz4", lz4.frame.compress),
        ("day.csv.gz", gzip.compress),
        ("day.csv.zst", lambda data: pa.compress(data, "zstd", asbytes=True)),
        ("day", bytes),
    ],
)
def test_every_packing(
    loading_db: Database, tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    plain = f"\ufeff{text(contexts(3))}".replace("\n", "\r\n").encode()
    (tmp_path / name).write_bytes(pack(plain))
    loaded_contexts(tmp_path)
    assert last_load(loading_db) == (6, 6, 0, 0)


def test_columns_are_found_by_their_names(loading_db: Database, tmp_path: Path) -> None:
    names = random.Random(3).sample([*COLUMNS, "extra"], len(COLUMNS) + 1)
    loaded_contexts(write(tmp_path / "a.csv", text(contexts(2))))
    expected = content(loading_db)
    loading_db.execute(f"truncate {RELATION}")
    other = text(contexts(2), names).replace("mark_px", " Mark_px ", 1)
    loaded_contexts(write(tmp_path / "b.csv", other))
    assert content(loading_db) == expected


def test_each_row_once(loading_db: Database, tmp_path: Path) -> None:
    path = archive(tmp_path / "1.csv.lz4", contexts(10))
    loaded_contexts(path)
    assert "0 loaded, 1 skipped" in loaded_contexts(path).output
    archive(tmp_path / "2.csv.lz4", contexts(10))
    loaded_contexts(tmp_path)
    assert last_load(loading_db) == (20, 0, 20, 0)
    archive(tmp_path / "3.csv.lz4", contexts(10, first=5) + contexts(2, first=5))
    loaded_contexts(tmp_path)
    assert last_load(loading_db) == (24, 10, 14, 0)
    assert count(loading_db, RELATION) == 30
    assert count(loading_db, "ingestion.stream_offsets") == 3


def test_any_order_gives_the_same_rows(loading_db: Database, tmp_path: Path) -> None:
    rows = contexts(400)
    loaded_contexts(archive(tmp_path / "a.csv.lz4", rows))
    expected = content(loading_db)
    loading_db.execute(f"truncate {RELATION}")
    shuffled = random.Random(5).sample(rows, len(rows))
    loaded_contexts(archive(tmp_path / "b.csv.lz4", shuffled))
    assert content(loading_db) == expected
    assert len(expected) == 800


def test_workers_on_files_that_share_rows(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opposite orders of the same rows: the loads deadlock, and yet all is well."""
    monkeypatch.setattr("loaders.contexts._BATCH_BYTES", 20_000)
    monkeypatch.setattr("loaders.encoded.BATCH_ROWS", 200)
    rows = contexts(600)
    for number in range(4):
        archive(tmp_path / f"{number}.csv.lz4", rows[::-1] if number % 2 else rows)
    loaded_contexts(tmp_path, "--workers", 4)
    row = loading_db.execute(
        "select sum(rows_loaded), sum(rows_duplicate) from ingestion.load_log"
    ).fetchone()
    assert row == (1200, 3600)
    assert count(loading_db, RELATION) == 1200


def test_other_values_under_a_key_are_kept_aside(
    loading_db: Database, tmp_path: Path
) -> None:
    loaded_contexts(archive(tmp_path / "a.csv.lz4", contexts(3)))
    expected = content(loading_db)
    rows = contexts(3)
    rows[3] |= {"mark_px": "1", "premium": ""}
    rows[4] |= {"mark_px": "65001.00"}
    path = write(tmp_path / "b.csv", text(rows).replace("\n", "\n\n", 1))
    result = loaded_contexts(path)
    assert "1 rows differ from the stored rows" in result.output
    assert content(loading_db) == expected
    assert last_load(loading_db) == (6, 0, 5, 1)
    [(number, reason, raw)] = refusals(loading_db)
    # Behind the header, a blank line and three rows.
    assert number == 6
    assert reason == "differs from the stored row: mark_px (stored 65001.0, here 1)"
    assert raw["coin"] == "ETH"
    loaded_contexts(path, "--replace")
    assert last_load(loading_db) == (6, 1, 5, 0)
    found = loading_db.execute(
        f"select mark_px, premium from {RELATION} where mark_px < 65000"
    ).fetchall()
    assert found == [(Decimal(1), Decimal("-0.00031"))]


@pytest.mark.parametrize("table", [CONTEXTS, FUNDING])
def test_keys_are_those_of_the_table(table: Table) -> None:
    path = PROJECT_DIR / "models/sources/_hyperliquid__sources.yml"
    [source] = yaml.safe_load(path.read_text())["sources"]
    declared = next(
        each
        for each in source["tables"]
        if table.relation == f"{source['schema']}.{each['name']}"
    )
    [key] = declared["config"]["meta"]["timescale"]["unique_keys"]
    assert [tuple(key["columns"])] == list(table.keys)
    assert "where" not in key


NUMBERS = COLUMNS[2:]
QUANTITIES = [name for name in NUMBERS if name not in ("funding", "premium")]
OPTIONAL = ("premium", "mid_px", "impact_bid_px", "impact_ask_px")

BAD_VALUES = [
    *((name, "0x10", "is no number ('0x10')") for name in NUMBERS),
    *((name, "1_0", "is no number ('1_0')") for name in NUMBERS),
    *((name, "nan", "is no number ('nan')") for name in NUMBERS),
    *((name, "Infinity", "is no number ('Infinity')") for name in NUMBERS),
    *((name, "1e400", "has more than 20 digits before the point") for name in NUMBERS),
    *((name, "1e-19", "has more than 18 decimals") for name in NUMBERS),
    *((name, "-1", "is negative ('-1')") for name in QUANTITIES),
    *((name, "", "is missing") for name in COLUMNS if name not in OPTIONAL),
    ("funding", "0.1234567890123456789", "has more than 18 decimals"),
    ("funding", "--1", "is no number"),
    ("funding", "- 1", "is no number"),
    ("time", "2025-09-18T00:00:00", "has no zone: write Z or an offset behind it"),
    ("time", "2025-09-18 00:00", "has no zone"),
    ("time", "2025-09-18", "has no zone"),
    ("time", "18.09.2025", "is no time ('18.09.2025')"),
    ("time", "2025-13-18T00:00:00Z", "is no time"),
    ("time", "2022-12-31T23:59:00Z", "is not between 2023 and tomorrow"),
    ("time", "2126-09-18T00:00:00Z", "is not between 2023 and tomorrow"),
    ("time", "1758", "is not between 2023 and tomorrow"),
]


def test_a_bad_value_goes_to_quarantine(loading_db: Database, tmp_path: Path) -> None:
    """All of them in one file: a row of each, and good rows between them."""
    rows = []
    for minute, (column, value, _) in enumerate(BAD_VALUES):
        rows += [context(minute), context(minute, "ETH") | {column: value}]
    path = write(tmp_path / "a.csv", text(rows))
    bad = len(BAD_VALUES)
    result = load_contexts(path)
    assert result.exit_code == 1
    assert f"{bad} of {2 * bad} rows are bad, more than --max-bad-rows 0.1%; the first "
    assert "row 3, funding is no number ('0x10')" in result.output
    assert is_untouched(loading_db)
    loaded_contexts(path, "--max-bad-rows", bad)
    assert last_load(loading_db) == (2 * bad, bad, 0, bad)
    found = refusals(loading_db)
    assert len(found) == bad
    for index, (column, value, complaint) in enumerate(BAD_VALUES):
        number, reason, raw = found[index]
        assert number == 2 * index + 3
        assert reason.startswith(f"{column} {complaint}"), (column, value)
        assert raw == text(rows).splitlines()[number - 1]
    objects = loading_db.execute("select distinct object from ingestion.quarantine")
    assert objects.fetchall() == [(path.as_uri(),)]


@pytest.mark.parametrize(
    ("column", "value", "stored"),
    [
        ("funding", "1e-05", "0.00001"),
        ("funding", "-1.5E-7", "-0.00000015"),
        ("premium", "-.5", "-0.5"),
        ("mark_px", "+65000.", "65000"),
        ("open_interest", "0", "0"),
        ("oracle_px", "-0.0", "-0.0"),
        ("mid_px", " 1.5 ", "1.5"),
        ("mid_px", '"1.5"', "1.5"),
        ("time", "2025-09-18T02:00:00.5+02:00", str(MIDNIGHT + 500)),
        ("time", "2025-09-18 00:01:00 UTC", str(MIDNIGHT + 60_000)),
        ("time", str(MIDNIGHT), str(MIDNIGHT)),
        ("coin", "xyz:NVDA", "xyz:NVDA"),
    ],
)
def test_odd_but_possible_values_are_loaded(
    loading_db: Database, tmp_path: Path, column: str, value: str, stored: str
) -> None:
    loaded_contexts(write(tmp_path / "a.csv", text([context() | {column: value}])))
    [row] = content(loading_db)
    found = row[COLUMNS.index(column)]
    if column == "coin":
        assert found == stored
    else:
        assert Decimal(found) == Decimal(stored)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1,2,3", "line has 3 columns, not 12"),
        (",".join(context().values()) + ",", "line has 13 columns, not 12"),
        ('"' + ",".join(context().values()), "line has 1 columns, not 12"),
    ],
)
def test_a_line_of_other_columns(
    loading_db: Database, tmp_path: Path, line: str, complaint: str
) -> None:
    path = write(tmp_path / "a.csv", f"{text(contexts(3))}{line}\n")
    loaded_contexts(path, "--max-bad-rows", 1)
    assert [row[:2] for row in refusals(loading_db)] == [(8, complaint)]


def test_a_line_that_is_not_utf8(loading_db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text(contexts(3)).encode() + b"\xff\xfe,1\n")
    loaded_contexts(path, "--max-bad-rows", 1)
    assert [row[:2] for row in refusals(loading_db)] == [(8, "line is not UTF-8")]
    assert last_load(loading_db) == (7, 6, 0, 1)


def without(name: str) -> bytes:
    return text(contexts(3), [each for each in COLUMNS if each != name]).encode()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (HEADER.encode(), "there is no row in it"),
        (without("mid_px"), "no column mid_px in its first line"),
        (
            f"{HEADER},coin\n".encode(),
            "column coin is there twice",
        ),
        (lz4.frame.compress(text(contexts(500)).encode())[:-9], "cut short"),
        (lz4.frame.compress(text(contexts(500)).encode())[:2000], ""),
        (text([context(mark_px="x")]).encode(), "no row of it can be loaded; the "),
        (b"PAR1", "holds fills: load it with python -m loaders.load_to_db fills"),
        (b'["0xuser", {"coin": "BTC"}]', "python -m loaders.load_to_db fills"),
        (b'{"events": [["0xuser", {}]]}', "python -m loaders.load_to_db fills"),
        (b'[{"coin": "BTC", "px": "1"}]', "python -m loaders.load_to_db fills"),
        (b'[{"coin": "BTC", "fundingRate": "1"}]', "load_to_db funding"),
        (b'{"events": [{"inner": {}}]}', "python -m loaders.load_to_db funding"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a"])
def test_a_file_that_is_none_fails(
    loading_db: Database, tmp_path: Path, data: bytes, complaint: str, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    result = load_contexts(path, "--max-bad-rows", "100%")
    assert result.exit_code == 1
    assert complaint in " ".join(result.output.split())
    assert is_untouched(loading_db)


def test_a_file_without_a_header_fails(loading_db: Database, tmp_path: Path) -> None:
    rows = text(contexts(3)).partition("\n")[2]
    named = load_contexts(write(tmp_path / "a.csv", rows))
    assert "no column time, coin, funding, " in named.output
    assert "which has to be the header of asset contexts" in named.output
    other = load_contexts(write(tmp_path / "a", rows))
    assert "its content is of no known format" in " ".join(other.output.split())
    assert is_untouched(loading_db)


def test_contexts_given_to_other_commands(loading_db: Database, tmp_path: Path) -> None:
    path = archive(tmp_path / "20250918.csv.lz4", contexts(3))
    for command in ("fills", "funding"):
        result = load(path, command=command)
        assert result.exit_code == 1
        assert "holds asset contexts: load it with python -m" in result.output
        assert "loaders.load_to_db contexts" in result.output
    assert is_untouched(loading_db)


def test_a_folder_of_two_kinds_loads_what_it_can(
    loading_db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive(tmp_path / "1.csv.lz4", contexts(3))
    parquet(tmp_path / "fills.parquet", fills(5))
    loaded_contexts(tmp_path)
    assert count(loading_db, RELATION) == 6
    [warning] = [r.getMessage() for r in caplog.records]
    assert "left out, no format takes them" in warning
    assert "fills.parquet" in warning


def test_rows_older_than_what_is_kept(loading_db: Database, tmp_path: Path) -> None:
    loading_db.execute(
        "insert into ops.retention_marks (relation, dropped_before) values"
        " (%s, '2025-09-18 00:02Z')",
        (RELATION,),
    )
    try:
        loaded_contexts(archive(tmp_path / "1.csv.lz4", contexts(5)))
    finally:
        loading_db.execute("delete from ops.retention_marks")
    assert last_load(loading_db) == (10, 6, 0, 4)
    reasons = {reason for _, reason, _ in refusals(loading_db)}
    kept = "2025-09-18T00:02:00+00:00"
    assert reasons == {
        f"time: is older than what is kept, from {kept} on ({MIDNIGHT + minute})"
        for minute in (0, 60_000)
    }


def test_an_s3_prefix_and_a_glob(
    loading_db: Database, tmp_path: Path, bucket: Any
) -> None:
    for day in range(3):
        path = archive(tmp_path / f"{day}.csv.lz4", contexts(4, first=day * 4))
        bucket.upload_file(str(path), f"asset_ctxs/2025091{day}.csv.lz4")
    loaded_contexts("s3://landing/asset_ctxs/*1.csv.lz4", "--request-payer")
    assert count(loading_db, RELATION) == 8
    result = loaded_contexts("s3://landing/asset_ctxs/", "--request-payer")
    assert "2 loaded, 1 skipped" in result.output
    assert count(loading_db, RELATION) == 24
    objects = loading_db.execute("select min(object) from ingestion.load_log")
    assert objects.fetchall() == [("s3://landing/asset_ctxs/20250910.csv.lz4",)]


def test_rows_of_a_columnstore_are_known(
    loading_db: Database, edition: str, tmp_path: Path
) -> None:
    loaded_contexts(archive(tmp_path / "1.csv.lz4", contexts(600)))
    if edition == "community":
        loading_db.execute(
            f"select compress_chunk(c) from show_chunks('{RELATION}') as c"
        )
    rows = contexts(610)
    rows[7]["mark_px"] = "5"
    path = archive(tmp_path / "2.csv.lz4", rows)
    loaded_contexts(path)
    assert last_load(loading_db) == (1220, 20, 1199, 1)
    loaded_contexts(path, "--replace")
    assert last_load(loading_db) == (1220, 1, 1219, 0)
