"""Each rule of the fold on a few fills made by hand."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal, localcontext
from typing import Any

import pytest
from reference_fold import (
    ADL,
    DUST,
    LIQUIDATION,
    PRECISE,
    SETTLEMENT,
    TRANSFER,
    Fill,
    as_position,
    comparable,
    fold_all,
    reference,
    replace,
)

from pgio.connection import PROJECT_DIR

REAL = PROJECT_DIR.parent / "shared" / "data" / "hyperliquid"


def fold_one(*fills: Fill) -> list[dict[str, Any]]:
    """Fold fills into positions, in order of opening; the slow fold agrees."""
    rows = fold_all([fills])
    assert comparable(rows) == reference(fills)
    positions = [as_position(row) for row in rows if row["is_latest"]]
    return sorted(positions, key=lambda r: (r["opened_at"], int(r["position_id"][-1])))


def test_open_extend_partial_close_and_close() -> None:
    (row,) = fold_one(
        Fill(1000, "B", "2", "100", "0", fee="0.1"),
        Fill(2000, "B", "2", "110", "2", fee="0.1"),
        Fill(3000, "A", "1", "120", "4", pnl="15", fee="0.05"),
        Fill(61000, "A", "3", "90", "3", pnl="-45", fee="-0.01"),
    )
    assert row["side"] == "long"
    assert row["status"] == "closed"
    assert row["close_reason"] == "trade"
    assert row["max_size"] == 4
    assert row["entry_vwap"] == 105
    assert row["exit_vwap"] == Decimal("97.5")
    assert row["gross_pnl"] == row["recomputed_pnl"] == -30
    assert row["fees_usd"] == Decimal("0.24")
    assert row["net_pnl"] == Decimal("-30.24")
    assert row["fill_count"] == 4
    assert row["holding_seconds"] == 60
    assert row["position_id"] == "0xaa:BTC:1000:0"


def test_an_open_position_keeps_its_average_cost() -> None:
    (row,) = fold_one(
        Fill(1, "A", "3", "10", "0"),
        Fill(2, "B", "1", "9", "-3", pnl="1"),
        Fill(3, "A", "2", "13", "-2"),
    )
    assert row["status"] == "open"
    assert row["side"] == "short"
    assert row["size"] == -4
    assert row["cost_basis_usd"] == 46
    assert row["recomputed_pnl"] == 1
    assert row["closed_at"] is row["close_reason"] is row["holding_seconds"] is None


def test_a_flip_splits_size_fee_and_profit_at_zero() -> None:
    old, new = fold_one(
        Fill(1, "B", "1", "100", "0", fee="1"),
        Fill(2, "A", "4", "130", "1", pnl="30", fee="2"),
    )
    assert (old["close_reason"], old["gross_pnl"], old["fees_usd"]) == (
        "flip",
        30,
        Decimal("1.5"),
    )
    assert (new["side"], new["size"], new["gross_pnl"]) == ("short", -3, 0)
    assert new["fees_usd"] == Decimal("1.5")
    assert new["entry_vwap"] == 130
    assert old["fill_count"] == 2
    assert new["fill_count"] == 1


def test_a_flips_fee_is_shared_out_without_rest() -> None:
    rows = fold_one(
        Fill(1, "B", "1", "100", "0"),
        Fill(2, "A", "3", "100", "1", fee="0.1"),
        Fill(3, "B", "7", "100", "-2", fee="-0.2"),
    )
    assert sum(row["fees_usd"] for row in rows) == Decimal("-0.1")
    assert rows[0]["fees_usd"] == Decimal("0.033333333")


def test_first_seen_in_a_position_seeds_it_without_a_basis() -> None:
    (row,) = fold_one(Fill(5, "A", "2", "50", "2", pnl="7"))
    assert row["side"] == "long"
    assert row["is_basis_known"] is False
    assert row["gap_count"] == 0
    assert row["entry_size"] == 0
    assert row["entry_vwap"] is None
    assert row["recomputed_pnl"] is None
    assert row["gross_pnl"] == 7
    assert row["max_size"] == 2


def test_a_gap_that_keeps_the_sign_goes_on() -> None:
    (row,) = fold_one(
        Fill(1, "B", "2", "10", "0"),
        Fill(2, "B", "1", "10", "5"),
        Fill(3, "A", "6", "11", "6", pnl="6"),
    )
    assert row["gap_count"] == 1
    assert row["is_basis_known"] is False
    assert row["max_size"] == 6
    assert row["close_reason"] == "trade"


def test_a_gap_to_flat_closes_and_opens_with_a_basis() -> None:
    gone, new = fold_one(
        Fill(1, "B", "2", "10", "0"),
        Fill(9, "B", "1", "12", "0"),
    )
    assert gone["close_reason"] == "gap"
    assert gone["closed_at"] == new["opened_at"]
    assert gone["last_fill_at"] < gone["closed_at"]
    assert gone["size"] == 0
    assert new["is_basis_known"] is True
    assert new["gap_count"] == 0


@pytest.mark.parametrize("before", ["2", "0"])
def test_a_gap_to_the_other_side_or_from_flat_opens_without_a_basis(
    before: str,
) -> None:
    rows = fold_one(
        Fill(1, "B", "2", "10", "0"),
        *([Fill(2, "A", "2", "10", "2")] if before == "0" else []),
        Fill(9, "B", "1", "12", "-3", pnl="4"),
    )
    old, new = rows
    assert old["close_reason"] == ("gap" if before == "2" else "trade")
    assert new["side"] == "short"
    assert new["is_basis_known"] is False
    assert new["gap_count"] == 1
    assert new["size"] == -2


def test_a_spot_buy_pays_its_fee_in_the_coin() -> None:
    (row,) = fold_one(
        Fill(1, "B", "10", "2", "0", fee="0.01", coin="@107", is_base_fee=True),
        Fill(2, "A", "9.99", "3", "9.99", pnl="9.99", fee="0.02", coin="@107"),
    )
    assert row["max_size"] == row["entry_size"] == Decimal("9.99")
    assert row["entry_notional_usd"] == Decimal("19.98")
    assert row["fees_usd"] == Decimal("0.04")
    assert row["recomputed_pnl"] == Decimal("9.99")


def test_eighteen_decimals_close_to_exactly_zero() -> None:
    dust = "0.000000000000000001"
    (row,) = fold_one(
        Fill(1, "B", "1.000000000000000001", "3", "0", coin="@1"),
        Fill(2, "A", "1", "3", "1.000000000000000001", coin="@1"),
        Fill(3, "A", dust, "3", dust, coin="@1", tid=0),
    )
    assert row["status"] == "closed"
    assert row["fill_count"] == 3


def test_dust_that_stays_keeps_the_position_open() -> None:
    (row,) = fold_one(
        Fill(1, "B", "1.00000001", "3", "0"),
        Fill(2, "A", "1", "3", "1.00000001"),
    )
    assert row["status"] == "open"
    assert row["size"] == Decimal("0.00000001")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (LIQUIDATION, "liquidation"),
        (ADL, "adl"),
        (SETTLEMENT, "settlement"),
        (TRANSFER, "transfer"),
    ],
)
@pytest.mark.parametrize("is_flip", [False, True])
def test_why_a_position_ended(kind: int, reason: str, is_flip: bool) -> None:
    rows = fold_one(
        Fill(1, "B", "1", "10", "0"),
        Fill(2, "A", "3" if is_flip else "1", "9", "1", pnl="-1", kind=kind),
    )
    assert rows[0]["close_reason"] == reason
    assert rows[0]["is_liquidated"] is (kind == LIQUIDATION)
    assert len(rows) == 1 + is_flip
    if is_flip:
        assert rows[1]["is_liquidated"] is False


def test_a_partial_liquidation_marks_the_position() -> None:
    (row,) = fold_one(
        Fill(1, "B", "2", "10", "0"),
        Fill(2, "A", "1", "8", "2", pnl="-2", kind=LIQUIDATION),
        Fill(3, "A", "1", "9", "1", pnl="-1"),
    )
    assert row["is_liquidated"] is True
    assert row["close_reason"] == "trade"


MINUTE, DAY = 60_000, 86_400_000
BOUGHT = Fill(0, "B", "10", "40", "0", fee="0.007", coin="@107", is_base_fee=True)
SOLD = Fill(MINUTE, "A", "9.99", "41", "9.993", pnl="9.9", fee="0.3", coin="@107")


def sweep(size: str, start: str | None = None, day: int = 1) -> Fill:
    """A dust conversion at midnight, of all that is there unless told."""
    return Fill(
        day * DAY, "A", size, "42", start or size, "0.006", coin="@107", kind=DUST
    )


@pytest.mark.parametrize(
    ("fills", "holding", "is_known", "gaps"),
    [
        pytest.param([BOUGHT, SOLD, sweep("0.003")], 60, True, 0, id="rest of a sale"),
        pytest.param([BOUGHT, sweep("9.993")], None, True, 0, id="only ever bought"),
        pytest.param([BOUGHT, sweep("0.003")], None, False, 1, id="sale not seen"),
        pytest.param([sweep("0.003")], None, False, 0, id="nothing else seen"),
        pytest.param(
            [BOUGHT, SOLD, sweep("0.002", "0.003"), sweep("0.001", day=2)],
            60,
            True,
            0,
            id="two sweeps",
        ),
    ],
)
def test_a_dust_conversion_ends_a_position_for_no_trade(
    fills: list[Fill], holding: int | None, is_known: bool, gaps: int
) -> None:
    (row,) = fold_one(*fills)
    assert row["close_reason"] == "dust"
    assert row["holding_seconds"] == holding
    assert (row["last_exit_at"] is None) == (holding is None)
    # The position was there until the sweep, and its money counts.
    assert row["closed_at"] == row["last_fill_at"]
    assert row["closed_at"].timestamp() * 1000 == fills[-1].time
    assert row["fill_count"] == len(fills)
    assert row["gross_pnl"] == sum(Decimal(fill.pnl or 0) for fill in fills)
    assert (row["is_basis_known"], row["gap_count"]) == (is_known, gaps)


def test_what_is_bought_after_a_sweep_is_another_position() -> None:
    again = [BOUGHT, SOLD, sweep("0.003")]
    later = [replace(fill, time=fill.time + 2 * DAY) for fill in again]
    rows = fold_one(*again, *later)
    assert [row["close_reason"] for row in rows] == ["dust"] * 2
    assert [row["holding_seconds"] for row in rows] == [60] * 2


def test_a_sale_after_a_sweep_of_a_part_ends_the_position_as_ever() -> None:
    rest = Fill(2 * DAY, "A", "0.001", "41", "0.001", coin="@107")
    (row,) = fold_one(BOUGHT, SOLD, sweep("0.002", "0.003"), rest)
    assert row["close_reason"] == "trade"
    assert row["holding_seconds"] == 2 * DAY / 1000


def test_fills_of_no_size_are_ignored() -> None:
    (row,) = fold_one(
        Fill(1, "B", "0", "10", "7"),
        Fill(2, "B", "1", "10", "0"),
        Fill(3, "A", "0", "10", "1"),
    )
    assert row["fill_count"] == 1
    assert row["is_basis_known"] is True


def test_profit_is_recomputed_where_none_is_reported() -> None:
    (row,) = fold_one(
        Fill(1, "B", "3", "10", "0", pnl=None),
        Fill(2, "A", "1", "11", "3", pnl=None),
        Fill(3, "A", "2", "12", "2", pnl="4"),
    )
    assert row["gross_pnl"] == 5


@pytest.mark.parametrize(
    "fills",
    [
        pytest.param(
            [
                Fill(1, "A", "1", "11", "3", pnl=None),
                Fill(2, "A", "2", "12", "2", pnl="4"),
            ],
            id="was there before",
        ),
        pytest.param(
            [
                Fill(1, "B", "3", "10", "0", pnl=None),
                Fill(2, "A", "1", "11", "5", pnl="1"),
                Fill(3, "A", "4", "12", "4", pnl=None),
            ],
            id="a gap inside",
        ),
    ],
)
def test_profit_that_nobody_knows_is_not_zero(fills: list[Fill]) -> None:
    (row,) = fold_one(*fills)
    assert row["gross_pnl"] is row["net_pnl"] is row["recomputed_pnl"] is None
    assert row["is_basis_known"] is False


def test_the_next_position_of_the_key_has_a_profit_again() -> None:
    unknown, known = fold_one(
        Fill(1, "A", "4", "11", "3", pnl=None),
        Fill(2, "B", "1", "9", "-1", pnl="2"),
    )
    assert (unknown["gross_pnl"], known["gross_pnl"]) == (None, 2)


def test_without_a_reported_start_the_carried_position_counts() -> None:
    (row,) = fold_one(
        Fill(1, "B", "3", "10", None),
        Fill(2, "A", "3", "11", None, pnl="3"),
    )
    assert row["status"] == "closed"
    assert row["gap_count"] == 0


def test_huge_amounts_are_exact() -> None:
    rows = fold_one(
        Fill(1, "B", "123456789012345678901", "9876543.21", "0", fee="1e15"),
        Fill(2, "A", "1", "0.00000001", "123456789012345678901", pnl="-1e15"),
    )
    assert rows[0]["size"] == Decimal("123456789012345678900")
    with localcontext(PRECISE):
        notional = Decimal("123456789012345678901") * Decimal("9876543.21")
    assert rows[0]["entry_notional_usd"] == notional


def test_two_positions_of_one_millisecond_have_two_ids() -> None:
    rows = fold_one(
        Fill(7, "B", "1", "10", "0", block=1, event=0),
        Fill(7, "A", "1", "11", "1", pnl="1", block=1, event=1),
        Fill(7, "B", "1", "12", "0", block=1, event=2),
    )
    assert [row["position_id"] for row in rows] == ["0xaa:BTC:7:0", "0xaa:BTC:7:1"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_ties_follow_the_chain_of_positions(order: tuple[int, ...]) -> None:
    fills = [
        Fill(7, "B", "1", "10", "0", tid=9),
        Fill(7, "B", "2", "11", "1", tid=3),
        Fill(7, "A", "5", "12", "3", pnl="6", tid=8),
        Fill(7, "B", "1", "12", "-2", pnl="0", tid=1),
    ]
    shuffled = [fills[i] for i in order]
    assert comparable(fold_all([shuffled])) == reference(fills)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_one_sided_ties_sort_by_position_down_for_sells(order: tuple[int, ...]) -> None:
    fills = [
        Fill(7, "A", "1", "10", "3", pnl="1", tid=9),
        Fill(7, "A", "1", "11", "2", pnl="1", tid=5),
        Fill(7, "A", "2", "12", "1", pnl="1", tid=7),
    ]
    assert comparable(fold_all([[fills[i] for i in order]])) == reference(fills)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_round_trip_inside_a_tie_begins_at_the_carried_position(
    order: tuple[int, ...],
) -> None:
    before = Fill(1, "B", "5", "10", "0")
    ties = [
        Fill(7, "A", "2", "12", "5", pnl="4", tid=4),
        Fill(7, "A", "3", "12", "3", pnl="6", tid=3),
        Fill(7, "B", "4", "12", "0", tid=2),
        Fill(7, "B", "1", "12", "4", tid=1),
    ]
    rows = fold_all([[before], [ties[i] for i in order]])
    assert comparable(rows) == reference([before, *ties])
    assert [row["gap_count"] for row in rows] == [0, 0]


def test_ties_with_something_missing_follow_the_chain_as_far_as_it_goes() -> None:
    fills = [
        Fill(7, "B", "1", "10", "0", tid=5),
        Fill(7, "B", "1", "10", "1", tid=4),
        Fill(7, "A", "1", "10", "9", tid=3),
        Fill(7, "B", "2", "10", "8", tid=2),
    ]
    for order in itertools.permutations(fills):
        (row,) = fold_all([list(order)])
        assert row["gap_count"] == 1
        assert row["size"] == 10


def test_the_block_order_wins_over_the_chain() -> None:
    fills = [
        Fill(7, "A", "1", "10", "4", block=3, event=7),
        Fill(7, "B", "1", "10", "4", block=3, event=9),
    ]
    (row,) = fold_all([fills[::-1]])
    assert row["size"] == 5
    assert row["gap_count"] == 1


def _real_fills(name: str) -> list[Fill]:
    path = REAL / name
    if not path.exists():
        pytest.skip(f"the recorded fills {path.name} are not here")
    content = json.loads(path.read_text())
    records = content["response"] if isinstance(content, dict) else content
    return [
        Fill(
            time=r["time"],
            side=r["side"],
            sz=r["sz"],
            px=r["px"],
            start=r["startPosition"],
            pnl=r["closedPnl"],
            fee=r["fee"],
            coin=r["coin"],
            tid=r["tid"],
        )
        for r in records
    ]


def test_real_fills_chain_and_their_profit_can_be_recomputed() -> None:
    fills = _real_fills("fills_active.json")
    rows = fold_one(*fills)
    assert sum(row["gross_pnl"] for row in rows) == sum(
        Decimal(fill.pnl or 0) for fill in fills
    )
    assert sum(row["gap_count"] for row in rows) == 0
    known = [row for row in rows if row["is_basis_known"]]
    assert known
    for row in known:
        assert abs(row["gross_pnl"] - row["recomputed_pnl"]) < Decimal("0.001")


def test_real_flips_are_split() -> None:
    rows = fold_one(*_real_fills("flips_from_dir_catalog.json"))
    assert [row["close_reason"] for row in rows] == ["flip", None] * 2
    assert [row["side"] for row in rows] == ["long", "short", "short", "long"]
    assert [str(row["size"].normalize()) for row in rows] == [
        "0", "-0.004", "0", "0.004",
    ]  # fmt: skip
