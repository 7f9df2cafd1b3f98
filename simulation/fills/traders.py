"""The population: who trades, how often, how big, how well, at what fees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simulation.fills.coins import COINS, KINDS, PERP, SPOT_OF

Ints = npt.NDArray[np.int64]

FAVOURITES = 8
_TICKETS = 4_096
# The population begins with three vaults: two whose positions are netted against each
# other, and one that takes over what is liquidated.
VAULTS = 3
LIQUIDATOR = 2


class Style(NamedTuple):
    """Parameters of the traders of a role.

    Attributes
    ----------
    share
        Of all traders.
    order_usd
        Size of an order.
    activity
        Orders, relative to the other roles.
    skill
        Chance to foresee the direction of the move ahead.
    patience
        Chance that an order rests in the book instead of crossing.
    flip
        Chance that one order reverses the position.
    ruin
        Loss, as a share of the entry notional, that liquidates a position.
    """

    share: float
    order_usd: float
    activity: float
    skill: float
    patience: float
    flip: float
    ruin: float


#: Makers and vaults place no orders: they are counterparties of the others' orders.
STYLES = {
    "vault": Style(0.0, 4_000, 0.0, 0.5, 0.0, 0.0, 9.0),
    "market_maker": Style(0.012, 4_000, 0.0, 0.5, 0.0, 0.0, 9.0),
    "winner": Style(0.08, 2_200, 2.0, 0.90, 0.35, 0.20, 0.20),
    "loser": Style(0.30, 1_100, 1.0, 0.30, 0.12, 0.12, 0.09),
    "scalper": Style(0.06, 1_800, 2.2, 0.68, 0.50, 0.05, 0.10),
    "basis": Style(0.04, 2_500, 0.6, 0.5, 0.0, 0.0, 9.0),
    "retail": Style(0.50, 500, 0.7, 0.48, 0.20, 0.08, 0.15),
}
ROLES = list(STYLES)

#: The exchange's data of a trader. A fee rate of 45,000 is 0.045 %.
TRADER = np.dtype(
    [
        ("limit_usd", "f8"),
        ("patience", "f8"),
        ("flip", "f8"),
        ("ruin", "f8"),
        ("perp_taker", "i8"),
        ("perp_maker", "i8"),
        ("spot_taker", "i8"),
        ("spot_maker", "i8"),
        ("builder_rate", "i8"),
        # The TWAP order in hand and its side.
        ("twap", "i8"),
        ("twap_side", "i8"),
    ]
)


@dataclass(frozen=True)
class Population:
    """All traders of the exchange, in arrays of shape (traders,) unless said.

    Attributes
    ----------
    table : ndarray of TRADER
    roles : ndarray of str
    addresses : list of str
    builders : list of str
        Addresses of front ends.
    builder : ndarray of int64
        Which of them a trader uses, -1 for none.
    uses_cloid : ndarray of bool
    order_usd, skill : ndarray of float64
    horizon_ms : ndarray of int64
        How far ahead a trader looks.
    activity : ndarray of float64
        Cumulative share of all orders.
    favourites : ndarray of int64, shape (traders, FAVOURITES)
        Coins a trader draws from; the same coin may stand there more than once.
    makers, takers : ndarray of int64
        Traders to draw counterparties from; repeated by their weight.
    """

    table: npt.NDArray[Any]
    roles: npt.NDArray[np.str_]
    addresses: list[str]
    builders: list[str]
    builder: Ints
    uses_cloid: npt.NDArray[np.bool_]
    order_usd: npt.NDArray[np.float64]
    skill: npt.NDArray[np.float64]
    horizon_ms: Ints
    activity: npt.NDArray[np.float64]
    favourites: Ints
    makers: Ints
    takers: Ints


def populate(traders: int, orders: float, days: int, seed: int) -> Population:
    """Create the traders.

    Parameters
    ----------
    traders : int
        At least 60.
    orders : float
        Expected over the whole tape: they set how far ahead each trader looks.
    days : int
    seed : int

    Returns
    -------
    Population
    """
    rng = np.random.default_rng([seed, 4])
    roles = _roles(traders)
    style = {
        name: np.array([getattr(STYLES[role], name) for role in roles])
        for name in Style._fields
    }
    is_quoting = np.isin(roles, ("vault", "market_maker"))
    is_small = np.isin(roles, ("retail", "loser"))
    order_usd = style["order_usd"] * np.exp(rng.normal(0.0, 0.7, traders))
    order_usd = np.minimum(order_usd, 40_000)
    # Activity falls off as a power of rank; ranks are dealt at random.
    weight = style["activity"] * (rng.permutation(traders) + 1.0) ** -0.75
    share = weight / weight.sum()
    between_orders = days * 86_400_000 / np.maximum(share * orders, 1e-9)
    horizon = np.clip(between_orders, 300_000, 86_400_000)
    table = np.zeros(traders, dtype=TRADER)
    table["limit_usd"] = order_usd * rng.uniform(4, 9, traders)
    table["patience"], table["flip"] = style["patience"], style["flip"]
    table["ruin"] = style["ruin"] * rng.uniform(0.6, 1.6, traders)
    _set_fees(table, roles, is_quoting, rng)
    has_builder = is_small & (rng.random(traders) < 0.25)
    rates = rng.choice([5_000, 10_000, 20_000, 50_000], traders)
    table["builder_rate"] = np.where(has_builder, rates, 0)
    return Population(
        table=table,
        roles=roles,
        addresses=["0x" + rng.bytes(20).hex() for _ in range(traders)],
        builders=["0x" + rng.bytes(20).hex() for _ in range(6)],
        builder=np.where(has_builder, rng.integers(0, 6, traders), -1),
        uses_cloid=is_quoting | (roles == "scalper"),
        order_usd=order_usd,
        skill=style["skill"] + rng.uniform(-0.03, 0.03, traders),
        horizon_ms=np.where(roles == "scalper", 180_000, horizon).astype(np.int64),
        activity=np.cumsum(share),
        favourites=_favourites(roles, rng),
        makers=_tickets(is_quoting, rng),
        takers=_tickets(is_small, rng),
    )


def _roles(traders: int) -> npt.NDArray[np.str_]:
    counts = {name: max(round(traders * s.share), 6) for name, s in STYLES.items()}
    counts["vault"] = VAULTS
    counts["retail"] += traders - sum(counts.values())
    return np.repeat(list(counts), list(counts.values()))


def _set_fees(
    table: npt.NDArray[Any],
    roles: npt.NDArray[np.str_],
    is_quoting: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    tier = rng.choice(4, size=len(table), p=[0.7, 0.18, 0.08, 0.04])
    table["perp_taker"] = np.array([45_000, 40_000, 35_000, 30_000])[tier]
    table["perp_maker"] = np.array([15_000, 12_000, 8_000, 4_000])[tier]
    table["spot_taker"] = np.array([70_000, 60_000, 50_000, 40_000])[tier]
    table["spot_maker"] = np.array([40_000, 30_000, 20_000, 10_000])[tier]
    table["perp_taker"][roles == "scalper"] = 26_000
    table["perp_maker"][roles == "scalper"] = 0
    rebate = rng.choice([-1_000, -2_000, -3_000], size=len(table))[is_quoting]
    table["perp_maker"][is_quoting] = table["spot_maker"][is_quoting] = rebate


def _favourites(roles: npt.NDArray[np.str_], rng: np.random.Generator) -> Ints:
    weights = np.array([coin.weight for coin in COINS])
    coins = rng.choice(
        len(COINS), size=(len(roles), FAVOURITES), p=weights / weights.sum()
    )
    # A few coins each: the later slots repeat the first ones.
    repeats = rng.integers(1, FAVOURITES + 1, size=len(roles))
    columns = np.arange(FAVOURITES)[None, :] % repeats[:, None]
    coins = np.take_along_axis(coins, columns, axis=1)
    # Scalpers and winners need something they can short.
    needs_perp = np.isin(roles, ("scalper", "winner"))
    coins[needs_perp[:, None] & (KINDS != PERP)[coins]] = 0
    # A basis trade is on one spot coin, and each of its orders is hedged.
    is_basis = roles == "basis"
    hedged = SPOT_OF[SPOT_OF >= 0]
    coins[is_basis] = rng.choice(hedged, size=(int(is_basis.sum()), 1))
    return coins.astype(np.int64)


def _tickets(members: npt.NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    traders = np.flatnonzero(members)
    weights = (rng.permutation(len(traders)) + 2.0) ** -0.8
    return rng.choice(traders, size=_TICKETS, p=weights / weights.sum())
