"""Late fills: a key goes back to its last flat moment, no further and no less far."""

from __future__ import annotations

import random
from decimal import Decimal, localcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_database import loading_database, loading_db  # noqa: F401
from positions_model import (  # noqa: F401
    Model,
    clear,
    fresh_model,
    load,
)
from reference_fold import ADL, LIQUIDATION, PRECISE, TRANSFER, Fill, replace

from python_jobs.lib.fold import restarts
from python_jobs.lib.fold.restarts import DroppedFillsError

pytestmark = pytest.mark.any_server


def trip(time: int, **given: str) -> list[Fill]:
    """Invent a round trip of three fills and 20 ms."""
    size = given.get("sz", "1")
    return [
        Fill(time, "B", size, "10", "0", tid=time),
        Fill(time + 10, "B", size, "11", size, tid=time + 1),
        Fill(time + 20, "A", str(2 * Decimal(size)), "12", str(2 * Decimal(size)),
             pnl="3", tid=time + 2),
    ]  # fmt: skip


def take_in(model: Model, fills: list[Fill], **options: int) -> None:
    """Load fills and run the model; then it must be what a full build makes of them."""
    load(model.conn, fills)
    model.run(is_incremental=bool(model.applied), **options)
    by_step, deleted, written = model.rows(), model.deleted, model.written
    model.run(is_incremental=False)
    assert by_step == model.rows()
    model.deleted, model.written = deleted, written


def test_only_what_follows_the_last_flat_moment_is_folded_anew(
    model: Model,
) -> None:
    for time in range(1000, 6000, 1000):
        take_in(model, trip(time))
    take_in(model, trip(3500))
    assert model.deleted == 2  # of 4000 and 5000
    assert model.written == 3


def test_a_fill_before_all_others_goes_back_to_the_beginning(
    model: Model,
) -> None:
    take_in(model, [*trip(1000), *trip(2000)])
    take_in(model, trip(500))
    assert model.deleted == 2
    assert model.written == 3


def test_a_fill_inside_an_episode_takes_it_back_to_its_beginning(
    model: Model,
) -> None:
    take_in(model, [*trip(1000), *trip(2000), *trip(3000)])
    take_in(model, [Fill(2005, "B", "1", "10", "1", tid=7)])
    assert model.deleted == 2


def test_the_millisecond_of_the_end_is_not_yet_flat(
    model: Model,
) -> None:
    take_in(model, [*trip(1000), *trip(2000), *trip(3000)])
    take_in(model, [Fill(2020, "B", "2", "10", "0", tid=7)])
    assert model.deleted == 2


@pytest.mark.parametrize("start", ["1", "3"])
def test_neither_a_flip_nor_a_gap_is_a_flat_moment(
    model: Model,
    start: str,
) -> None:
    flip_or_gap = [
        Fill(2000, "B", "1", "10", "0", tid=1),
        Fill(2010, "A", "4", "10", start if start == "1" else "-3", tid=2),
        Fill(2020, "B", "3" if start == "1" else "7", "10",
             "-3" if start == "1" else "-7", tid=3),
    ]  # fmt: skip
    take_in(model, [*trip(1000), *flip_or_gap, *trip(3000)])
    take_in(model, [Fill(2015, "A", "1", "10", "-3", tid=7)])
    assert model.deleted == 3


def test_two_episodes_in_one_millisecond_end_flat(
    model: Model,
) -> None:
    both = [
        replace(fill, time=2000, tid=0, block=number, event=0)
        for number, fill in enumerate([*trip(1), *trip(2)])
    ]
    take_in(model, [*trip(1000), *both, *trip(3000)])
    take_in(model, trip(2500))
    assert model.deleted == 1


def test_positions_whose_fills_were_dropped_are_not_folded_again(model: Model) -> None:
    load(model.conn, [*trip(1000), Fill(2000, "B", "1", "10", "0", tid=1), *trip(5000)])
    model.run(is_incremental=False)
    model.conn.execute("delete from hyperliquid.fills where time < 3000")
    model.conn.execute(
        "insert into ops.retention_marks (relation, dropped_before)"
        " values ('hyperliquid.fills', to_timestamp(3))"
    )
    load(model.conn, trip(6000))
    model.run(is_incremental=True)
    before = model.rows()
    with pytest.raises(DroppedFillsError, match=r"dropped its rows before .*00:00:03"):
        model.run(is_incremental=False)
    load(model.conn, [Fill(4000, "A", "1", "10", "1", pnl="0", tid=2)])
    with pytest.raises(DroppedFillsError, match="or a late fill"):
        model.run(is_incremental=True)
    assert model.rows() == before
    model.run(is_incremental=False, forgets_history=True)
    opened = {row["opened_at"].timestamp() for row in model.positions()}
    assert opened == {4, 5, 6}


def test_traders_too_many_to_name_are_joined(
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restarts, "_MAX_NAMED_USERS", 2)
    users = [f"0x{number}" for number in range(4)]

    def of_all(fills: list[Fill]) -> list[Fill]:
        return [
            replace(fill, user=user, tid=fill.tid + 10_000 * number)
            for number, user in enumerate(users)
            for fill in fills
        ]

    take_in(model, of_all([*trip(1000), *trip(3000)]))
    take_in(model, of_all(trip(2000)))
    assert model.deleted == 4
    assert model.written == 8


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32), st.sampled_from([3, 500_000]))
def test_late_loads_in_any_order_give_what_one_pass_gives(
    model: Model,
    seed: int,
    slice_rows: int,
) -> None:
    clear(model)
    rng = random.Random(seed)
    fills = busy_tape(rng)
    on_time: list[Fill] = []
    late: list[Fill] = []
    for fill in fills:
        (late if rng.random() < 0.15 else on_time).append(fill)
    rng.shuffle(late)
    loads = [on_time, *(late[number::3] for number in range(3))]
    for part in filter(None, loads):
        take_in(model, part, slice_rows=slice_rows)


def busy_tape(rng: random.Random) -> list[Fill]:
    """Invent fills of two traders who are flat often, and meet gaps and liquidations.

    About every fourth fill shares its millisecond with the one before.
    """
    fills = []
    for user in ("0xaa", "0xbb"):
        position, time = Decimal(rng.choice([0, 0, 4])), 1000
        for event in range(rng.randint(1, 60)):
            time += rng.choice([0, 1, 5, 20])
            with localcontext(PRECISE):
                if rng.random() < 0.04:
                    position = Decimal(rng.randint(-3, 3))
                size = Decimal(rng.randint(1, 400)).scaleb(-2)
                side = rng.choice("AB")
                if rng.random() < 0.5 and position != 0:
                    side = "A" if position > 0 else "B"
                    size = abs(position) * rng.choice([1, 1, 1, 2])
                fill = Fill(
                    time=time,
                    side=side,
                    sz=str(size),
                    px=str(Decimal(rng.randint(100, 900)).scaleb(-1)),
                    start=str(position),
                    pnl=rng.choice([None, "1.25", "-0.5"]),
                    fee=rng.choice(["0", "0.013", "-0.002"]),
                    user=user,
                    kind=rng.choice([0] * 6 + [LIQUIDATION, ADL, TRANSFER]),
                    block=event,
                    event=event,
                    tid=rng.randint(1, 10**9),
                )
                position += fill.delta
            fills.append(fill)
    return fills
