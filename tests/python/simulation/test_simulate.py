"""The simulator's tape has the exchange's shape, and its truth agrees with its tape."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pgio.connection import PROJECT_DIR
from simulation.__main__ import main
from simulation.fills import orders, run
from simulation.fills.coins import COINS
from simulation.fills.run import Settings, simulate

Row = dict[str, Any]
Key = tuple[str, str]

FILLS = 50_000
CANONICAL = re.compile(r"-?(0|[1-9][0-9]*)\.([0-9]*[1-9]|0)")
COLUMNS = [
    *("time", "user", "coin", "px", "sz", "side", "dir", "startPosition"),
    *("closedPnl", "fee", "crossed", "hash", "oid", "tid", "block_time", "feeToken"),
    *("twapId", "builderFee", "cloid", "builder", "liquidation"),
]
DECIMALS = ("px", "sz", "startPosition", "closedPnl", "fee", "builderFee")
BY_NAME = {coin.name: coin for coin in COINS}


def settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "fills": FILLS,
        "days": 30,
        "seed": 11,
        "start": date(2025, 7, 1),
        "traders": 450,
    }
    return Settings(**(values | changes))


@dataclass
class Tape:
    folder: Path
    rows: list[Row]
    summary: dict[str, Any]

    def truth(self, name: str) -> list[Row]:
        table = pq.read_table(self.folder / "truth" / f"{name}.parquet")
        return list(table.to_pylist())


def read_parquet(folder: Path) -> list[Row]:
    files = sorted((folder / "parquet").rglob("*.parquet"))
    # A file at a time: `read_table` would take folders for partitions.
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def read_blocks(folder: Path) -> Iterator[Row]:
    root = folder / "archive" / "node_fills_by_block" / "hourly"
    files = root.glob("*/*.lz4")
    for file in sorted(files, key=lambda f: (f.parent.name, int(f.stem))):
        for line in lz4.frame.open(file):
            yield json.loads(line)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    folder = tmp_path_factory.mktemp("tape")
    summary = simulate(folder, settings(), "both")
    return Tape(folder, read_parquet(folder), summary)


def is_spot(row: Row) -> bool:
    return row["coin"].startswith("@") or "/" in row["coin"]


def delta(row: Row) -> Decimal:
    size = Decimal(row["sz"]) if row["side"] == "B" else -Decimal(row["sz"])
    return size if row["feeToken"] == "USDC" else size - Decimal(row["fee"])


def fee_usd(row: Row) -> Decimal:
    fee = Decimal(row["fee"])
    return fee if row["feeToken"] == "USDC" else fee * Decimal(row["px"])


def test_as_many_rows_as_asked_for(tape: Tape) -> None:
    assert len(tape.rows) == FILLS
    assert tape.summary["features"]["rows"] == len(tape.rows)
    assert tape.summary["traders_on_tape"] == len({row["user"] for row in tape.rows})
    days = {row["time"] // 86_400_000 for row in tape.rows}
    assert len(days) == 30
    assert [r["time"] for r in tape.rows] == sorted(r["time"] for r in tape.rows)
    assert tape.rows[-1]["time"] % 86_400_000 // 3_600_000 == 23


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    wanted = settings(fills=6_000, days=3, traders=80)
    for name in ("one", "two"):
        simulate(tmp_path / name, wanted, "both")
    one, two = (
        {
            file.relative_to(tmp_path / name): file.read_bytes()
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("one", "two")
    )
    assert len(one) > 3
    assert one == two


def test_another_seed_gives_another_tape(tmp_path: Path) -> None:
    for seed in (1, 2):
        wanted = settings(fills=2_000, days=1, traders=80, seed=seed)
        simulate(tmp_path / str(seed), wanted, "parquet")
    one, two = read_parquet(tmp_path / "1"), read_parquet(tmp_path / "2")
    assert not {row["hash"] for row in one} & {row["hash"] for row in two} - {
        "0x" + "0" * 64
    }
    assert not {row["user"] for row in one} & {row["user"] for row in two}


def test_parts_of_a_day_follow_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many fills are simulated an hour at a time."""
    monkeypatch.setattr(run, "_PART_ROWS", 1)
    simulate(tmp_path, settings(fills=40_000, days=1, traders=80), "both")
    file = pq.ParquetFile(tmp_path / "parquet" / "20250701.parquet")
    assert file.num_row_groups > 1
    rows = read_parquet(tmp_path)
    assert len(rows) == 40_000
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    blocks = [block for block in read_blocks(tmp_path) if block["events"]]
    assert [fill["tid"] for block in blocks for _, fill in block["events"]] == [
        row["tid"] for row in rows
    ]
    numbers = [block["block_number"] for block in blocks]
    assert numbers == sorted(set(numbers))
    ends: dict[Key, Decimal] = {}
    breaks = 0
    for row in rows:
        key = (row["user"], row["coin"])
        breaks += ends.get(key, Decimal(row["startPosition"])) != Decimal(
            row["startPosition"]
        )
        ends[key] = Decimal(row["startPosition"]) + delta(row)
    assert 0 < breaks < 200


def test_more_fills_than_blocks_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "BLOCK_MS", 3_600_000)
    with pytest.raises(ValueError, match="ask for fewer fills, or for more days"):
        simulate(tmp_path, settings(fills=2_000, days=1), "parquet")


def test_columns_and_types(tape: Tape) -> None:
    schema = pq.ParquetFile(next((tape.folder / "parquet").iterdir())).schema_arrow
    assert schema.names == COLUMNS
    assert {f.type for f in schema if f.name in DECIMALS} == {pa.string()}
    assert schema.field("liquidation").type.names == [
        "liquidatedUser",
        "markPx",
        "method",
    ]


def test_both_formats_hold_the_same_rows(tape: Tape) -> None:
    archived = []
    blocks = list(read_blocks(tape.folder))
    for block in blocks:
        assert block["block_time"][10] == "T"
        for user, fill in block["events"]:
            archived.append(fill | {"user": user, "block_time": block["block_time"]})
    printed = [{k: v for k, v in row.items() if v is not None} for row in tape.rows]
    assert archived == printed
    numbers = [block["block_number"] for block in blocks]
    assert numbers == sorted(set(numbers))
    assert any(not block["events"] for block in blocks)


def test_hourly_files_hold_the_rows_of_the_hour(tmp_path: Path) -> None:
    wanted = settings(fills=3_000, days=2, traders=80)
    simulate(tmp_path / "hourly", wanted, "parquet", is_hourly=True)
    simulate(tmp_path / "daily", wanted, "parquet")
    assert (tmp_path / "hourly" / "parquet" / "20250701" / "09.parquet").exists()
    assert read_parquet(tmp_path / "hourly") == read_parquet(tmp_path / "daily")


def test_a_trade_is_a_buyer_and_a_seller(tape: Tape) -> None:
    trades = defaultdict(list)
    for row in tape.rows:
        if row["tid"] != 0:
            trades[row["tid"], row["time"], row["coin"]].append(row)
    for one, other in trades.values():
        assert {one["side"], other["side"]} == {"A", "B"}
        assert one["user"] != other["user"]
        for name in ("px", "sz", "hash", "block_time", "liquidation"):
            assert one[name] == other[name]
        assert sorted([one["crossed"], other["crossed"]]) == [False, True]


def test_rows_without_trade_id_are_unique(tape: Tape) -> None:
    lone = [row for row in tape.rows if row["tid"] == 0]
    assert {row["dir"] for row in lone} == {"Spot Dust Conversion", "Settlement"}
    assert {row["hash"] for row in lone} == {"0x" + "0" * 64}
    keys = {(r["time"], r["user"], r["coin"], r["side"], r["oid"]) for r in lone}
    assert len(keys) == len(lone)


def test_every_feature_is_there(tape: Tape) -> None:
    features = tape.summary["features"]
    assert [name for name, count in features.items() if count == 0] == []
    dirs = Counter(row["dir"] for row in tape.rows)
    assert dirs == {k[4:]: n for k, n in features.items() if k.startswith("dir ")}
    assert {row["coin"] for row in tape.rows} == set(BY_NAME)
    assert sum(Decimal(row["fee"]) < 0 for row in tape.rows) == features["rebate_rows"]
    assert sum(row["twapId"] is not None for row in tape.rows) == features["twap_rows"]
    methods = Counter(r["liquidation"]["method"] for r in tape.rows if r["liquidation"])
    assert set(methods) == {"market", "backstop"}
    # One taker order that meets several makers: one order, one hash, several trades.
    swept = defaultdict(set)
    for row in tape.rows:
        if row["crossed"]:
            swept[row["oid"], row["hash"], row["time"]].add(row["tid"])
    assert max(len(trades) for trades in swept.values()) >= 3


def test_prices_and_sizes_are_on_the_grid(tape: Tape) -> None:
    for row in tape.rows:
        instrument = BY_NAME[row["coin"]]
        px = Decimal(row["px"]).normalize()
        _, digits, exponent = px.as_tuple()
        assert isinstance(exponent, int)
        assert px > 0
        assert exponent >= 0 or len(digits) <= 5
        assert -exponent <= instrument.price_decimals
        if row["dir"] != "Spot Dust Conversion":
            exponent = Decimal(row["sz"]).normalize().as_tuple().exponent
            assert isinstance(exponent, int)
            assert -exponent <= instrument.size_decimals
        assert Decimal(row["sz"]) > 0


def test_decimals_are_printed_as_the_exchange_does(tape: Tape) -> None:
    for row in tape.rows:
        for name in DECIMALS:
            text = row[name]
            if text is not None:
                assert CANONICAL.fullmatch(text), (name, text)
                assert text != "-0.0"


def test_direction_follows_from_the_position(tape: Tape) -> None:
    for row in tape.rows:
        start, change = Decimal(row["startPosition"]), delta(row)
        end = start + change
        if row["dir"] in ("Buy", "Sell"):
            assert (row["dir"] == "Buy") == (row["side"] == "B")
            assert end >= 0
        elif row["dir"] == "Long > Short":
            assert start > 0 > end
        elif row["dir"] == "Short > Long":
            assert start < 0 < end
        elif row["dir"].startswith(("Open", "Close")):
            opens = start == 0 or (start > 0) == (change > 0)
            is_long = (change > 0) == opens
            words = f"{'Open' if opens else 'Close'} {'Long' if is_long else 'Short'}"
            assert row["dir"] == words
            assert start * end >= 0
        elif row["dir"] in ("Settlement", "Spot Dust Conversion"):
            assert end == 0


def test_fees(tape: Tape) -> None:
    for row in tape.rows:
        pays_in_token = is_spot(row) and row["side"] == "B"
        assert (row["feeToken"] != "USDC") == pays_in_token
        if row["builderFee"] is not None:
            assert 0 < Decimal(row["builderFee"]) <= Decimal(row["fee"])
        assert (row["builderFee"] is None) == (row["builder"] is None)


def test_starts_within_a_millisecond_never_repeat(tape: Tape) -> None:
    """Otherwise the chain of positions could be read in more than one way."""
    together: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for row in tape.rows:
        together[row["time"], row["user"], row["coin"]].add(row["side"])
    assert sum(map(len, together.values())) < len(tape.rows) * 0.9
    # A smaller fill back among them.
    assert sum(len(sides) == 2 for sides in together.values()) > 50
    starts = Counter(
        (row["time"], row["user"], row["coin"], row["startPosition"])
        for row in tape.rows
    )
    assert set(starts.values()) == {1}


def test_liquidated_user_is_one_of_the_two(tape: Tape) -> None:
    trades = defaultdict(set)
    for row in tape.rows:
        if row["liquidation"] is not None:
            trades[row["tid"]].add((row["user"], row["liquidation"]["liquidatedUser"]))
    for legs in trades.values():
        assert len({liquidated for _, liquidated in legs}) == 1
        assert sum(user == liquidated for user, liquidated in legs) == 1


def test_positions_of_the_truth_add_up_to_the_tape(tape: Tape) -> None:
    ends: dict[Key, Decimal] = {}
    pnl: dict[Key, Decimal] = defaultdict(Decimal)
    fees: dict[Key, Decimal] = defaultdict(Decimal)
    fills: Counter[Key] = Counter()
    for row in tape.rows:
        key = (row["user"], row["coin"])
        fills[key] += 1
        ends[key] = Decimal(row["startPosition"]) + delta(row)
        pnl[key] += Decimal(row["closedPnl"])
        fees[key] += fee_usd(row)
    positions = tape.truth("positions")
    assert len(positions) == len(fills)
    for position in positions:
        key = (position["user"], position["coin"])
        assert position["fill_count"] == fills[key]
        assert position["net_size"] == ends[key]
        if not position["coin"].startswith("#"):
            assert position["closed_pnl"] == pnl[key]
            assert position["fees_usd"] == fees[key]


def fold(rows: list[Row]) -> Iterator[Row]:
    """Fold the fills of one key in the plainest way there is."""
    episode: Row | None = None
    expected: Decimal | None = None

    def begin(time: int, is_known: bool, gaps: int) -> Row:
        return {
            "opened": time,
            "gross_pnl": Decimal(0),
            "fees_usd": Decimal(0),
            "fill_count": 0,
            "gap_count": gaps,
            "is_basis_known": is_known,
        }

    def end(episode: Row, size: Decimal, time: int, reason: str) -> Row:
        side = "long" if size > 0 else "short"
        return episode | {"side": side, "closed": time, "close_reason": reason}

    for row in rows:
        start, change, time = Decimal(row["startPosition"]), delta(row), row["time"]
        if expected is None:
            episode = begin(time, False, 0) if start else None
        elif expected * start > 0 and expected != start:
            assert episode is not None
            episode |= {"gap_count": episode["gap_count"] + 1, "is_basis_known": False}
        elif expected != start:
            if episode is not None:
                yield end(episode, expected, time, "gap")
            episode = begin(time, False, 1) if start else None
        expected = start + change
        if start * change < 0:
            assert episode is not None
            closing = min(abs(start), abs(change))
            share = closing / abs(change)
            episode["gross_pnl"] += Decimal(row["closedPnl"])
            episode["fees_usd"] += fee_usd(row) * share
            episode["fill_count"] += 1
            if closing == abs(start):
                yield end(episode, start, time, reason_of(row, start * expected < 0))
                episode = None
        if start * change >= 0 or start * expected < 0:
            episode = episode or begin(time, True, 0)
            share = min(abs(change), abs(expected)) / abs(change)
            episode["fees_usd"] += fee_usd(row) * share
            episode["fill_count"] += 1
    if episode is not None:
        assert expected is not None
        yield end(episode, expected, 0, "") | {"closed": None, "close_reason": None}


def reason_of(row: Row, is_flip: bool) -> str:
    liquidation = row["liquidation"]
    if liquidation is not None and liquidation["liquidatedUser"] == row["user"]:
        return "liquidation"
    words = {
        "Auto-Deleveraging": "adl",
        "Settlement": "settlement",
        "Spot Dust Conversion": "dust",
        "Net Child Vaults": "transfer",
    }
    return words.get(row["dir"], "flip" if is_flip else "trade")


def test_episodes_of_the_truth_agree_with_a_plain_fold(tape: Tape) -> None:
    keys: dict[Key, list[Row]] = defaultdict(list)
    for row in tape.rows:
        if not row["coin"].startswith("#"):
            keys[row["user"], row["coin"]].append(row)
    truth: dict[Key, list[Row]] = defaultdict(list)
    for episode in tape.truth("episodes"):
        truth[episode["user"], episode["coin"]].append(episode)
    assert truth.keys() == keys.keys()
    reasons: Counter[str] = Counter()
    for key, rows in keys.items():
        folded = list(fold(rows))
        assert len(folded) == len(truth[key])
        for ours, theirs in zip(folded, truth[key], strict=True):
            # A flip's fee is split at the last digit the truth keeps.
            assert abs(ours.pop("fees_usd") - theirs["fees_usd"]) < Decimal("1e-6")
            assert ours == {name: theirs[name] for name in ours}
            assert theirs["net_pnl"] == theirs["gross_pnl"] - theirs["fees_usd"]
            reasons[theirs["close_reason"]] += 1
    assert reasons.keys() == {
        None,
        "trade",
        "flip",
        "liquidation",
        "adl",
        "settlement",
        "transfer",
        "gap",
        "dust",
    }


def test_reported_pnl_is_cash_in_minus_cash_out(tape: Tape) -> None:
    """On perpetuals, an episode's PnL is exactly what its fills paid."""
    cash: Decimal = Decimal(0)
    pnl: Decimal = Decimal(0)
    checked = 0
    keys: dict[Key, list[Row]] = defaultdict(list)
    for row in tape.rows:
        if not is_spot(row) and not row["coin"].startswith("#"):
            keys[row["user"], row["coin"]].append(row)
    for rows in keys.values():
        position: Decimal | None = None
        for row in rows:
            start = Decimal(row["startPosition"])
            # Begin anew wherever the position is flat or the trail was lost.
            if start == 0:
                cash = pnl = Decimal(0)
            elif start != position:
                position = None
                continue
            position = start + delta(row)
            cash -= delta(row) * Decimal(row["px"])
            pnl += Decimal(row["closedPnl"])
            if position == 0:
                assert cash == pnl
                checked += 1
            elif start * position < 0:
                cash, pnl = -position * Decimal(row["px"]), Decimal(0)
    assert checked > 500


def test_roles_behave_as_their_names_say(tape: Tape) -> None:
    roles = {row["user"]: row["role"] for row in tape.truth("traders")}
    net: dict[str, Decimal] = defaultdict(Decimal)
    maker: dict[str, Decimal] = defaultdict(Decimal)
    total: dict[str, Decimal] = defaultdict(Decimal)
    for row in tape.rows:
        role = roles[row["user"]]
        notional = Decimal(row["px"]) * Decimal(row["sz"])
        net[role] += Decimal(row["closedPnl"]) - fee_usd(row)
        total[role] += notional
        maker[role] += 0 if row["crossed"] else notional
    assert net["winner"] > 0 > net["loser"]
    assert maker["market_maker"] / total["market_maker"] > Decimal("0.9")
    assert maker["loser"] / total["loser"] < Decimal("0.4")


def test_command_refuses_to_mix_two_runs(tmp_path: Path) -> None:
    arguments = ["fills", str(tmp_path), "--fills", "1000", "--days", "1"]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert first.output.startswith("1,000 fills of") or "999 fills" in first.output
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "--overwrite" in again.output
    replaced = CliRunner().invoke(main, [*arguments, "--overwrite"])
    assert replaced.exit_code == 0


def test_no_installed_package_needs_it() -> None:
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert "simulation" not in packages
    files = [file for name in packages for file in (PROJECT_DIR / name).rglob("*.py")]
    pattern = re.compile(r"^\s*(from|import) simulation\b", re.MULTILINE)
    assert files
    assert [file for file in files if pattern.search(file.read_text())] == []
