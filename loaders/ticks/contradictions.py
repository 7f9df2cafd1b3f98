"""Checks that trade ids belong to one venue, and the error messages of these checks."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.errors import ObjectError
from loaders.ticks.instants import from_us, utc_text
from loaders.ticks.runs import Runs
from pgio.integers import integers

#: The same trade in milliseconds and in microseconds differs by less than this.
SAME_TIME_US = 1_000

#: A jump of ids is refused if it is longer than `_LEAST_JUMP` and faster than
#: `_MOST_A_SECOND`. The busiest venues use some thousands of ids a second, and hours of
#: a recording may be missing.
_LEAST_JUMP = 1_000_000
_MOST_A_SECOND = 100_000

_WAY_OUT = (
    "The venue began its ids anew, or these are two streams: load one of them under a "
    "name of its own with --exchange"
)


def check_same_trades(rows: pa.RecordBatch, others: pa.RecordBatch) -> None:
    """Compare ticks that have the same ids, row by row.

    An unknown side agrees with every side.

    Raises
    ------
    ObjectError
        Two different trades have the same id.
    """
    differs = np.zeros(rows.num_rows, dtype=bool)
    for name in ("price", "volume"):
        mine, theirs = (
            part.column(name).cast(pa.decimal128(38, 12)) for part in (rows, others)
        )
        differs |= pc.not_equal(mine, theirs).to_numpy(zero_copy_only=False)
    mine_us, theirs_us = (integers(part.column("ts")) for part in (rows, others))
    differs |= np.abs(mine_us - theirs_us) >= SAME_TIME_US
    sides, other_sides = (
        part.column("side").to_numpy(zero_copy_only=False) for part in (rows, others)
    )
    differs |= (sides != other_sides) & (sides != 0) & (other_sides != 0)
    if differs.any():
        at = int(np.argmax(differs))
        raise ObjectError(
            reuse_message(
                _describe(rows, at),
                _describe(others, at),
                int(rows.column("source_seq")[at].as_py()),
                "which is in this object as well",
            )
        )


def check_jumps(runs: Runs, new: Runs) -> None:
    """Raise an error if ids jump, next to new ids, by more than a venue can use.

    A gap in a recording is no such jump: the missing trades took time.

    Raises
    ------
    ObjectError
        There is such a jump; the message names both trades.
    """
    jumps = runs.first[1:] - runs.last[:-1]
    times_us = np.abs(runs.first_us[1:] - runs.last_us[:-1])
    is_new = np.isin(runs.first[1:], new.first) | np.isin(runs.last[:-1], new.last)
    is_jump = is_new & (jumps > _LEAST_JUMP)
    is_jump &= jumps > times_us * (_MOST_A_SECOND / 1_000_000)
    if is_jump.any():
        at = int(np.argmax(is_jump))
        before, after = (
            f"{trade_id} ({utc_text(from_us(int(us)))})"
            for trade_id, us in (
                (runs.last[at], runs.last_us[at]),
                (runs.first[at + 1], runs.first_us[at + 1]),
            )
        )
        raise ObjectError(
            f"trade ids jump from {before} to {after}: {jumps[at]:,} ids in "
            f"{times_us[at] / 1000:,.0f} ms, too many for a venue whose ids count up "
            "by one. Binance.US has such ids: load it with --exchange binance_us. "
            "Otherwise these are two streams: load one of them under a name of its own "
            "with --exchange"
        )


def _describe(rows: pa.RecordBatch, at: int) -> str:
    row = rows.slice(at, 1).to_pylist()[0]
    return describe_tick(row["ts"], row["price"], row["volume"], row["side"])


def describe_tick(ts: datetime, price: object, volume: object, side: int) -> str:
    """Write a tick for a message: ``0.5 at 60000.1, bought, 2024-08-09 00:00:01Z``."""
    took = {1: "bought", -1: "sold"}.get(side, "side unknown")
    return f"{_plain(volume)} at {_plain(price)}, {took}, {utc_text(ts)}"


def _plain(number: object) -> str:
    text = f"{number:f}" if isinstance(number, Decimal) else str(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


def reuse_message(known: str, found: str, trade_id: int, where: str) -> str:
    """Explain that two different trades have the same id."""
    return (
        f"trade id {trade_id} stands for two trades: {found} here, and {known}, "
        f"{where}. {_WAY_OUT}"
    )


def order_message(
    trade_id: int, at: datetime, other_id: int, other_at: datetime, where: str
) -> str:
    """Explain that ids and times contradict each other."""
    return (
        f"trade ids and times contradict each other: {trade_id} is of {utc_text(at)}, "
        f"but {other_id} ({where}) of {utc_text(other_at)}. {_WAY_OUT}"
    )
