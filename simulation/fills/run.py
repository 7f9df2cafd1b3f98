"""A tape of fills from its settings: the loop over the parts of its days."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.fills.accounts import Accounts
from simulation.fills.coins import DELISTED, GRIDS, KINDS, PERP, SPOT
from simulation.fills.contexts import MINUTES, PERPS, Contexts
from simulation.fills.exchange import (
    DUST,
    KEY,
    OID,
    ROW,
    ROWS,
    SETTLEMENT,
    World,
    close_positions,
    net_vaults,
    pay_funding,
    run_orders,
)
from simulation.fills.market import (
    BLOCK_MS,
    DAY_MS,
    Market,
    block_times,
    part_weights,
)
from simulation.fills.orders import HIDDEN_RESIZE, draw_orders
from simulation.fills.printing import ArchiveTape, ParquetTape, Printer
from simulation.fills.traders import populate
from simulation.fills.truth import Truth

#: What a simulation writes.
FOLDERS = ("parquet", "archive", "asset_ctxs", "funding", "truth")

# Rows of a part of a day, about at most: they are in memory at once.
_PART_ROWS = 120_000
# Trades per trader on the day before the tape: they make the first positions.
_WARM_UP_TRADES = 6
_FIRST_OID = 110_000_000_000
# Share of the tape after which the exchange delists a coin.
_DELISTING = 0.6
# A maker's first holding of each coin that cannot be sold short, USD.
_STOCK_USD = 2_000_000


@dataclass(frozen=True)
class Settings:
    """What to simulate.

    Attributes
    ----------
    fills
        Rows of the tape; one less if they are odd, since a trade has two rows.
    days
    seed
    start
        First day, UTC.
    traders
    is_complete
        All positions in perpetuals begin on the tape, and no fill is left out.
    """

    fills: int
    days: int
    seed: int
    start: date
    traders: int
    is_complete: bool = False


def default_traders(fills: int) -> int:
    """Return a realistic number of traders for a tape: 2,000 for a million fills."""
    return max(60, round(2_000 * math.sqrt(fills / 1_000_000)))


def simulate(
    out_dir: Path,
    settings: Settings,
    file_format: str,
    is_hourly: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Simulate and write all files.

    Parameters
    ----------
    out_dir : Path
        Gets the `FOLDERS`.
    settings : Settings
    file_format : {"parquet", "archive", "both"}
    is_hourly : bool
        Parquet by the hour rather than by the day.
    progress : callable, optional
        Told the number of fills written so far.

    Returns
    -------
    dict
        The content of `truth/summary.json`.
    """
    exchange = _Exchange(settings)
    printer = Printer(exchange.population, settings.seed)
    truth = Truth(out_dir / "truth", exchange.population)
    accounts = Accounts(
        out_dir / "truth", exchange.population.addresses, exchange.first_prices
    )
    tapes: list[ParquetTape | ArchiveTape] = []
    if file_format != "archive":
        tapes.append(ParquetTape(out_dir / "parquet", is_hourly))
    if file_format != "parquet":
        tapes.append(ArchiveTape(out_dir / "archive", exchange.start_ms))
    hours = _part_hours(settings)
    weights = part_weights(
        settings.days, settings.start.weekday(), hours, settings.seed
    )
    ends = np.round(np.cumsum(weights) * settings.fills).astype(int)
    written = 0
    for part, end in enumerate(ends):
        left = settings.fills - written
        rows = exchange.run(part * hours, hours, int(end) - written, left)
        table = printer.table(rows)
        for tape in tapes:
            tape.write(table)
        truth.add(rows)
        accounts.add_trades(rows)
        exchange.contexts.add_volume(rows)
        day, hour = divmod((part + 1) * hours, 24)
        if hour == 0:
            exchange.contexts.write(out_dir, day - 1)
            accounts.close_day(
                settings.start + timedelta(days=day - 1),
                exchange.keys,
                exchange.contexts.marks(day - 1),
            )
        written += len(rows)
        if progress is not None:
            progress(written)
    for tape in tapes:
        tape.close()
    accounts.close()
    asked = asdict(settings) | {"start": settings.start.isoformat()}
    return truth.finish(asked, exchange.keys["missed"] == 0)


def _part_hours(settings: Settings) -> int:
    day_rows = settings.fills / settings.days
    fitting = [h for h in (24, 12, 6, 3, 1) if day_rows * h / 24 <= _PART_ROWS]
    return max(fitting, default=1)


class _Exchange:
    """The exchange from one part of the tape to the next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        midnight = datetime.combine(settings.start, time(), UTC)
        self.start_ms = int(midnight.timestamp()) * 1000
        self._market = Market(self.start_ms, settings.days, settings.seed)
        # About two and a half rows for each order.
        orders = settings.fills / 2.5
        self.population = populate(
            settings.traders, orders, settings.days, settings.seed
        )
        self._world = World(
            grids=GRIDS,
            traders=self.population.table,
            keys=np.zeros((settings.traders, len(GRIDS)), dtype=KEY),
            makers=self.population.makers,
            takers=self.population.takers,
            counters=np.zeros(4, dtype=np.int64),
            open_interest=np.zeros(len(GRIDS), dtype=np.int64),
        )
        self._world.counters[OID] = _FIRST_OID
        self.keys = self._world.keys
        #: Of all coins a day before the tape, price units.
        self.first_prices = self._market.paths[:, 0].astype(np.int64)
        self._stock_makers()
        self._delisting = int(settings.days * _DELISTING) * 24
        self.contexts = Contexts(
            self._market, self.start_ms, settings.days, self._delisting, settings.seed
        )
        if not settings.is_complete:
            warm_up = _WARM_UP_TRADES * settings.traders
            self._run_orders(np.zeros(0, ROW), -24, 24, warm_up, False)
        for name in ("cash", "fees", "fills"):
            self.keys[name] = 0
        self.keys["missed"] = self.keys["position"] != 0

    def run(
        self, first_hour: int, hours: int, count: int, left: int
    ) -> npt.NDArray[Any]:
        """Run a part of a day.

        Parameters
        ----------
        first_hour : int
            From the start of the tape.
        hours, count : int
            Length of the part, and how many rows it may have.
        left : int
            How many rows all parts from this one on may have.

        Returns
        -------
        ndarray of ROW, shape (count,) or one or two less
        """
        rows = np.zeros(count, dtype=ROW)
        self._world.counters[ROWS] = 0
        # Before the exchange's own acts: their blocks may have the time of the hour.
        self._record_moment(first_hour * len(MINUTES))
        if first_hour % 24 == 0:
            self._keep_house(rows, first_hour, left)
        trades = (count - int(self._world.counters[ROWS])) // 2
        self._run_orders(rows, first_hour, hours, trades, True)
        return rows[: self._world.counters[ROWS]]

    def _run_orders(
        self,
        rows: npt.NDArray[Any],
        first_hour: int,
        hours: int,
        trades: int,
        is_shown: bool,
    ) -> None:
        rng = np.random.default_rng([self._settings.seed, 5, first_hour + 24])
        day, hour = divmod(first_hour, 24)
        orders = draw_orders(
            rng,
            self.population,
            self._market,
            self.start_ms + day * DAY_MS,
            (hour, hours),
            trades,
            first_hour >= self._delisting,
        )
        if self._settings.is_complete:
            orders = orders[orders["kind"] < HIDDEN_RESIZE]
        moments = range(0)
        if is_shown:
            # The first moment was recorded before the exchange's own acts.
            moments = range(
                first_hour * len(MINUTES) + 1, (first_hour + hours) * len(MINUTES)
            )
        # A fill at the time of a moment comes after it.
        ends = np.searchsorted(orders["time"], self.contexts.times[moments])
        first = 0
        for moment, end in zip(moments, ends, strict=True):
            run_orders(self._world, orders[first:end], rows, rng, is_shown)
            self._record_moment(moment)
            first = end
        run_orders(self._world, orders[first:], rows, rng, is_shown)

    def _record_moment(self, moment: int) -> None:
        """Record the open interest, and pay funding where it is due."""
        self.contexts.open_interest[moment] = self._world.open_interest[PERPS]
        payments = self.contexts.payments(moment)
        if payments is not None:
            pay_funding(self._world, payments)

    def _keep_house(self, rows: npt.NDArray[Any], first_hour: int, left: int) -> None:
        """Run the exchange's own acts in the first blocks of a day."""
        world, market = self._world, self._market
        day_ms = self.start_ms + first_hour // 24 * DAY_MS
        slots = day_ms // BLOCK_MS + np.arange(3)
        dust_ms, net_ms, settle_ms = (int(ms) for ms in block_times(slots))
        rng = np.random.default_rng([self._settings.seed, 6, first_hour])
        position = world.keys["position"]
        dust = np.argwhere((position > 0) & (position < GRIDS["lot"]) & (KINDS == SPOT))
        is_delisted = np.arange(len(GRIDS)) == DELISTED
        settled = np.argwhere((position != 0) & is_delisted)
        settled = settled[: len(rows) if first_hour == self._delisting else 0]
        dust = dust[: len(rows) - len(settled)]
        # A trade has two rows: one dust balance waits if the number of rows left is
        # odd.
        if (left - len(settled) - len(dust)) % 2 == 1:
            dust = dust[:-1]
        room = len(rows) - len(settled) - len(dust)
        opposite = np.sign(position[0]) * np.sign(position[1]) < 0
        coins = np.flatnonzero(opposite & (KINDS == PERP) & ~is_delisted)[: room // 2]
        for time_ms, words, keys in (
            (dust_ms, DUST, dust),
            (settle_ms, SETTLEMENT, settled),
        ):
            users, held = keys.T
            mids = market.at(held, np.full(len(held), time_ms))
            close_positions(world, rows, rng, time_ms, words, users, held, mids)
            if words == DUST:
                mids = market.at(coins, np.full(len(coins), net_ms))
                net_vaults(world, rows, rng, net_ms, coins, mids)

    def _stock_makers(self) -> None:
        """Give makers a stock of the coins that cannot be sold short."""
        is_quoting = np.isin(self.population.roles, ("vault", "market_maker"))
        first = self._market.paths[:, 0]
        for coin in np.flatnonzero(KINDS != PERP):
            lots = int(_STOCK_USD * GRIDS["money_unit"][coin] / first[coin])
            keys = self._world.keys[:, coin]
            keys["position"][is_quoting] = lots * GRIDS["lot"][coin]
            keys["cost"][is_quoting] = lots * int(first[coin])
