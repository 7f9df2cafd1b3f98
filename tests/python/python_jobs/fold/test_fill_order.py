"""Fills of one millisecond: the fold puts them in the order in which they happened."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from reference_fold import Fill, fold_positions


def outcome(fills: list[Fill]) -> list[tuple[Any, ...]]:
    """What the positions of some fills earned, and where they led."""
    rows = fold_positions([fills])
    return sorted(
        (row["entry_vwap"], row["exit_vwap"], row["gross_pnl"], row["size"])
        for row in rows
    )


def trip(buy: str, sell: str, pnl: str | None, event: int = -1) -> list[Fill]:
    """Buy one and sell it, flat before and after."""
    return [
        Fill(7, "B", "1", buy, "0", pnl=None if pnl is None else "0", event=event),
        Fill(7, "A", "1", sell, "1", pnl=pnl, event=event + 1 if event >= 0 else event),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_round_trips_are_paired_by_their_profit(seed: int) -> None:
    fills = [*trip("100", "101", "1"), *trip("102", "99", "-3"), *trip("90", "95", "5")]
    random.Random(seed).shuffle(fills)
    assert outcome(fills) == [
        (Decimal(90), Decimal(95), Decimal(5), 0),
        (Decimal(100), Decimal(101), Decimal(1), 0),
        (Decimal(102), Decimal(99), Decimal(-3), 0),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_without_profits_the_order_of_the_file_pairs_them(seed: int) -> None:
    fills = [*trip("100", "99", None, 4), *trip("102", "101", None, 8)]
    random.Random(seed).shuffle(fills)
    assert outcome(fills) == [
        (Decimal(100), Decimal(99), Decimal(-1), 0),
        (Decimal(102), Decimal(101), Decimal(-1), 0),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_the_cost_of_what_was_held_before_counts(seed: int) -> None:
    """Bought at 90 before: the sale at 101 that made 11 closes that."""
    ties = [
        Fill(7, "A", "1", "101", "1", pnl="11"),
        Fill(7, "B", "1", "100", "0"),
        Fill(7, "A", "1", "99", "1", pnl="-1"),
    ]
    random.Random(seed).shuffle(ties)
    assert outcome([Fill(1, "B", "1", "90", "0"), *ties]) == [
        (Decimal(90), Decimal(101), Decimal(11), 0),
        (Decimal(100), Decimal(99), Decimal(-1), 0),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_fork_leaves_no_fill_behind(seed: int) -> None:
    """From 1 one fill leads on for good: those of the loop come first."""
    fills = [
        Fill(7, "B", "1", "10", "0"),
        Fill(7, "B", "2", "10", "1"),
        Fill(7, "B", "4", "10", "1"),
        Fill(7, "A", "4", "10", "5"),
    ]
    random.Random(seed).shuffle(fills)
    (row,) = fold_positions([fills])
    assert (row["size"], row["gap_count"]) == (3, 0)


@pytest.mark.parametrize("seed", range(4))
def test_first_seen_in_a_loop_that_sells_what_was_held(seed: int) -> None:
    """The profit is not the loop's: one was held before, and is held again."""
    fills = [
        Fill(7, "A", "1", "101", "1", pnl="40"),
        Fill(7, "B", "1", "100", "0"),
    ]
    random.Random(seed).shuffle(fills)
    assert [row["size"] for row in fold_positions([fills])] == [0, 1]


@dataclass
class Trader:
    """A trader whose fills chain and whose profits are true to the cent."""

    rng: random.Random
    position: int = 0
    cost: Decimal = Decimal(0)
    fills: list[Fill] = field(default_factory=list)

    def trade(self, time: int) -> Fill:
        """Make the next fill."""
        change = self.rng.choice([-3, -2, -1, 1, 2, 3])
        if self.rng.random() < 0.4 and self.position != 0:
            change = -self.position
        px = Decimal(self.rng.randint(90_000, 110_000)) / 1000
        start, pnl = self.position, Decimal(0)
        closing = min(abs(start), abs(change)) if start * change < 0 else 0
        if closing:
            released = self.cost * closing / abs(start)
            pnl = (closing * px - released) * (1 if start > 0 else -1)
            self.cost -= released
        self.cost += (abs(change) - closing) * px
        self.position += change
        return Fill(
            time,
            "B" if change > 0 else "A",
            str(abs(change)),
            str(px),
            str(start),
            pnl=str(round(pnl, 4)),
        )

    def millisecond(self, time: int) -> None:
        """Trade some times at once; the file may lack the order, or profits."""
        group = [self.trade(time) for _ in range(self.rng.randint(1, 6))]
        is_told = self.rng.random() < 0.5
        places = list(range(len(group)))
        if not is_told:
            self.rng.shuffle(places)
        for place, fill in zip(places, group, strict=True):
            fields = {"event": place + 1, "tid": self.rng.randint(1, 2**50)}
            if is_told and self.rng.random() < 0.2:
                fields["pnl"] = None  # type: ignore[assignment]
            self.fills.append(Fill(**(fill.__dict__ | fields)))


def test_positions_end_where_the_trader_stands() -> None:
    """Whatever the order in which the fills of a millisecond come."""
    for seed in range(1000):
        trader = Trader(random.Random(seed))
        for time in range(trader.rng.randint(2, 6)):
            trader.millisecond(time)
        trader.rng.shuffle(trader.fills)
        rows = fold_positions([trader.fills])
        assert sum(row["gap_count"] for row in rows) == 0
        assert sum(row["size"] for row in rows) == trader.position
