"""The loop over days: orders in, rows out, in memory of a fixed size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.fills.agents import Population, populate
from simulation.fills.codes import Kind, Role
from simulation.fills.exchange import run_orders
from simulation.fills.instruments import INSTRUMENTS, instrument_table
from simulation.fills.ledger import close_all
from simulation.fills.market import (
    DAY_MS,
    Market,
    block_numbers,
    block_times,
    day_weights,
    hours_share,
)
from simulation.fills.orders import Orders, draw_orders
from simulation.fills.state import (
    COUNTERS,
    EPISODE,
    EPISODES,
    KEY,
    LEGS,
    NEXT_OID,
    ROW,
    ROWS,
    ROWS_LEFT,
    World,
)

# Rows held in memory at once.
_BUFFER_ROWS = 262_144
# Orders on the day before the tape begins, for each trader: they make its positions.
_WARM_UP_ORDERS = 4
_FIRST_OID = 110_000_000_000
# Share of the tape after which the exchange delists a coin.
_DELISTING = 0.6


@dataclass(frozen=True)
class Settings:
    """What to simulate.

    Attributes
    ----------
    fills : int
        Rows of the tape; one less where trades come out odd.
    days : int
    seed : int
    start : date
        First day, UTC.
    traders : int
    """

    fills: int
    days: int
    seed: int
    start: date
    traders: int


def default_traders(fills: int) -> int:
    """Return a believable number of traders for a tape: 2,000 for a million fills."""
    return max(60, round(2_000 * math.sqrt(fills / 1_000_000)))


@dataclass(frozen=True)
class Chunk:
    """A stretch of the tape.

    Attributes
    ----------
    rows : ndarray of ROW
        A view of a buffer that is used again: valid until the next chunk is asked for.
    episodes : ndarray of EPISODE
        Episodes that ended in it; the same holds.
    """

    rows: npt.NDArray[Any]
    episodes: npt.NDArray[Any]


class Simulation:
    """One run of the synthetic exchange.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.instruments = INSTRUMENTS
        self._start_ms = int(
            datetime.combine(settings.start, datetime.min.time(), UTC).timestamp()
            * 1000
        )
        self._market = Market(INSTRUMENTS, settings.seed)
        # About two and a half rows for each order.
        self.population: Population = populate(
            settings.traders,
            settings.fills / 2.5,
            settings.days,
            INSTRUMENTS,
            settings.seed,
        )
        self.world = self._new_world()

    def run(self) -> Iterator[Chunk]:
        """Simulate, from the first day to the last.

        Yields
        ------
        Chunk
            In the order of time; blocks are whole.
        """
        settings = self.settings
        counters = self.world.counters
        weights = day_weights(settings.days, settings.start.weekday(), settings.seed)
        settled = next(i for i, coin in enumerate(INSTRUMENTS) if coin.is_delisted)
        settled_day = int(settings.days * _DELISTING)
        orders = _WARM_UP_ORDERS * settings.traders
        counters[ROWS_LEFT] = np.iinfo(np.int64).max
        for _ in self._run_day(-1, (0, 24), orders, -1):
            pass
        counters[ROWS_LEFT] = settings.fills
        weight_left = 1.0
        for day in range(settings.days):
            is_last_day = day == settings.days - 1
            # The last day hour by hour, so that the rows last until midnight.
            step = 1 if is_last_day else 24
            for hour in range(0, 24, step):
                hours = (hour, hour + step)
                weight = weights[day] * hours_share(hours)
                # Rows for each order so far, the warm-up included, tell how many to
                # draw.
                wanted = weight / weight_left * counters[ROWS_LEFT]
                wanted *= orders / counters[LEGS]
                if is_last_day and hour == 23:
                    # Enough to be sure; the tape ends where the rows are used up.
                    wanted = wanted * 1.5 + 100
                weight_left -= weight
                count = max(1, round(wanted))
                orders += count
                coin = settled if day == settled_day else -1
                yield from self._run_day(day, hours, count, coin)

    def open_episodes(self) -> npt.NDArray[Any]:
        """Return the episodes that are open when the tape ends.

        Returns
        -------
        ndarray of EPISODE
        """
        episodes = np.zeros(self.world.keys.size, dtype=EPISODE)
        self.world.counters[EPISODES] = 0
        close_all(self.world._replace(episodes=episodes))
        return episodes[: self.world.counters[EPISODES]]

    def _run_day(
        self, day: int, hours: tuple[int, int], count: int, settled: int
    ) -> Iterator[Chunk]:
        day_ms = self._start_ms + day * DAY_MS
        rng = np.random.default_rng([self.settings.seed, 5, day + 1, hours[0]])
        orders = draw_orders(rng, self.population, day_ms, hours, count, settled)
        if hours[0] == 0:
            self.world.paths[:] = self._market.advance()
        yield from self._execute(orders, day_ms, day >= 0)

    def _execute(
        self, orders: Orders, day_ms: int, is_visible: bool
    ) -> Iterator[Chunk]:
        world = self.world
        times = block_times(orders.slots)
        blocks = block_numbers(orders.slots, self._start_ms)
        done = 0
        while done < len(times):
            world.counters[ROWS] = world.counters[EPISODES] = 0
            done = run_orders(
                world,
                times,
                blocks,
                orders.traders,
                orders.coins,
                orders.kinds,
                orders.twaps,
                day_ms,
                done,
                is_visible,
            )
            rows = world.rows[: world.counters[ROWS]]
            if len(rows) > 0:
                yield Chunk(rows, world.episodes[: world.counters[EPISODES]])

    def _new_world(self) -> World:
        settings = self.settings
        coins = len(INSTRUMENTS)
        counters = np.zeros(COUNTERS, dtype=np.int64)
        counters[NEXT_OID] = _FIRST_OID
        buffer = max(_BUFFER_ROWS, 8 * settings.traders + 16_384)
        world = World(
            instruments=instrument_table(INSTRUMENTS),
            agents=self.population.table,
            keys=np.zeros((settings.traders, coins), dtype=KEY),
            paths=np.zeros((coins, 2 * 1_440 + 1)),
            makers=self.population.makers,
            takers=self.population.takers,
            rows=np.zeros(buffer, dtype=ROW),
            # A fill ends at most two episodes: one by a gap, one by itself.
            episodes=np.zeros(2 * buffer, dtype=EPISODE),
            counters=counters,
            random=np.array([settings.seed % 2**64], dtype=np.uint64),
        )
        self._stock_makers(world)
        return world

    def _stock_makers(self, world: World) -> None:
        """Give those who quote what cannot be sold short."""
        agents = world.agents
        quoting = np.isin(agents["role"], (Role.MARKET_MAKER, Role.VAULT))
        for coin, instrument in enumerate(INSTRUMENTS):
            if instrument.kind is Kind.PERP:
                continue
            lot = world.instruments["lot"][coin]
            lots = agents["limit_usd"] / 2 / instrument.price
            lots = (lots * 10**instrument.size_decimals).astype(np.int64)
            price = round(instrument.price * 10**instrument.price_decimals)
            stock = np.where(quoting, lots, 0)
            world.keys["position"][:, coin] = stock * lot
            world.keys["cost"][:, coin] = stock * price
