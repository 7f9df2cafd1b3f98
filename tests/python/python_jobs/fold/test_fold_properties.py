"""Whatever the fills and however they are cut: the fast fold equals the slow one."""

from __future__ import annotations

import random
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_fold import (
    ADL,
    DUST,
    LIQUIDATION,
    PRECISE,
    TRANSFER,
    Fill,
    comparable,
    fold_all,
    fold_positions,
    reference,
)

SEEDS = st.integers(0, 2**32)


def tape(seed: int, *, digits: int = 3, scale: int = 2) -> list[Fill]:
    """Invent fills of a few keys in the order they happen, gaps included."""
    rng = random.Random(seed)
    fills = []
    keys = [(u, c) for u in ("0xaa", "0xbb") for c in ("BTC", "@107")]
    for user, coin in keys:
        position = Decimal(rng.choice([0, 0, 5, -3]))
        time = 1000
        for event in range(rng.randint(0, 40)):
            time += rng.choice([0, 0, 0, 1, 1, 50, 1_500_000])
            with localcontext(PRECISE):
                if rng.random() < 0.05:
                    position = Decimal(rng.randint(-5, 5))
                size = Decimal(rng.randint(1, 10**digits)).scaleb(-scale)
                side = rng.choice("AB")
                if rng.random() < 0.3 and position != 0:
                    side, size = ("A" if position > 0 else "B"), abs(position)
                base = coin == "@107" and side == "B"
                fee = Decimal(rng.randint(-50, 200)).scaleb(-scale - 2)
                fill = Fill(
                    time=time,
                    side=side,
                    sz=str(size),
                    px=str(Decimal(rng.randint(1, 10**digits)).scaleb(-1)),
                    start=None if rng.random() < 0.05 else str(position),
                    pnl=None if rng.random() < 0.2 else str(rng.randint(-99, 99) / 8),
                    fee=str(fee),
                    user=user,
                    coin=coin,
                    kind=rng.choice([0] * 8 + [LIQUIDATION, ADL, TRANSFER, DUST]),
                    is_base_fee=base,
                    block=event,
                    event=event,
                    tid=rng.randint(1, 10**9),
                )
                if fill.start is None:
                    # Unknown to the reader, who then goes on from what he has.
                    fill = Fill(**{**fill.__dict__, "start": str(position)})
                position += fill.delta
            fills.append(fill)
    return fills


def cut(fills: list[Fill], seed: int) -> list[list[Fill]]:
    """Cut a tape between milliseconds, and shuffle each piece."""
    rng = random.Random(seed)
    times = sorted({fill.time for fill in fills})
    edges = sorted(rng.sample(times, min(len(times), rng.randint(0, 6))))
    pieces: list[list[Fill]] = [[] for _ in range(len(edges) + 1)]
    for fill in fills:
        pieces[sum(edge <= fill.time for edge in edges)].append(fill)
    for piece in pieces:
        rng.shuffle(piece)
    return [piece for piece in pieces if piece]


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_equals_the_slow_fold(seed: int) -> None:
    fills = tape(seed)
    assert comparable(fold_all([fills])) == reference(fills)


@settings(max_examples=100, deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 5))
def test_any_cut_order_of_rows_and_threads_give_the_same(
    seed: int, other: int, threads: int
) -> None:
    fills = tape(seed)
    assert fold_all(cut(fills, other), threads) == fold_all([fills])


@settings(max_examples=60, deadline=None)
@given(SEEDS, SEEDS, st.sampled_from([12, 18, 24]), st.sampled_from([0, 8, 18]))
def test_amounts_of_any_length_are_exact(
    seed: int, other: int, digits: int, scale: int
) -> None:
    fills = tape(seed, digits=digits, scale=scale)
    expected = reference(fills)
    assert comparable(fold_all([fills])) == expected
    assert comparable(fold_all(cut(fills, other), threads=3)) == expected


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_scaling_prices_scales_the_profit(seed: int) -> None:
    fills = [f for f in tape(seed) if not f.is_base_fee]
    tenfold = [
        Fill(**{**f.__dict__, "px": str(Decimal(f.px) * 10), "pnl": "0", "fee": "0"})
        for f in fills
    ]
    plain = [Fill(**{**f.__dict__, "pnl": "0", "fee": "0"}) for f in fills]
    for once, ten in zip(
        fold_positions([plain]), fold_positions([tenfold]), strict=True
    ):
        assert ten["entry_notional_usd"] == 10 * once["entry_notional_usd"]
        assert ten["max_size"] == once["max_size"]
        # What a gap leaves open keeps its cost, which is cut to a billionth.
        is_whole = once["status"] == "closed" and once["close_reason"] != "gap"
        if is_whole and once["recomputed_pnl"] is not None:
            assert ten["recomputed_pnl"] == 10 * once["recomputed_pnl"]


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_buying_and_selling_mirror_each_other(seed: int) -> None:
    fills = [f for f in tape(seed) if not f.is_base_fee and f.coin == "BTC"]
    mirrored = [
        Fill(
            **{
                **f.__dict__,
                "side": "A" if f.side == "B" else "B",
                "start": str(-Decimal(f.start or 0)),
            }
        )
        for f in fills
    ]
    for one, other in zip(
        fold_positions([fills]), fold_positions([mirrored]), strict=True
    ):
        assert {one["side"], other["side"]} == {"long", "short"}
        assert one["position_id"] == other["position_id"]
        assert one["size"] == -other["size"]
        if one["recomputed_pnl"] is not None:
            assert one["recomputed_pnl"] == -other["recomputed_pnl"]


@pytest.mark.parametrize("seed", range(20))
def test_profit_and_fees_add_up(seed: int) -> None:
    fills = tape(seed)
    rows = fold_positions([fills])
    with localcontext(PRECISE):
        reported = [f for f in fills if f.pnl is not None]
        if len(reported) == len(fills):
            total = sum(Decimal(f.pnl or 0) for f in fills)
            assert sum(row["gross_pnl"] for row in rows) == total
        fees = sum(
            Decimal(f.fee) * (Decimal(f.px) if f.is_base_fee else 1)
            for f in fills
            if f.delta != 0
        )
        assert sum(row["fees_usd"] for row in rows) == fees
