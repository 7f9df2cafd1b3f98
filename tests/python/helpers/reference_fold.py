"""A slow, simple fold in Decimal, with which the fast one must agree.

Also the hand-made fills for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import numpy as np

from pgio.scaled import Scaled
from pgio.text_codes import TextCodes
from python_jobs.lib.fold.fills import Fills
from python_jobs.lib.fold.fold import FoldState, fold
from python_jobs.lib.fold.kernel import (
    ADL,
    DUST,
    HOUR_MS,
    LIQUIDATION,
    REASONS,
    SETTLEMENT,
    TRADE,
    TRANSFER,
)
from python_jobs.lib.fold.position_rows import position_rows

NANO = Decimal("1e-9")
#: Columns of `trader_position_hours` that `trader_positions` has not.
_OF_HOURS = ("hour_at", "next_hour_at", "is_latest", "is_open")
MILLISECOND = timedelta(milliseconds=1)
PRECISE = Context(prec=400)


@dataclass(frozen=True)
class Fill:
    """One fill; amounts as text, `start` and `pnl` None where not reported."""

    time: int
    side: str
    sz: str
    px: str
    start: str | None = "0"
    pnl: str | None = "0"
    fee: str = "0"
    user: str = "0xaa"
    coin: str = "BTC"
    kind: int = TRADE
    is_base_fee: bool = False
    block: int = -1
    event: int = -1
    tid: int = 0

    @property
    def signed_size(self) -> str:
        return self.sz if self.side == "B" else f"-{self.sz}"

    @property
    def delta(self) -> Decimal:
        with localcontext(PRECISE):
            return Decimal(self.signed_size) - (
                Decimal(self.fee) if self.is_base_fee else 0
            )


def make_fills(fills: Sequence[Fill], users: TextCodes, coins: TextCodes) -> Fills:
    def decimals(name: str) -> Scaled:
        texts = [getattr(fill, name) for fill in fills]
        return Scaled.from_decimals(
            [None if text is None else Decimal(text) for text in texts]
        )

    def integers(name: str) -> Any:
        return np.array([getattr(fill, name) for fill in fills], dtype=np.int64)

    return Fills(
        user=users.encode([fill.user for fill in fills]),
        coin=coins.encode([fill.coin for fill in fills]),
        time=integers("time"),
        block=integers("block"),
        event=integers("event"),
        kind=integers("kind"),
        is_base_fee=np.array([fill.is_base_fee for fill in fills], dtype=np.bool_),
        px=decimals("px"),
        size=decimals("signed_size"),
        start=decimals("start"),
        pnl=decimals("pnl"),
        fee=decimals("fee"),
    )


def fold_all(
    chunks: Sequence[Sequence[Fill]], threads: int = 1
) -> list[dict[str, Any]]:
    """Fold chunks one after the other; rows by position and hour."""
    users, coins, state = TextCodes(), TextCodes(), FoldState()
    steps = [
        part
        for chunk in chunks
        for part in fold(make_fills(chunk, users, coins), state, threads)
    ]
    steps += state.open_steps()
    rows = [
        row for part in steps for row in position_rows(part, users, coins).to_pylist()
    ]
    return sorted(rows, key=lambda row: (row["position_id"], row["hour_at"]))


@dataclass
class Episode:
    key: tuple[str, str]
    opened: int
    ordinal: int
    side: int
    size: Decimal
    is_known: bool
    gaps: int = 0
    closed: int | None = None
    last: int = -1
    last_exit: int | None = None
    max_size: Decimal = Decimal(0)
    entry: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    exit: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    cost: Decimal = Decimal(0)
    gross: Decimal | None = Decimal(0)
    fees: Decimal = Decimal(0)
    fills: int = 0
    is_liquidated: bool = False
    reason: str | None = None

    def close(self, time: int, reason: str) -> None:
        self.closed, self.reason = time, reason


@dataclass
class _Key:
    name: tuple[str, str]
    position: Decimal = Decimal(0)
    is_seen: bool = False
    episodes: list[Episode] = field(default_factory=list)
    hours: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    def note_hours(self) -> None:
        """Record positions after the last fill; the last record of an hour stays."""
        for episode in self.episodes[-3:]:
            row = _row(episode)
            self.hours[row["position_id"], row["hour"]] = row

    def open(self, time: int, size: Decimal, is_known: bool, gaps: int) -> Episode:
        ordinal = sum(episode.opened == time for episode in self.episodes)
        side = 1 if size > 0 else -1
        episode = Episode(self.name, time, ordinal, side, size, is_known, gaps)
        episode.max_size = abs(size)
        self.episodes.append(episode)
        return episode


def reference(fills: Sequence[Fill]) -> list[dict[str, Any]]:
    """Fold fills that are in the order they happened; rows by position and hour."""
    keys: dict[tuple[str, str], _Key] = {}
    with localcontext(PRECISE):
        for fill in fills:
            name = (fill.user, fill.coin)
            key = keys.setdefault(name, _Key(name))
            _apply(key, fill)
            key.note_hours()
    hours = {at: row for key in keys.values() for at, row in key.hours.items()}
    rows = [hours[at] for at in sorted(hours)]
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        is_latest = following is None or row["position_id"] != following["position_id"]
        row["is_latest"] = is_latest
        row["is_open"] = is_latest and row["closed"] is None
        row["next_hour"] = None if is_latest else following["hour"]
    return rows


def _apply(key: _Key, fill: Fill) -> None:
    delta = fill.delta
    if delta == 0:
        return
    start = key.position if fill.start is None else Decimal(fill.start)
    if not key.is_seen:
        key.is_seen = True
        if start != 0:
            key.open(fill.time, start, False, 0)
    elif start != key.position:
        if start * key.position > 0:
            episode = key.episodes[-1]
            episode.gaps += 1
            episode.is_known = False
            episode.cost = Decimal(0)
            episode.size = start
            episode.max_size = max(episode.max_size, abs(start))
        else:
            if key.position != 0:
                key.episodes[-1].close(fill.time, "gap")
            if start != 0:
                key.open(fill.time, start, False, 1)
    key.position = start
    fee = Decimal(fill.fee) * (Decimal(fill.px) if fill.is_base_fee else 1)
    pnl = None if fill.pnl is None else Decimal(fill.pnl)
    if start * delta >= 0:
        episode = key.episodes[-1] if start != 0 else None
        _enter(key, episode, fill, delta, fee, pnl or Decimal(0))
        return
    closing = min(abs(start), abs(delta))
    rest = abs(delta) - closing
    share = fee
    if rest:
        share = (fee * closing / abs(delta)).quantize(NANO, ROUND_DOWN)
    _leave(key, fill, closing, share, pnl, rest > 0)
    if rest:
        side = 1 if delta > 0 else -1
        _enter(key, None, fill, side * rest, fee - share, Decimal(0))


def _enter(
    key: _Key,
    episode: Episode | None,
    fill: Fill,
    delta: Decimal,
    fee: Decimal,
    pnl: Decimal,
) -> None:
    if episode is None:
        episode = key.open(fill.time, delta, True, 0)
        episode.size = Decimal(0)
    size, px = abs(delta), Decimal(fill.px)
    episode.entry = (episode.entry[0] + size, episode.entry[1] + size * px)
    if episode.is_known:
        episode.cost += size * px
    episode.size += delta
    episode.max_size = max(episode.max_size, abs(episode.size))
    if episode.gross is not None:
        episode.gross += pnl
    episode.fees += fee
    episode.fills += 1
    episode.last = fill.time
    key.position = episode.size


def _leave(
    key: _Key, fill: Fill, size: Decimal, fee: Decimal, pnl: Decimal | None, flip: bool
) -> None:
    episode, px = key.episodes[-1], Decimal(fill.px)
    held = abs(key.position)
    kept = (episode.cost * (held - size) / held).quantize(NANO, ROUND_DOWN)
    released = episode.cost - kept
    episode.cost = kept
    episode.exit = (episode.exit[0] + size, episode.exit[1] + size * px)
    if pnl is None and episode.is_known:
        pnl = (size * px - released) * episode.side
    if pnl is None or episode.gross is None:
        episode.gross = None
    else:
        episode.gross += pnl
    episode.fees += fee
    episode.fills += 1
    episode.last = fill.time
    if fill.kind != DUST:
        episode.last_exit = fill.time
    episode.is_liquidated |= fill.kind == LIQUIDATION
    episode.size -= size * episode.side
    key.position = episode.size
    if episode.size == 0:
        reason = "flip" if flip and fill.kind == TRADE else REASONS[fill.kind]
        episode.close(fill.time, reason)


def _row(e: Episode) -> dict[str, Any]:
    is_open = e.closed is None
    changed = e.last if e.closed is None else e.closed
    return {
        "position_id": f"{e.key[0]}:{e.key[1]}:{e.opened}:{e.ordinal}",
        "hour": changed // HOUR_MS * HOUR_MS,
        "side": "long" if e.side > 0 else "short",
        "opened": e.opened,
        "closed": e.closed,
        "last": e.last,
        "last_exit": e.last_exit,
        "size": e.size if is_open else Decimal(0),
        "max_size": e.max_size,
        "entry_size": e.entry[0],
        "entry_notional_usd": e.entry[1],
        "exit_size": e.exit[0],
        "exit_notional_usd": e.exit[1],
        "cost_basis_usd": e.cost if e.is_known else None,
        "gross_pnl": e.gross,
        "fees_usd": e.fees,
        "fill_count": e.fills,
        "close_reason": e.reason,
        "is_liquidated": e.is_liquidated,
        "is_basis_known": e.is_known,
        "gap_count": e.gaps,
    }


def fold_positions(chunks: Sequence[Sequence[Fill]]) -> list[dict[str, Any]]:
    """Fold chunks; rows as `trader_positions` has them, by position_id."""
    return [as_position(row) for row in fold_all(chunks) if row["is_latest"]]


def as_position(row: dict[str, Any]) -> dict[str, Any]:
    """Return a position's last row as `trader_positions` has it, without rates."""
    position = {name: row[name] for name in row if name not in _OF_HOURS}
    held_until = row["closed_at"]
    if row["close_reason"] == "dust":
        held_until = row["last_exit_at"]
    with localcontext(PRECISE):
        left = row["exit_notional_usd"] - row["entry_notional_usd"]
        cost, gross = row["cost_basis_usd"], row["gross_pnl"]
        return {
            **position,
            "cost_basis_usd": (
                cost if cost is None or row["closed_at"] is None else Decimal(0)
            ),
            "status": "open" if row["closed_at"] is None else "closed",
            "entry_vwap": _vwap(row["entry_notional_usd"], row["entry_size"]),
            "exit_vwap": _vwap(row["exit_notional_usd"], row["exit_size"]),
            "recomputed_pnl": (
                None
                if cost is None
                else (left + cost) * (1 if row["side"] == "long" else -1)
            ),
            "funding_usd": Decimal(0),
            "is_funding_known": True,
            "net_pnl": None if gross is None else gross - row["fees_usd"],
            "holding_seconds": (
                None
                if held_until is None
                else Decimal((held_until - row["opened_at"]) // MILLISECOND) / 1000
            ),
        }


def _vwap(notional: Decimal, size: Decimal) -> Decimal | None:
    if size == 0:
        return None
    return (notional / size).quantize(Decimal("1e-12"), ROUND_HALF_UP)


def comparable(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert rows of the fast fold to the form of the slow one."""
    result = []
    for row in rows:
        row = dict(row)
        for name in ("hour", "next_hour", "opened", "closed", "last_fill", "last_exit"):
            moment = row.pop(f"{name}_at")
            milliseconds = None
            if moment is not None:
                milliseconds = round(moment.timestamp() * 1000)
            row["last" if name == "last_fill" else name] = milliseconds
        for name in ("user_address", "coin"):
            row.pop(name)
        result.append(row)
    return result


__all__ = [
    "ADL", "DUST", "LIQUIDATION", "SETTLEMENT", "TRANSFER", "Fill", "as_position",
    "comparable", "fold_all", "fold_positions", "make_fills", "reference", "replace",
]  # fmt: skip
