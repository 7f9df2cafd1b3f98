"""Funding rates: answers of the API, payments of the archive, lines of any length."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import lz4.frame
import orjson
import psycopg
import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from loading import archive_lines, count, fills, is_untouched, last_load, load, loaded

from loaders.funding import read_misc_events
from loaders.lines import read_lines, split_json
from pgio.connection import PROJECT_DIR

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]

HOUR = 1_756_717_200_000  # 2025-09-01 09:00 UTC, ms
RELATION = "hyperliquid.funding_rates"
OTHER = {"time": "x", "hash": "0x1", "inner": {"LedgerUpdate": {"users": ["0xa"]}}}


def entry(hour: int = 0, coin: str = "ETH", **changes: Any) -> dict[str, Any]:
    """An hour of an answer of `fundingHistory`."""
    return {
        "coin": coin,
        "fundingRate": f"-0.0002219{hour}",
        "premium": "-0.00052196",
        "time": HOUR + hour * 3_600_000 + 76,
    } | changes


def delta(coin: str = "ETH", number: int = 0, **changes: Any) -> dict[str, Any]:
    """A payment."""
    return {
        "user": f"0x{number:040x}",
        "coin": coin,
        "funding_amount": "9.330246",
        "szi": "280.0",
        "funding_rate": "-0.0002219",
    } | changes


def funding(
    deltas: list[Any], time: str = "2025-09-01T09:00:00.004123"
) -> dict[str, Any]:
    return {"time": time, "hash": "0x0", "inner": {"Funding": {"deltas": deltas}}}


def block(*events: Any) -> bytes:
    stamp = "2025-09-01T09:00:00.123456789"
    times = {"local_time": stamp, "block_time": stamp, "block_number": 712_345_678}
    return orjson.dumps({**times, "events": events})


def hour(path: Path, *lines: bytes) -> Path:
    """Write an hour of the archive."""
    path.write_bytes(lz4.frame.compress(b"\n".join(lines) + b"\n"))
    return path


def answer(path: Path, content: Any) -> Path:
    path.write_bytes(orjson.dumps(content))
    return path


def load_funding(*arguments: object) -> Result:
    return load(*arguments, command="funding")


def loaded_funding(*arguments: object) -> Result:
    return loaded(*arguments, command="funding")


def rates(db: Database) -> list[tuple[Any, ...]]:
    return db.execute(
        f"select (time - {HOUR}) / 3600000, coin, rate, oracle_px, source"
        f" from {RELATION} order by 1, 2"
    ).fetchall()


def refusals(db: Database) -> list[tuple[Any, ...]]:
    return db.execute(
        "select row_number, reason, raw from ingestion.quarantine order by 1, 2"
    ).fetchall()


def skipped(db: Database) -> int:
    row = db.execute(
        "select rows_skipped from ingestion.load_log order by load_id desc limit 1"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    "write",
    [
        orjson.dumps,
        lambda rows: orjson.dumps(rows, option=orjson.OPT_INDENT_2),
        lambda rows: b"\n".join(map(orjson.dumps, rows)),
        lambda rows: b"\n\n".join(orjson.dumps([row]) for row in rows),
        lambda rows: lz4.frame.compress(orjson.dumps(rows)),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a"])
def test_answers_of_the_api(
    loading_db: Database, tmp_path: Path, write: Any, name: str
) -> None:
    rows = [entry(0), entry(1, "BTC"), entry(1, fundingRate="0.00001250")]
    (tmp_path / name).write_bytes(write(rows))
    loaded_funding(tmp_path)
    assert last_load(loading_db) == (3, 3, 0, 0)
    assert rates(loading_db) == [
        (0, "ETH", Decimal("-0.00022190"), None, "funding_history"),
        (1, "BTC", Decimal("-0.00022191"), None, "funding_history"),
        (1, "ETH", Decimal("0.0000125"), None, "funding_history"),
    ]


def test_payments_become_a_row_per_coin_and_hour(
    loading_db: Database, tmp_path: Path
) -> None:
    path = hour(
        tmp_path / "9.lz4",
        block(),
        block(OTHER, OTHER),
        block(OTHER, funding([delta(number=n) for n in range(50)])),
        block(funding([delta(number=50, funding_rate="-0.00022190"), delta("BTC")])),
        block(funding([delta()], time="2025-09-01T10:00:59.999")),
    )
    result = loaded_funding(tmp_path)
    # Three rows and three events of another kind.
    assert last_load(loading_db) == (6, 3, 0, 0)
    assert skipped(loading_db) == 3
    assert "3 loaded, 0 duplicates, 0 quarantined, 3 skipped" in result.output
    rate = Decimal("-0.0002219")
    assert rates(loading_db) == [
        (0, "BTC", rate, None, "misc_events"),
        (0, "ETH", rate, None, "misc_events"),
        (1, "ETH", rate, None, "misc_events"),
    ]
    assert "0 loaded, 1 skipped" in loaded_funding(path).output


def test_one_rate_from_both_sources(loading_db: Database, tmp_path: Path) -> None:
    loaded_funding(answer(tmp_path / "a.json", [entry(0, fundingRate="-0.0002219")]))
    loaded_funding(hour(tmp_path / "9.lz4", block(funding([delta(), delta("BTC")]))))
    assert last_load(loading_db) == (2, 1, 1, 0)
    other = block(funding([delta(funding_rate="0.5"), delta("BTC")]))
    path = hour(tmp_path / "10.lz4", OTHER_LINE, other)
    loaded_funding(path)
    assert last_load(loading_db) == (3, 0, 1, 1)
    [(number, reason, raw)] = refusals(loading_db)
    assert number == 2
    assert reason == "differs from the stored row: rate (stored -0.0002219, here 0.5)"
    assert (raw["coin"], raw["source"]) == ("ETH", "misc_events")
    assert [row[2:] for row in rates(loading_db)] == [
        (Decimal("-0.0002219"), None, "misc_events"),
        (Decimal("-0.0002219"), None, "funding_history"),
    ]
    loaded_funding(path, "--replace")
    assert [row[2:] for row in rates(loading_db)] == [
        (Decimal("-0.0002219"), None, "misc_events"),
        (Decimal("0.5"), None, "misc_events"),
    ]


OTHER_LINE = block(OTHER)


def test_payments_that_disagree_are_a_bad_row(
    loading_db: Database, tmp_path: Path
) -> None:
    path = hour(
        tmp_path / "9.lz4",
        OTHER_LINE,
        block(funding([delta(), delta("BTC"), delta(), delta(funding_rate="0.1")])),
        block(funding([delta(funding_rate="0.1")])),
    )
    result = load_funding(path)
    assert result.exit_code == 1
    assert "1 of 3 rows are bad, more than --max-bad-rows 0.1%" in result.output
    loaded_funding(path, "--max-bad-rows", 1)
    assert [row[1] for row in rates(loading_db)] == ["BTC"]
    [(number, reason, raw)] = refusals(loading_db)
    assert number == 2
    assert reason == (
        "funding_rate: payments of ETH at 2025-09-01T09:00:00+00:00 disagree: "
        "-0.0002219 (2), 0.1 (2)"
    )
    assert orjson.loads(raw) == delta()


BAD_ENTRIES: list[tuple[Any, str]] = [
    (entry(fundingRate="0x10"), "fundingRate is no number ('0x10')"),
    (entry(fundingRate="1_0"), "fundingRate is no number ('1_0')"),
    (entry(fundingRate="nan"), "fundingRate is no number ('nan')"),
    (entry(fundingRate="1e400"), "fundingRate has more than 20 digits"),
    (entry(fundingRate=0.12), "fundingRate is a number of JSON"),
    (entry(fundingRate=None), "fundingRate is missing"),
    (entry(coin=""), "coin is missing"),
    (entry(time=HOUR + 60_000), "time is more than a minute after a full hour"),
    (entry(time=HOUR - 1), "time is more than a minute after a full hour"),
    (entry(time=HOUR // 10**9), "time is not between 2023 and tomorrow"),
    (entry(time=1_672_531_199_999), "time is not between 2023 and tomorrow"),
    (entry(time="soon"), "time is no time ('soon')"),
    ({"coin": "ETH", "fundingRate": "1"}, "time is missing"),
    (7, "entry is no JSON object"),
]


def test_bad_entries_of_an_answer(loading_db: Database, tmp_path: Path) -> None:
    bad = [row for row, _ in BAD_ENTRIES]
    path = answer(tmp_path / "a.json", [entry(0), *bad, entry(1)])
    result = load_funding(path)
    assert "row 2, fundingRate is no number ('0x10')" in result.output
    assert is_untouched(loading_db)
    loaded_funding(path, "--max-bad-rows", len(bad))
    assert last_load(loading_db) == (len(bad) + 2, 2, 0, len(bad))
    for index, (number, reason, raw) in enumerate(refusals(loading_db)):
        assert number == index + 2
        assert reason.startswith(BAD_ENTRIES[index][1])
        assert orjson.loads(raw) == bad[index]


BAD_DELTAS: list[tuple[Any, str]] = [
    (delta(funding_rate="0x10"), "funding_rate is no number ('0x10')"),
    (delta(funding_rate="1_0"), "funding_rate is no number ('1_0')"),
    (delta(funding_rate="nan"), "funding_rate is no number ('nan')"),
    (delta(funding_rate="1e400"), "funding_rate has more than 20 digits"),
    (delta(funding_rate=0.25), "funding_rate is a number of JSON"),
    (delta(coin=None), "coin is missing"),
    (7, "coin is missing"),
]
BAD_LINES: list[tuple[bytes, str]] = [
    *((block(funding([row])), reason) for row, reason in BAD_DELTAS),
    (
        block(funding([delta()], "2025-09-01T09:01:00")),
        "time is more than a minute after a full hour ('2025-09-01T09:01:00')",
    ),
    (block(funding([delta()], "soon")), "time is no time ('soon')"),
    (block({"inner": {"Funding": {"deltas": 7}}}), "inner is no event with a list"),
    (block({"time": "x"}), "inner is no event with a list of deltas"),
    (block(7), "inner is no event with a list of deltas"),
    (b'{"events": 7}', "events is no list: the line is no block"),
    (b'{"events": [', "line is not JSON"),
    (b"\xff\xfe", "line is not UTF-8"),
]


def test_bad_lines_of_the_archive(loading_db: Database, tmp_path: Path) -> None:
    lines = [line for line, _ in BAD_LINES]
    good = block(funding([delta("BTC")]))
    path = hour(tmp_path / "9.lz4", OTHER_LINE, good, *lines)
    assert load_funding(path).exit_code == 1
    assert is_untouched(loading_db)
    loaded_funding(path, "--max-bad-rows", len(lines))
    assert last_load(loading_db) == (len(lines) + 2, 1, 0, len(lines))
    for index, (number, reason, _) in enumerate(refusals(loading_db)):
        assert number == index + 3
        assert reason.startswith(BAD_LINES[index][1])


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"\n \n", "there is no row in it"),
        (b"[]", "there is no row in it"),
        (b'{"events": []}', "there is no row in it"),
        (b'[{"coin": "A", "fundingRate": "x"}]', "no row of it can be loaded"),
        (orjson.dumps(entry()) + b'\n"\xff"', "line 2 is not UTF-8"),
        (b"PAR1", "holds fills: load it with python -m loaders.load_to_db fills"),
        (archive_lines(fills(2))[0], "python -m loaders.load_to_db fills"),
        (orjson.dumps(fills(2)), "python -m loaders.load_to_db fills"),
        (b"time,coin,mark_px\n", "python -m loaders.load_to_db contexts"),
        (lz4.frame.compress(block(funding([delta()])) * 90)[:-9], "cut short"),
    ],
)
def test_a_file_that_is_none_fails(
    loading_db: Database, tmp_path: Path, data: bytes, complaint: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    result = load_funding(path, "--max-bad-rows", "100%")
    assert result.exit_code == 1
    assert complaint in " ".join(result.output.split())
    assert is_untouched(loading_db)


@pytest.mark.parametrize("command", ["fills", "contexts"])
def test_funding_given_to_other_commands(
    loading_db: Database, tmp_path: Path, command: str
) -> None:
    hour(tmp_path / "9.lz4", block(), block(OTHER, funding([delta()])))
    hour(tmp_path / "h.lz4", orjson.dumps([entry()]))
    result = load(tmp_path, command=command)
    assert result.exit_code == 1
    assert result.output.count("holds funding rates: load it with python -m load") == 2
    assert is_untouched(loading_db)


def test_blocks_without_events_are_of_either_command(
    loading_db: Database, tmp_path: Path
) -> None:
    empty = [block()] * 2000
    assert len(b"\n".join(empty)) > 1 << 16
    hour(tmp_path / "9.lz4", *empty, block(funding([delta()])))
    loaded_funding(tmp_path)
    assert count(loading_db, RELATION) == 1
    loading_db.execute("truncate ingestion.stream_offsets")
    hour(tmp_path / "9.lz4", *empty, *archive_lines(fills(3)))
    loaded(tmp_path)
    assert count(loading_db) == 3


def test_a_long_line_is_split_into_lines_that_say_the_same(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coins = [f"C{number % 40}" for number in range(3000)]
    deltas = [delta(coin, n, user='0x"},{"\\') for n, coin in enumerate(coins)]
    lines = [block(*[OTHER] * 40, funding(deltas), OTHER), OTHER_LINE]
    last = block(funding([delta("x", funding_rate=1)]))
    path = tmp_path / "9"  # not packed: blocks of LZ4 are read whole
    path.write_bytes(b"\n".join([*lines, last]))
    loaded_funding(path)
    expected = rates(loading_db)
    assert len(expected) == 41
    assert skipped(loading_db) == 42
    loading_db.execute(f"truncate {RELATION}, ingestion.stream_offsets")
    monkeypatch.setattr("loaders.funding._BATCH_BYTES", 2000)
    monkeypatch.setattr("loaders.content._READ_BYTES", 1000)
    pieces = [
        batch.text(batch.first_number) for batch in read_lines(path, 2000, split_json)
    ]
    assert len(pieces) > 100
    assert max(map(len, pieces)) < 4000
    loaded_funding(path)
    assert rates(loading_db) == expected
    assert skipped(loading_db) == 42


_INTEGERS = st.integers(-9, 9)
_OBJECTS = st.dictionaries(st.text('"{}[],\\', max_size=3), _INTEGERS, max_size=2)
_VALUES = st.recursive(
    st.one_of(_INTEGERS, st.text(max_size=8), st.none(), st.lists(_OBJECTS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=20,
)


@given(st.lists(st.dictionaries(st.text(max_size=2), _VALUES)), st.data())
def test_both_parts_of_a_split_line_are_whole(value: Any, data: st.DataObject) -> None:
    """Wherever a line is stopped: put together again, the parts are the line."""
    line = orjson.dumps({"block": 1, "events": value})
    stop = data.draw(st.integers(0, len(line)))
    parts = split_json(line[:stop])
    if parts is not None:
        first, second = parts[0], parts[1] + line[stop:]
        depth = len(first) - _shared(first, line)
        whole = merged(orjson.loads(first), orjson.loads(second), depth)
        assert whole == orjson.loads(line)


def _shared(first: bytes, second: bytes) -> int:
    """Count the bytes with which both begin."""
    pairs = zip(first, second, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), len(first))


def merged(first: Any, second: Any, depth: int) -> Any:
    """Put two parts together that have so many lists and objects open between them."""
    if depth == 1:
        return first + second
    if isinstance(first, list):
        both = merged(first[-1], second[0], depth - 1)
        return [*first[:-1], both, *second[1:]]
    *_, opened = first
    return {**second, opened: merged(first[opened], second[opened], depth - 1)}


_PEAK = """
import sys
from pathlib import Path
from loaders.funding import read_misc_events
rows = sum(chunk.rows.num_rows for chunk in read_misc_events(Path(sys.argv[1])))
[peak] = [x for x in open("/proc/self/status") if x.startswith("VmHWM")]
print(rows, int(peak.split()[1]) // 1024)
"""


def test_memory_does_not_grow_with_a_line(tmp_path: Path) -> None:
    """Lines of 25 and 50 MB take what one of 1 MB takes, in MB."""
    peaks = []
    for payments in (8_000, 200_000, 400_000):
        deltas = [delta(f"C{n % 200}", n) for n in range(payments)]
        line = block(OTHER, funding(deltas))
        path = hour(tmp_path / f"{payments}.lz4", line)
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, str(path)],
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
        rows, peak = map(int, done.stdout.split())
        assert rows == 200
        peaks.append((len(line) >> 20, peak))
    assert all(
        size >= least for (size, _), least in zip(peaks, (1, 25, 50), strict=True)
    )
    short, long, longest = (peak for _, peak in peaks)
    assert long - short < 25, peaks
    assert longest - long < 25, peaks


def test_hours_come_sorted_and_once(tmp_path: Path) -> None:
    lines = [block(funding([delta("B"), delta("A")])) for _ in range(3)]
    *_, last = read_misc_events(hour(tmp_path / "9.lz4", *lines))
    assert last.rows.column("coin").to_pylist() == ["A", "B"]
    assert last.rows_read == 2
