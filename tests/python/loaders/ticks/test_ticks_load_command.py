"""The command ``ticks``: S3, options, limits, damage, a database that is not ready."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tick_loading import (
    FIRST_ID,
    OTHER_VENUE,
    VENUE,
    Database,
    expected,
    is_consistent,
    load_ticks,
    loaded,
    log_totals,
    refused,
    runs,
    tick_csv,
    ticks,
    trade,
    trades,
)

from loaders.ticks import load
from pgio.connection import connect

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database", "tick_database"]


def test_s3_prefix_equals_the_folder(
    ticks_db: Database, tmp_path: Path, bucket: Any
) -> None:
    rows = trades(300)
    tick_csv(tmp_path / "2.csv", rows[:100])
    packed = gzip.compress(tick_csv(tmp_path / "x", rows[90:]).read_bytes())
    (tmp_path / "10.csv.gz").write_bytes(packed)
    (tmp_path / "readme.md").write_text("no recording")
    for path in tmp_path.iterdir():
        bucket.upload_file(str(path), f"raw/{path.name}")
    result = loaded("s3://landing/raw/")
    assert "2 loaded, 0 skipped" in result.output
    left_out = "WARNING: s3://landing/raw/: left out, no format takes them: "
    assert f"{left_out}raw/readme.md, raw/x\n" in result.output
    assert ticks(ticks_db) == expected(rows)
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 299)]
    assert "0 loaded, 2 skipped" in loaded("s3://landing/raw/").output
    # Here it is another object, whose ticks are known.
    assert "0 loaded, 310 duplicates" in loaded(tmp_path).output
    assert ticks(ticks_db) == expected(rows)


def test_the_name_of_an_object_in_s3_says_its_market(
    ticks_db: Database, tmp_path: Path, bucket: Any
) -> None:
    """Whole quantities would be contracts, were they not of BTCUSDT."""
    rows = [f"{n},60000.1,2,{n},{n},{n + 1723161600000},true" for n in range(120)]
    (tmp_path / "x").write_text("\n".join(rows))
    bucket.upload_file(str(tmp_path / "x"), "um/BTCUSDT-aggTrades-2024-08-09.csv")
    bucket.upload_file(str(tmp_path / "x"), "um/my_ETHUSDT-aggTrades-2024-08-09.csv")
    result = load_ticks("s3://landing/um/")
    assert "objects   1 loaded, 0 skipped (loaded before), 1 failed" in result.output
    assert "its name says ETHUSDT, which is not bitcoin" in result.output
    stored = ticks_db.execute(
        "select distinct exchange, volume::float from market_data.btc_ticks"
    ).fetchall()
    assert stored == [("binance_usdm", 2.0)]


def test_dry_run_lists_what_is_not_complete(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = [*trades(250), trade(250, volume="0")]
    tick_csv(tmp_path / "a.csv", rows)
    tick_csv(tmp_path / "b.csv", rows[:10])
    loaded(tmp_path / "b.csv")
    refused(tmp_path / "a.csv", "--max-bad-rows", 0)
    before = log_totals(ticks_db)
    result = loaded(tmp_path, "--dry-run")
    [line] = result.output.splitlines()
    assert line.startswith((tmp_path / "a.csv").as_uri())
    assert log_totals(ticks_db) == before


def test_too_many_bad_rows_stop_before_their_batch(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(450)
    rows[120] = trade(120, price="0")
    rows[320] = trade(320, ts="noon")
    rows[321] = trade(321, ts="")
    path = tick_csv(tmp_path / "a.csv", rows)
    message = refused(path, "--max-bad-rows", 2)
    assert "3 of the first 400 rows are bad" in message
    assert "the first is row 122, price" in message
    assert "ingestion.quarantine" in message
    assert log_totals(ticks_db) == (300, 298, 0, 1, 1)
    is_consistent(ticks_db)

    # The rest, and all that is wrong with it, once.
    result = loaded(path, "--max-bad-rows", "1%")
    assert "149 loaded, 0 duplicates, 2 quarantined" in result.output
    assert len(ticks(ticks_db)) == 447
    found = ticks_db.execute(
        "select row_number, relation, reason from ingestion.quarantine order by 1"
    ).fetchall()
    assert [row[0] for row in found] == [122, 322, 323]
    assert {row[1] for row in found} == {"market_data.btc_ticks"}
    assert "price" in found[0][2]
    assert runs(ticks_db) == [
        *((FIRST_ID, FIRST_ID + 119), (FIRST_ID + 121, FIRST_ID + 319)),
        (FIRST_ID + 322, FIRST_ID + 449),
    ]


def test_a_damaged_object_keeps_what_was_whole(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(3000)
    content = gzip.compress(tick_csv(tmp_path / "x", rows).read_bytes())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(content[: len(content) // 2])
    message = refused(path)
    assert path.name in message
    stored = ticks(ticks_db)
    assert 0 < len(stored) < 3000
    assert stored == expected(rows[: len(stored)])
    path.write_bytes(content)
    loaded(path)
    assert ticks(ticks_db) == expected(rows)


def test_columns_are_mapped(ticks_db: Database, tmp_path: Path) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(10))
    text = path.read_text().replace("ts,source_seq", "when,id")
    path.write_text(text)
    message = refused(path, "--format", "csv")
    assert "source_seq" in message
    loaded(path, "--columns", "ts=when,source_seq=id")
    assert ticks(ticks_db) == expected(trades(10))
    # As the README says it.
    mine = tmp_path / "mine.csv"
    mine.write_text("time,id,px,qty,side\n2024-08-09T00:00:00Z,1,60000.5,0.1,buy\n")
    columns = "ts=time,source_seq=id,price=px,volume=qty,side=side"
    loaded(mine, "--columns", columns, exchange="mine")
    assert [row[3:] for row in ticks(ticks_db, "mine")] == [
        ("60000.50000000", "0.100000000000", 1)
    ]
    # Said in other words it is another load, whose ticks are known.
    again = loaded(
        path, "--format", "csv", "--column", "ts=when", "--column", "source_seq=1"
    )
    assert "10 duplicates" in again.output


def test_bad_options(ticks_db: Database, tmp_path: Path) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(10))
    assert load_ticks(path, "--columns", "ts").exit_code == 2
    result = load_ticks(path, "--columns", "ts=when", "--format", "kraken")
    assert (result.exit_code, "--format csv" in result.output) == (2, True)
    for name in ("", "Binance Spot", "exchange:x", "1a"):
        assert load_ticks(path, "--exchange", name).exit_code == 2
    result = load_ticks(path, "--format", "parquet")
    assert result.exit_code == 2
    assert "csv" in result.output
    assert "--exchange" in refused(path, exchange=None)
    path.write_text("no recording\n")
    assert "--format" in refused(path)
    assert log_totals(ticks_db)[0] is None


#: By format, messages of a venue: two trades, what it sends beside trades, and others.
MESSAGES = {
    "binance_ws": (
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161600001,"s":"BTCUSDT",'
        '"t":@,"p":"60000.1","q":"0.001","T":1723161600000,"m":true,"M":true}}',
        [
            '{"result":null,"id":1}',
            '{"id":"a","status":200,"result":[],"rateLimits":[]}',
            '{"error":{"code":2,"msg":"Invalid request"},"id":3}',
            '{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker","s":"ETHUSDT"}]}',
            '{"e":"kline","E":1723161600001,"s":"BTCUSDT","k":{"t":1,"T":2,"i":"1m"}}',
            '{"e":"forceOrder","E":1723161600001,"o":{"s":"BTCUSDT","p":"1"}}',
            '{"u":7,"s":"BTCUSDT","b":"60000.0","B":"1","a":"60000.1","A":"1"}',
            '1723161600000000000 {"e":"depthUpdate","E":1723161600001,"s":"BTCUSDT",'
            '"U":1,"u":2,"b":[["60000.0","1"]],"a":[]}',
        ],
    ),
    "coinbase": (
        '{"type":"match","trade_id":@,"side":"sell","size":"0.5","price":"60000.1",'
        '"product_id":"BTC-USD","sequence":8,"time":"2024-08-09T00:00:00.5Z"}',
        [
            '{"type":"subscriptions","channels":[{"name":"matches"}]}',
            '{"type":"heartbeat","sequence":9,"product_id":"BTC-USD"}',
            '{"type":"l2update","product_id":"BTC-USD","changes":[["buy","1","2"]]}',
            '{"type":"done","side":"sell","product_id":"BTC-USD","reason":"filled"}',
        ],
    ),
    "kraken": (
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell",'
        '"price":60000.1,"qty":0.5,"trade_id":@,"timestamp":"2024-08-09T00:00:00Z"}]}',
        [
            '{"channel":"heartbeat"}',
            '{"method":"subscribe","result":{"channel":"trade"},"success":true}',
            '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[]}]}',
            '{"error":"Currency pair not supported","method":"subscribe"}',
        ],
    ),
    "bitstamp": (
        '{"event":"trade","channel":"live_trades_btcusd","data":{"id":@,"type":0,'
        '"amount_str":"0.5","price_str":"60000","microtimestamp":"1723161600000000"}}',
        [
            '{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}',
            '{"event":"bts:subscription_succeeded","channel":"live_trades_btcusd",'
            '"data":{}}',
            '{"event":"data","channel":"order_book_btcusd","data":{"bids":[],"asks":[]}}',
            '{"event":"order_created","channel":"live_orders_btcusd","data":{"id":1}}',
        ],
    ),
}  # fmt: skip


def _envelope(message: str) -> str:
    return f'{{"recv_ts":1723161600007,"raw":{message}}}'


def _recording(path: Path, *lines: str) -> Path:
    """Write messages; each ``@`` is a trade's id."""
    numbered = (line.replace("@", str(n)) for n, line in enumerate(lines, FIRST_ID))
    path.write_text("\n".join(numbered) + "\n")
    return path


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_known_or_quarantined(
    ticks_db: Database, tmp_path: Path, name: str
) -> None:
    trade_line, others = MESSAGES[name]
    unknown = ['{"hello":"world"}', _envelope(trade_line), "[1, 2]"]
    path = _recording(tmp_path / "a", trade_line, *others, trade_line, *unknown)
    message = refused(path, exchange=None)
    assert "3 of the first" in message
    output = loaded(path, "--max-bad-rows", 3, exchange=None).output
    assert f"2 loaded, 0 duplicates, 3 quarantined, {len(others)} skipped" in output
    reasons = ticks_db.execute(
        "select row_number, reason from ingestion.quarantine order by row_number"
    ).fetchall()
    first = len(others) + 3
    assert reasons == [
        (first, "line is no known message: it has hello"),
        (first + 1, "line is no known message: it has recv_ts, raw"),
        (first + 2, "line is no JSON object"),
    ]


@pytest.mark.parametrize("wrap", [_envelope, "[7,{}]".format, '{{"m":[{}]}}'.format])
@pytest.mark.parametrize("name", MESSAGES)
def test_an_object_without_a_known_message_fails(
    ticks_db: Database, tmp_path: Path, name: str, wrap: Callable[[str], str]
) -> None:
    """Whatever number of bad rows is allowed, and every time anew."""
    trade_line, others = MESSAGES[name]
    path = _recording(tmp_path / "a", *map(wrap, [trade_line, *others]))
    for _ in range(2):
        options = ("--format", name, "--max-bad-rows", "100%")
        assert "no line is a known message" in refused(path, *options, exchange=None)
    assert log_totals(ticks_db)[0] is None
    assert "--format" in refused(path, "--max-bad-rows", "100%", exchange=None)


@pytest.mark.parametrize("content", ["", "\n\r\n"])
def test_an_empty_object_fails_whatever_its_format(
    ticks_db: Database, tmp_path: Path, content: str
) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    assert "is empty" in refused(tmp_path / "a.jsonl", "--format", "kraken")
    assert "is empty" in refused(tmp_path / "a.jsonl")


#: A recording of a venue with three trades of bitcoin among others.
SEVERAL = {
    "binance": (
        MESSAGES["binance_ws"][0],
        ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    ),
    "coinbase": (MESSAGES["coinbase"][0], ("BTC-USD", "ETH-USD", "SOL-EUR")),
    "bitstamp": (MESSAGES["bitstamp"][0], ("btcusd", "ethusd", "xrpusd")),
    "tardis": (
        "binance,BTCUSDT,1723161600000000,1723161600000001,@,buy,60000.1,0.5",
        ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    ),
    "csv": (
        "1723161600000,@,60000.1,0.5,BTC-USD", ("BTC-USD", "ETH-USD", "SOL-USD")
    ),
}  # fmt: skip
HEADERS = {
    "tardis": ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"],
    "csv": ["ts,source_seq,price,volume,symbol"],
}


@pytest.mark.parametrize("name", SEVERAL)
def test_other_instruments_are_named_with_counts(
    ticks_db: Database, tmp_path: Path, name: str
) -> None:
    line, (own, second, third) = SEVERAL[name]
    other_lines = [line.replace(own, each) for each in (second, third, second)]
    # One that is looked at by itself.
    unusual = line.replace("trade", "\\u0074rade", 1).replace(",", " , ")
    other_lines.append(unusual.replace(own, second))
    head = HEADERS.get(name, [])
    exchange = OTHER_VENUE if name == "csv" else None
    both = f"{second} (3), {third} (1)"

    alone = _recording(tmp_path / "a", *head, *other_lines)
    message = refused(alone, exchange=exchange)
    assert f"nothing of bitcoin in it; there are rows of {both}" in message
    mixed = _recording(tmp_path / "b", *head, line, *other_lines, line)
    output = loaded(mixed, exchange=exchange).output
    assert "2 loaded, 0 duplicates, 0 quarantined" in output
    assert f"skipped   rows of other instruments: {both}" in output
    message = refused(mixed, "--symbol", "DOGEUSDT", exchange=exchange)
    assert "nothing of DOGEUSDT in it" in message
    assert f"{second} (3), {own} (2), {third} (1)" in message
    # Not marked as done.
    assert both in refused(alone, exchange=exchange)


def test_what_another_format_read_was_not_read(
    ticks_db: Database, tmp_path: Path
) -> None:
    trade_line, _ = MESSAGES["binance_ws"]
    path = _recording(tmp_path / "a.jsonl", trade_line)
    refused(path, "--format", "coinbase", exchange=None)
    assert "1 loaded, 0 duplicates" in loaded(path, exchange=None).output

    # Both formats know a heartbeat like this one, but the trade only one of them.
    trade_line, _ = MESSAGES["coinbase"]
    beat = '{"channel":"heartbeat","type":"heartbeat","product_id":"BTC-USD"}'
    path = _recording(tmp_path / "b.jsonl", beat, trade_line)
    named = ("--format", "kraken", "--max-bad-rows", 1)
    assert "objects   1 loaded" in loaded(path, *named, exchange=None).output
    assert "0 loaded, 1 skipped (" in loaded(path, *named, exchange=None).output
    dry = loaded(path, "--dry-run", exchange=None).output
    assert dry.startswith(path.as_uri())
    assert "rows      1 loaded" in loaded(path, exchange=None).output
    assert "0 loaded, 1 skipped (" in loaded(path, exchange=None).output


def test_what_a_named_format_read_is_read_as_the_recognised_one(
    ticks_db: Database, tmp_path: Path
) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(10))
    loaded(path, "--format", "csv")
    assert path.as_uri() in loaded(path, "--dry-run").output
    assert "0 loaded, 1 skipped (" in loaded(path).output
    # From now on its content need not be looked at.
    assert path.as_uri() not in loaded(path, "--dry-run").output
    assert "0 loaded, 1 skipped (" in loaded(path, "--format", "csv").output


def test_files_that_no_format_takes_are_listed(
    ticks_db: Database, tmp_path: Path
) -> None:
    tick_csv(tmp_path / "a" / "a.csv", trades(10))
    for name in ("b/notes.md", "a/day.parquet", "noname", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("?")
    for path in (tmp_path, f"{tmp_path}/*"):
        [line] = [li for li in loaded(path).output.splitlines() if "left out" in li]
        found = sorted(line.partition("no format takes them: ")[2].split(", "))
        assert found == ["a/day.parquet", "b/notes.md", f"{tmp_path.name}/noname"]
    for number in range(20):
        (tmp_path / "b" / f"{number:02}.dat").write_text("?")
    result = load_ticks(tmp_path / "b", "--exchange", VENUE)
    assert result.exit_code == 1
    assert "nothing found that ends in .csv or .gz" in result.output
    assert "b/" in result.output.partition("(what is there: ")[2]
    assert "and 11 more)" in result.output


def test_a_lost_connection_goes_on_where_it_was(
    ticks_db: Database,
    tmp_path: Path,
    small_chunks: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server ends the session in mid-load; the next run takes the rest."""
    write = load.insert_ticks
    batches: list[int] = []

    def end_the_third(conn: psycopg.Connection[Any], *arguments: Any) -> Any:
        batches.append(conn.info.backend_pid)
        if len(batches) == 3:
            with connect(autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s)", (batches[0],))
        return write(conn, *arguments)

    monkeypatch.setattr(load, "insert_ticks", end_the_third)
    tick_csv(tmp_path / "a.csv", trades(450))
    tick_csv(tmp_path / "b.csv", trades(150, 450))
    result = load_ticks(tmp_path, "--workers", 1, "--exchange", VENUE)
    assert result.exit_code == 1
    assert "1 loaded, 0 skipped (loaded before), 1 failed" in result.output
    is_consistent(ticks_db)
    assert log_totals(ticks_db)[1] == 199 + 150
    assert "251 loaded, 0 duplicates" in loaded(tmp_path).output
    assert ticks(ticks_db) == expected(trades(600))
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 599)]


def test_missing_tables_name_the_command(
    ticks_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"vigil_test_empty_{os.getpid()}"
    path = tick_csv(tmp_path / "a.csv", trades(1))
    ticks_db.execute(f"create database {name}")
    try:
        monkeypatch.setenv("PGDATABASE", name)
        result = load_ticks(path, "--exchange", OTHER_VENUE)
    finally:
        ticks_db.execute(f"drop database {name} with (force)")
    assert result.exit_code == 1
    for table in ("market_data.btc_ticks", "ingestion.sequence_runs"):
        assert table in result.output
    assert "dbt run-operation create_sources" in result.output


def test_help_names_what_there_is() -> None:
    result = load_ticks("--help")
    assert result.exit_code == 0
    for option in ("--exchange", "--symbol", "--columns", "--workers", "--dry-run"):
        assert option in result.output
