"""Windows: created with ticks, sealed, replayed; payloads, late ticks, the plan."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result
from tick_loading import (
    FIRST_ID,
    OTHER_VENUE,
    PER_WINDOW,
    START,
    VENUE,
    WINDOW,
    Database,
    expected,
    loaded,
    log_totals,
    refused,
    runs,
    start_loader,
    statuses,
    tick_csv,
    ticks,
    trade,
    trades,
)

from loaders.load_to_db import main
from loaders.ticks.windows import keep_order_books

pytest_plugins = ["loading_database", "tick_database"]


def _window(db: Database, number: int = 0, exchange: str = VENUE) -> Any:
    return db.execute(
        "select raw_payload from market_data.window_5m"
        " where window_start = %s and exchange = %s",
        (START + number * WINDOW, exchange),
    ).fetchone()


def test_windows_are_created_with_their_ticks(
    ticks_db: Database, tmp_path: Path
) -> None:
    loaded(tick_csv(tmp_path / "a.csv", trades(2 * PER_WINDOW + 10)))
    assert statuses(ticks_db) == {0: "sealed", 1: "sealed", 2: "open"}
    rows = ticks_db.execute(
        "select window_start, window_end, raw_payload from market_data.window_5m"
        " order by window_start"
    ).fetchall()
    starts = [START + number * WINDOW for number in range(3)]
    assert rows == [(start, start + WINDOW, None) for start in starts]


def test_status_moves_from_open_to_sealed_to_replayed(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(3 * PER_WINDOW)
    loaded(tick_csv(tmp_path / "a.csv", rows[:200]))
    assert statuses(ticks_db) == {0: "open"}
    # More of the same window; another venue is no reason to seal it.
    loaded(tick_csv(tmp_path / "b.csv", rows[100:400]))
    loaded(tick_csv(tmp_path / "b.csv", rows[2500:2600]), exchange=OTHER_VENUE)
    assert statuses(ticks_db) == {0: "open"}
    loaded(tick_csv(tmp_path / "c.csv", rows[1000:2450]))
    assert statuses(ticks_db) == {0: "sealed", 1: "sealed", 2: "open"}
    # Known ticks are none that a window receives.
    loaded(tick_csv(tmp_path / "d.csv", rows[:100]))
    assert statuses(ticks_db)[0] == "sealed"
    loaded(tick_csv(tmp_path / "e.csv", rows[380:420]))
    assert statuses(ticks_db) == {0: "replayed", 1: "sealed", 2: "open"}
    loaded(tick_csv(tmp_path / "f.csv", rows[3000:3001]))
    assert statuses(ticks_db) == {0: "replayed", 1: "sealed", 2: "open"}
    assert statuses(ticks_db, OTHER_VENUE) == {2: "open"}


def test_older_recordings_are_sealed_whatever_their_batches(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    """Batches end within windows, which are not replayed by the next batch."""
    rows = trades(4 * PER_WINDOW)
    loaded(tick_csv(tmp_path / "b.csv", rows[2 * PER_WINDOW + 50 :]))
    loaded(tick_csv(tmp_path / "a.csv", rows[: 2 * PER_WINDOW]))
    assert statuses(ticks_db) == dict.fromkeys(range(3), "sealed") | {3: "open"}


def test_a_recording_that_fails_lets_go_of_its_window(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(4 * PER_WINDOW)
    loaded(tick_csv(tmp_path / "b.csv", rows[3 * PER_WINDOW :]))
    bad = [*rows[: PER_WINDOW + 150], trade(PER_WINDOW + 150, price="?")]
    refused(tick_csv(tmp_path / "a.csv", bad), "--max-bad-rows", 0)
    assert statuses(ticks_db) == {0: "sealed", 1: "sealed", 3: "open"}


def test_recordings_read_side_by_side_do_not_replay_each_other(
    ticks_db: Database, tmp_path: Path
) -> None:
    rows = trades(10 * PER_WINDOW)
    for number in range(5):
        part = rows[2 * number * PER_WINDOW : 2 * (number + 1) * PER_WINDOW]
        tick_csv(tmp_path / f"{number}.csv", part)
    process = start_loader(tmp_path, "--exchange", VENUE, "--workers", 4)
    assert process.wait(timeout=120) == 0
    assert statuses(ticks_db) == dict.fromkeys(range(9), "sealed") | {9: "open"}


def _book(count: int, **values: Any) -> dict[str, Any]:
    return {"quote_count": count, "spread": {"mean": "0.01"}, **values}


@pytest.mark.any_server
def test_books_do_not_depend_on_their_order(ticks_db: Database) -> None:
    books = [_book(5, name="b"), _book(9, name="x"), _book(9, name="y"), _book(2)]
    for order in (books, books[::-1], [books[2], *books, books[2]]):
        ticks_db.execute("truncate market_data.window_5m")
        ticks_db.execute(
            "insert into market_data.window_5m (window_start, exchange, raw_payload)"
            " values (%s, %s, '{\"news\": 1}')",
            (START, VENUE),
        )
        for book in order:
            keep_order_books(ticks_db, VENUE, {START: book, START + WINDOW: book})
        assert _window(ticks_db) == ({"news": 1, "book": _book(9, name="y")},)
        assert _window(ticks_db, 1) == ({"book": _book(9, name="y")},)


def attach(*arguments: object, content: Any = None) -> Result:
    text = content if isinstance(content, str) else json.dumps(content)
    return CliRunner().invoke(main, ["payload", *map(str, arguments)], input=text)


def test_payload_creates_its_window_and_keeps_what_is_there(
    ticks_db: Database, tmp_path: Path
) -> None:
    place = ("--window", "2024-08-09T00:07Z", "--exchange", VENUE)
    news = {"title": "Ä", "size": 12345678901234567890, "rate": "0.1"}
    path = tmp_path / "news.json"
    path.write_bytes(orjson.dumps({**news, "size": 1}))
    assert attach(path, *place, "--name", "news").exit_code == 0
    assert _window(ticks_db, 1) == ({"news": {**news, "size": 1}},)
    assert statuses(ticks_db) == {1: "open"}

    again = attach(path, *place, "--name", "news")
    assert (again.exit_code, again.output[:16]) == (0, "already attached")
    other = attach("-", *place, "--name", "news", content=news)
    assert other.exit_code == 1
    assert "--replace" in other.output
    assert _window(ticks_db, 1) == ({"news": {**news, "size": 1}},)
    assert (
        attach("-", *place, "--name", "news", "--replace", content=news).exit_code == 0
    )
    assert attach("-", *place, "--name", "blob", content=[1, None]).exit_code == 0
    assert _window(ticks_db, 1) == ({"news": news, "blob": [1, None]},)

    loaded(tick_csv(tmp_path / "a.csv", trades(3 * PER_WINDOW)))
    assert statuses(ticks_db) == {0: "sealed", 1: "sealed", 2: "open"}
    assert _window(ticks_db, 1) == ({"news": news, "blob": [1, None]},)
    # A window of the past is sealed at once.
    past = ("--window", "2024-08-08 23:55", "--exchange", VENUE, "--name", "news")
    assert "2024-08-08 23:55:00Z" in attach("-", *past, content={}).output
    assert statuses(ticks_db)[-1] == "sealed"


@pytest.mark.any_server
@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("{", "news", "no JSON"),
        ("", "news", "no JSON"),
        ('{"a": NaN}', "news", "no JSON"),
        ('"a\\u0000"', "news", "\\u0000"),
        ("{}", "book", "belongs to the loader"),
    ],
)
def test_payloads_that_cannot_be(
    ticks_db: Database, content: str, name: str, message: str
) -> None:
    place = ("--window", "2024-08-09T00:07Z", "--exchange", VENUE)
    result = attach("-", *place, "--name", name, content=content)
    assert result.exit_code == 1
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert _window(ticks_db, 1) is None


@pytest.mark.any_server
def test_a_time_that_is_none(ticks_db: Database) -> None:
    place = ("--window", "yesterday", "--exchange", VENUE, "--name", "x")
    result = attach("-", *place, content={})
    assert result.exit_code == 2
    assert "2024-08-09T00:00Z" in result.output


def _keep_from(db: Database, instant: datetime) -> None:
    db.execute(
        "insert into ops.retention_marks (relation, dropped_before)"
        " values ('market_data.btc_ticks', %s)",
        (instant,),
    )


def test_late_ticks_are_one_line_with_a_count(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    kept_from = (
        START
        + timedelta(microseconds=int(trade(130).ts))
        - (START - datetime(1970, 1, 1, tzinfo=START.tzinfo))
    )
    _keep_from(ticks_db, kept_from)
    rows = trades(250)
    output = loaded(tick_csv(tmp_path / "a.csv", rows), "--max-bad-rows", 0).output
    assert ticks(ticks_db) == expected(rows[130:])
    assert runs(ticks_db) == [(FIRST_ID + 130, FIRST_ID + 249)]
    assert log_totals(ticks_db) == (251, 120, 0, 0, 131)
    # Over all batches and objects, with the way to keep them.
    [line] = [line for line in output.splitlines() if "older than" in line]
    assert "130 ticks older than what is kept, from 2024-08-09 00:00:32.500004Z" in line
    assert "`retention` of btc_ticks in models/sources/_market_data__sources" in line
    assert ticks_db.execute("select count(*) from ingestion.quarantine").fetchone() == (
        0,
    )


def test_a_wholly_late_recording_leaves_no_tick_and_no_window(
    ticks_db: Database, tmp_path: Path
) -> None:
    rows = trades(2000)
    loaded(tick_csv(tmp_path / "b.csv", rows[1500:]))
    _keep_from(ticks_db, START + WINDOW)
    output = loaded(tick_csv(tmp_path / "a.csv", rows[:1100])).output
    assert " 1,100 ticks older than" in output
    assert ticks(ticks_db) == expected(rows[1500:])
    assert statuses(ticks_db) == {1: "open"}
    assert runs(ticks_db) == [(FIRST_ID + 1500, FIRST_ID + 1999)]


@pytest.mark.any_server
def test_a_window_is_named_by_its_start(ticks_db: Database, tmp_path: Path) -> None:
    """What the README says of ``between``, both of whose ends count."""
    loaded(tick_csv(tmp_path / "a.csv", trades(3 * PER_WINDOW)))
    count = "select count(*) from market_data.btc_ticks where window_start "
    between = "between %(t)s and %(t)s + interval '5 minutes'"
    [one] = ticks_db.execute(f"{count} = %(t)s", {"t": START}).fetchone() or ()
    [two] = ticks_db.execute(count + between, {"t": START}).fetchone() or ()
    assert (one, two) == (PER_WINDOW, 2 * PER_WINDOW)


@pytest.mark.any_server
def test_late_ticks_do_not_hide_bad_ones(ticks_db: Database, tmp_path: Path) -> None:
    _keep_from(ticks_db, START + WINDOW)
    rows = [trade(0, price="-1"), *trades(20, 1)]
    message = refused(tick_csv(tmp_path / "a.csv", rows), "--max-bad-rows", 0)
    assert "1 of the first 22 rows are bad" in message
    assert ticks_db.execute("select count(*) from ingestion.quarantine").fetchone() == (
        0,
    )


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(n for child in plan.get("Plans", []) for n in _nodes(child))]


def test_the_ticks_of_a_window_come_from_an_index(
    ticks_db: Database, tmp_path: Path
) -> None:
    loaded(tick_csv(tmp_path / "a.csv", trades(20 * PER_WINDOW)))
    ticks_db.execute("analyze market_data.btc_ticks")
    [(plan,)] = ticks_db.execute(
        """
        explain (analyze, format json)
        select * from market_data.btc_ticks
        where window_start between timestamptz '2024-08-09 00:30Z'
            and timestamptz '2024-08-09 00:30Z' + interval '5 minutes'
        order by ts
        """
    ).fetchall()
    nodes = _nodes(plan[0]["Plan"])
    assert plan[0]["Plan"]["Actual Rows"] == 2 * PER_WINDOW
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    scans = [node for node in nodes if "Scan" in node["Node Type"]]
    assert scans
    assert {node["Index Name"] for node in scans if "Index Name" in node}
    assert "btc_ticks_window" in str(plan)
    # What the index hands over is what is wanted: nothing is read to be thrown away.
    assert not [node for node in nodes if node.get("Rows Removed by Filter")]


def test_what_a_batch_asks_is_answered_by_an_index(
    ticks_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = trades(20 * PER_WINDOW)
    loaded(tick_csv(tmp_path / "a.csv", rows))
    ticks_db.execute("analyze market_data.btc_ticks")
    asked: list[tuple[Any, Any]] = []
    execute = psycopg.Connection.execute

    def listen(conn: Any, query: Any, params: Any = None, **more: Any) -> Any:
        text = query if isinstance(query, str) else query.as_string(conn)
        if "from market_data.btc_ticks" in text and "insert" not in text:
            asked.append((text, params))
        return execute(conn, query, params, **more)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", listen)
        loaded(tick_csv(tmp_path / "b.csv", rows[5000:5100]))
    assert (
        len(asked) == 3
    )  # the neighbours, whether there is anything, whether the same
    for text, params in asked:
        [(plan,)] = ticks_db.execute(
            f"explain (format json) {_without_staging(text)}", params
        ).fetchall()
        nodes = _nodes(plan[0]["Plan"])
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan"], text


def _without_staging(text: str) -> str:
    """Only the part that reads the table: staging belongs to the loader's session."""
    if "vigil_ticks_staging" not in text:
        return text
    return text[: text.index(")\n        select")].replace(
        "with stored as materialized (", ""
    )
