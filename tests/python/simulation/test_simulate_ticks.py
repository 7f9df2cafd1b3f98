"""The simulator's recordings have the venues' shapes; their truth agrees with them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from tick_tape import (
    READERS,
    START,
    Tape,
    Tick,
    in_milliseconds,
    lines_of,
    microseconds,
    read_plainly,
    settings,
)

from simulation.ticks import run
from simulation.ticks.run import simulate
from simulation.ticks.venues import BY_NAME


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    folder = tmp_path_factory.mktemp("ticks")
    return Tape(folder, simulate(folder, settings()))


@pytest.fixture(scope="module")
def ticks(tape: Tape) -> dict[str, list[Tick]]:
    """The truth, by venue and in the order of ids."""
    venues = defaultdict(list)
    for tick in sorted(tape.ticks()):
        venues[tick[0]].append(tick)
    return dict(venues)


def contents(folder: Path) -> dict[Path, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder): file.read_bytes() for file in files}


def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    wanted = settings(ticks=8_000, days=2, websocket_minutes=2, bad_lines=2)
    for name in ("one", "two"):
        simulate(tmp_path / name, wanted)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert len(one) > 20
    assert one == two


def test_another_seed_gives_another_tape(tmp_path: Path) -> None:
    for seed in (1, 2):
        wanted = settings(ticks=2_000, days=1, seed=seed, venues=("coinbase",))
        simulate(tmp_path / str(seed), wanted)
    one, two = (Tape(tmp_path / seed, {}).ticks() for seed in ("1", "2"))
    assert not one & two


def test_as_many_distinct_ticks_as_asked_for(
    tape: Tape, ticks: dict[str, list[Tick]]
) -> None:
    assert set(ticks) == set(BY_NAME)
    assert sum(map(len, ticks.values())) == settings().ticks
    assert tape.summary["distinct_ticks"] == {
        name: len(found) for name, found in sorted(ticks.items())
    }
    for found in ticks.values():
        assert len({tick[1] for tick in found}) == len(found)
        assert [tick[2] for tick in found] == sorted(tick[2] for tick in found)
        first, last = (datetime.fromtimestamp(found[i][2] / 1e6, UTC) for i in (0, -1))
        assert first.date() == START
        assert last.date() == START + timedelta(days=3)


def test_the_files_hold_the_truth_and_nothing_else(tape: Tape) -> None:
    found = {tick for file in tape.files() for tick in read_plainly(file)}
    assert in_milliseconds(found) == in_milliseconds(tape.ticks())
    # Times in microseconds where there are any.
    assert tape.ticks() <= found


def test_the_same_trade_is_in_several_files_and_precisions(tape: Tape) -> None:
    precise = {t for f in tape.files("binance_spot") for t in read_plainly(f)}
    dumped = {t for f in tape.files("binance_spot_websocket") for t in read_plainly(f)}
    bought = {t for f in tape.files("tardis") for t in read_plainly(f)}
    for coarse in (dumped, bought):
        assert len(coarse) > 100
        assert in_milliseconds(coarse) < in_milliseconds(precise)
        assert not coarse <= precise
    for kind in ("binance_usdm", "binance_coinm"):
        published = {t for f in tape.files(kind) for t in read_plainly(f)}
        recorded = {t for f in tape.files(f"{kind}_websocket") for t in read_plainly(f)}
        assert published & recorded
        assert published - recorded
        assert recorded - published
    for kind in ("coinbase", "kraken", "bitstamp"):
        lists = [read_plainly(file) for file in tape.files(kind)]
        assert sum(map(len, lists)) > len(set().union(*lists))


def test_lines_come_late_and_twice(tape: Tape) -> None:
    for kind in ("binance_usdm_websocket", "coinbase", "bitstamp"):
        for file in tape.files(kind)[1:]:
            ids = [tick[1] for tick in read_plainly(file)]
            assert ids != sorted(ids)
            assert len(set(ids)) < len(ids)
    for file in tape.files("binance_spot"):
        ids = [tick[1] for tick in read_plainly(file)]
        assert ids == sorted(set(ids))


def test_gaps_are_the_jumps_of_ids(tape: Tape, ticks: dict[str, list[Tick]]) -> None:
    jumps = {
        (name, one[1], other[1], other[1] - one[1] - 1)
        for name, found in ticks.items()
        for one, other in pairwise(found)
        if BY_NAME[name].is_consecutive and other[1] > one[1] + 1
    }
    listed = tape.truth("gaps")
    assert jumps == {
        (g["exchange"], int(g["seq_before"]), int(g["seq_after"]), int(g["missing"]))
        for g in listed
    }
    times = {(tick[0], tick[1]): tick[2] for found in ticks.values() for tick in found}
    for gap in listed:
        for end in ("before", "after"):
            key = (gap["exchange"], int(gap[f"seq_{end}"]))
            assert times[key] == microseconds(gap[f"ts_{end}"])
    causes = Counter((gap["exchange"], gap["cause"]) for gap in listed)
    for name, venue in BY_NAME.items():
        if venue.is_consecutive:
            assert causes[name, "not_recorded"] == 2
        assert (causes[name, "no_trade"] > 0) == venue.has_other_rows
    assert all(g["missing"] == "1" for g in listed if g["cause"] == "no_trade")


def test_futures_have_rows_that_are_no_market_trades(tape: Tape) -> None:
    kinds: Counter[str] = Counter()
    for file in tape.files("binance_*m_websocket"):
        for line in lines_of(file):
            data = json.loads(line.partition(" ")[2])["data"]
            kinds[data["X"]] += 1
            assert (Decimal(data["p"]) == 0) == (data["X"] != "MARKET")
            assert (Decimal(data["q"]) == 0) == (data["X"] == "INSURANCE_FUND")
    assert set(kinds) == {"MARKET", "INSURANCE_FUND", "ADL"}
    prices = [
        line.split(",")[1]
        for file in tape.files("binance_usdm")
        for line in lines_of(file)
    ]
    assert "0.0" in prices


def test_files_are_listed_with_what_they_hold(tape: Tape) -> None:
    listed = {row["path"]: row for row in tape.truth("files")}
    files = tape.files()
    assert {f.relative_to(tape.folder).as_posix() for f in files} == set(listed)
    for file in files:
        row = listed[file.relative_to(tape.folder).as_posix()]
        read = read_plainly(file)
        assert int(row["ticks"]) == len(read)
        assert {row["exchange"]} == {tick[0] for tick in read}
        if file.parent.name == "binance_spot_websocket":
            assert int(row["book_lines"]) == len(lines_of(file)) - len(read)
    suffixes = {file.suffix for file in tape.files("binance_spot")}
    assert suffixes == {".csv", ".gz", ".zip"}


def test_the_book_is_never_crossed_and_agrees_with_the_quotes(tape: Tape) -> None:
    for file in tape.files("binance_spot_websocket"):
        book: dict[str, dict[Decimal, Decimal]] = {}
        update = 0
        folded, quoted = {}, {}
        for line in lines_of(file):
            message = json.loads(line.partition(" ")[2])
            data = message.get("data", message)
            if "lastUpdateId" in data:
                assert not book
                update = data["lastUpdateId"]
                book = {side[0]: dict(pairs(data[side])) for side in ("bids", "asks")}
            elif message["stream"] == "btcusdt@bookTicker":
                quoted[data["u"]] = tuple(Decimal(data[key]) for key in "bBaA")
            elif message["stream"] == "btcusdt@depth@100ms":
                assert data["U"] == update + 1
                update = data["u"]
                for side, levels in book.items():
                    assert len(dict(pairs(data[side]))) == len(data[side])
                    for price, size in pairs(data[side]):
                        levels[price] = size
                        if size == 0:
                            del levels[price]
                bid, ask = max(book["b"]), min(book["a"])
                assert bid < ask
                folded[update - 5] = (bid, book["b"][bid], ask, book["a"][ask])
        assert len(quoted) > 1_000
        assert quoted.items() <= folded.items()


def pairs(levels: list[list[str]]) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(price), Decimal(size)) for price, size in levels]


def test_bad_lines_come_on_top(tmp_path: Path) -> None:
    wanted = settings(ticks=20_000, days=2, websocket_minutes=2)
    simulate(tmp_path / "good", wanted)
    simulate(tmp_path / "bad", replace(wanted, bad_lines=4))
    good, bad = Tape(tmp_path / "good", {}), Tape(tmp_path / "bad", {})
    assert good.ticks() == bad.ticks()
    for record in bad.truth("files"):
        file = bad.folder / record["path"]
        assert record["bad_lines"] == "4"
        refused = 0
        read = set()
        for line in lines_of(file):
            try:
                read.update(READERS[file.parent.name](line))
            except (ValueError, ArithmeticError):
                refused += 1
        twin = good.folder / file.relative_to(bad.folder)
        assert refused == 4
        assert read == set(read_plainly(twin))


def test_spot_files_of_2024_have_milliseconds(tmp_path: Path) -> None:
    wanted = settings(
        ticks=4_000, days=2, start=date(2024, 12, 31), venues=("binance_spot",)
    )
    simulate(tmp_path, wanted)
    tape = Tape(tmp_path, {})
    old, new = (lines_of(file) for file in tape.files("binance_spot"))
    assert {len(line.split(",")[4]) for line in old} == {13}
    assert {len(line.split(",")[4]) for line in new} == {16}
    turn = 1_735_689_600_000_000
    times = [tick[2] for tick in tape.ticks()]
    assert all(time % 1000 == 0 for time in times if time < turn)
    assert any(time % 1000 != 0 for time in times if time >= turn)


def test_parts_of_a_day_follow_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many trades are simulated a quarter of an hour at a time."""
    monkeypatch.setattr(run, "_PART_TICKS", 1)
    wanted = settings(ticks=30_000, days=1, venues=("binance_spot", "kraken"))
    simulate(tmp_path, wanted)
    tape = Tape(tmp_path, {})
    found = {tick for file in tape.files() for tick in read_plainly(file)}
    assert in_milliseconds(found) == in_milliseconds(tape.ticks())
    assert len(tape.ticks()) == wanted.ticks
    for venue in wanted.venues:
        ticks = sorted(tick for tick in tape.ticks() if tick[0] == venue)
        assert [tick[2] for tick in ticks] == sorted(tick[2] for tick in ticks)
        recorded = [g for g in tape.truth("gaps") if g["exchange"] == venue]
        assert ticks[-1][1] - ticks[0][1] + 1 == len(ticks) + sum(
            int(gap["missing"]) for gap in recorded
        )


def test_ids_of_a_later_tape_are_larger(tmp_path: Path) -> None:
    """So that both can be loaded into one table."""
    for name, start in (("one", START), ("two", START + timedelta(days=2))):
        wanted = settings(ticks=8_000, days=2, start=start)
        simulate(tmp_path / name, wanted)
    one, two = (Tape(tmp_path / name, {}).ticks() for name in ("one", "two"))
    for venue in BY_NAME:
        last = max(tick[1] for tick in one if tick[0] == venue)
        assert last < min(tick[1] for tick in two if tick[0] == venue)
