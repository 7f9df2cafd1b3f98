"""The population: who trades, how often, how big, how well, at what fees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simulation.fills.codes import Kind, Role
from simulation.fills.instruments import Instrument

# Fee rates are integers in units of 1e-8: 45,000 is 0.045 %.
RATE_UNIT = 100_000_000
FAVOURITES = 8
_TICKETS = 4_096

AGENT = np.dtype(
    [
        ("role", "i8"),
        ("skill", "f8"),
        ("horizon_ms", "i8"),
        ("order_usd", "f8"),
        ("limit_usd", "f8"),
        # Chance that an order rests in the book instead of crossing.
        ("patience", "f8"),
        # Chance that a change of mind turns the position round in one order.
        ("flip", "f8"),
        # Loss, as a share of the entry notional, that liquidates the position.
        ("ruin", "f8"),
        ("perp_taker", "i8"),
        ("perp_maker", "i8"),
        ("spot_taker", "i8"),
        ("spot_maker", "i8"),
        ("builder", "i8"),
        ("builder_rate", "i8"),
        ("uses_cloid", "i8"),
        ("twap", "i8"),
        ("twap_side", "i8"),
    ],
    align=True,
)


class _Habits(NamedTuple):
    share: float
    order_usd: float
    activity: float
    skill: float
    patience: float
    flip: float
    ruin: float


# Vaults are three, whatever the number of traders: two that quote, one that liquidates.
_HABITS = {
    Role.MARKET_MAKER: _Habits(0.012, 4_000, 0.0, 0.5, 0.0, 0.0, 9.0),
    Role.WINNER: _Habits(0.08, 2_200, 1.2, 0.84, 0.35, 0.20, 0.20),
    Role.LOSER: _Habits(0.30, 1_100, 1.0, 0.30, 0.12, 0.12, 0.09),
    Role.SCALPER: _Habits(0.06, 1_800, 2.2, 0.68, 0.50, 0.05, 0.10),
    Role.BASIS: _Habits(0.04, 2_500, 0.6, 0.5, 0.0, 0.0, 9.0),
    Role.RETAIL: _Habits(0.50, 500, 0.7, 0.48, 0.20, 0.08, 0.15),
}


@dataclass(frozen=True)
class Population:
    """All traders of the exchange.

    Attributes
    ----------
    table : ndarray of AGENT, shape (traders,)
    addresses : list of str
    builders : list of str
        Addresses of front ends.
    activity : ndarray of float64, shape (traders,)
        Cumulative share of all orders.
    favourites : ndarray of int64, shape (traders, FAVOURITES)
        Coins a trader draws from; the same coin may stand there more than once.
    makers, takers : ndarray of int64
        Lottery tickets for counterparties.
    """

    table: npt.NDArray[Any]
    addresses: list[str]
    builders: list[str]
    activity: npt.NDArray[np.float64]
    favourites: npt.NDArray[np.int64]
    makers: npt.NDArray[np.int64]
    takers: npt.NDArray[np.int64]


def populate(
    traders: int,
    orders: float,
    days: int,
    instruments: tuple[Instrument, ...],
    seed: int,
) -> Population:
    """Create the traders.

    Parameters
    ----------
    traders : int
        At least 40.
    orders : float
        Orders expected over the whole tape: they set how far ahead each trader looks.
    days : int
    instruments : tuple of Instrument
    seed : int

    Returns
    -------
    Population
    """
    rng = np.random.default_rng([seed, 4])
    table = np.zeros(traders, dtype=AGENT)
    table["role"] = roles = _roles(traders)
    habit = {
        name: np.array([getattr(_habits(Role(role)), name) for role in roles])
        for name in _Habits._fields
    }
    noise = np.exp(rng.normal(0.0, 0.7, size=traders))
    table["order_usd"] = np.minimum(habit["order_usd"] * noise, 40_000)
    table["limit_usd"] = table["order_usd"] * rng.uniform(4, 9, size=traders)
    table["skill"] = habit["skill"] + rng.uniform(-0.03, 0.03, size=traders)
    for name in ("patience", "flip"):
        table[name] = habit[name]
    table["ruin"] = habit["ruin"] * rng.uniform(0.6, 1.6, size=traders)
    # Activity falls off as a power of rank; ranks are dealt at random.
    rank = rng.permutation(traders) + 1.0
    weight = habit["activity"] * rank**-0.75
    weight[roles == Role.MARKET_MAKER] = (
        weight.sum() * 0.004 / _count(roles, Role.MARKET_MAKER)
    )
    weight[roles == Role.VAULT] = weight.sum() * 0.0005
    weight[roles == Role.LIQUIDATOR] = weight.sum() * 0.002
    share = weight / weight.sum()
    between_orders = days * 86_400_000 / np.maximum(share * orders, 1e-9)
    table["horizon_ms"] = np.clip(between_orders, 300_000, 86_400_000)
    table["horizon_ms"][roles == Role.SCALPER] = 180_000
    _set_quoting(table, roles, rng)
    _set_fees(table, roles, rng)
    return Population(
        table=table,
        addresses=[_address(rng) for _ in range(traders)],
        builders=[_address(rng) for _ in range(6)],
        activity=np.cumsum(share),
        favourites=_favourites(roles, instruments, rng),
        makers=_tickets(np.isin(roles, (Role.MARKET_MAKER, Role.VAULT)), rng),
        takers=_tickets(np.isin(roles, (Role.RETAIL, Role.LOSER)), rng),
    )


def _habits(role: Role) -> _Habits:
    return _HABITS.get(role, _HABITS[Role.MARKET_MAKER])


def _count(roles: npt.NDArray[np.int64], role: Role) -> int:
    return int((roles == role).sum())


def _roles(traders: int) -> npt.NDArray[np.int64]:
    counts = {
        role: max(round(traders * habits.share), 6) for role, habits in _HABITS.items()
    }
    fixed = [Role.VAULT, Role.VAULT, Role.LIQUIDATOR]
    counts[Role.RETAIL] += traders - len(fixed) - sum(counts.values())
    listed = [role for role, count in counts.items() for _ in range(count)]
    return np.array([*fixed, *listed], dtype=np.int64)


def _set_quoting(
    table: npt.NDArray[Any], roles: npt.NDArray[np.int64], rng: np.random.Generator
) -> None:
    quoting = np.isin(roles, (Role.MARKET_MAKER, Role.VAULT))
    table["limit_usd"][quoting] = rng.uniform(150_000, 900_000, size=quoting.sum())
    table["limit_usd"][roles == Role.LIQUIDATOR] = 2_000_000
    table["order_usd"][roles == Role.LIQUIDATOR] = 20_000
    table["patience"][roles == Role.LIQUIDATOR] = 0.7
    table["uses_cloid"] = quoting | (roles == Role.SCALPER)


def _set_fees(
    table: npt.NDArray[Any], roles: npt.NDArray[np.int64], rng: np.random.Generator
) -> None:
    traders = len(table)
    tier = rng.choice(4, size=traders, p=[0.7, 0.18, 0.08, 0.04])
    table["perp_taker"] = np.array([45_000, 40_000, 35_000, 30_000])[tier]
    table["perp_maker"] = np.array([15_000, 12_000, 8_000, 4_000])[tier]
    table["spot_taker"] = np.array([70_000, 60_000, 50_000, 40_000])[tier]
    table["spot_maker"] = np.array([40_000, 30_000, 20_000, 10_000])[tier]
    scalping = roles == Role.SCALPER
    table["perp_taker"][scalping] = 26_000
    table["perp_maker"][scalping] = 0
    quoting = np.isin(roles, (Role.MARKET_MAKER, Role.VAULT))
    rebate = rng.choice([-1_000, -2_000, -3_000], size=traders)
    table["perp_taker"][quoting] = 24_000
    table["perp_maker"][quoting] = rebate[quoting]
    table["spot_taker"][quoting] = 25_000
    table["spot_maker"][quoting] = rebate[quoting]
    uses_builder = np.isin(roles, (Role.RETAIL, Role.LOSER)) & (
        rng.random(traders) < 0.25
    )
    table["builder"] = np.where(uses_builder, rng.integers(0, 6, size=traders), -1)
    rates = rng.choice([5_000, 10_000, 20_000, 50_000], size=traders)
    table["builder_rate"] = np.where(uses_builder, rates, 0)


def _favourites(
    roles: npt.NDArray[np.int64],
    instruments: tuple[Instrument, ...],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    weights = np.array([instrument.weight for instrument in instruments])
    coins = rng.choice(
        len(instruments), size=(len(roles), FAVOURITES), p=weights / weights.sum()
    )
    # A few coins each: the later slots repeat the first ones.
    repeats = rng.integers(1, FAVOURITES + 1, size=len(roles))
    columns = np.arange(FAVOURITES)[None, :] % repeats[:, None]
    coins = np.take_along_axis(coins, columns, axis=1)
    is_perp = np.array([i.kind is Kind.PERP for i in instruments])
    # Scalpers and winners need something they can short.
    needs_perp = np.isin(roles, (Role.SCALPER, Role.WINNER))
    coins[needs_perp[:, None] & ~is_perp[coins]] = 0
    leaders = [i.leader for i in instruments if i.leader]
    hedgeable = [c for c, i in enumerate(instruments) if i.name in leaders]
    basis = roles == Role.BASIS
    coins[basis] = rng.choice(hedgeable, size=(int(basis.sum()), 1))
    return coins.astype(np.int64)


def _tickets(
    members: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    traders = np.flatnonzero(members)
    weights = (rng.permutation(len(traders)) + 2.0) ** -0.8
    drawn = rng.choice(traders, size=_TICKETS, p=weights / weights.sum())
    return drawn.astype(np.int64)


def _address(rng: np.random.Generator) -> str:
    return "0x" + rng.bytes(20).hex()
