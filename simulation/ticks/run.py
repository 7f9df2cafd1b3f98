"""A tape of bitcoin trades from its settings: market, trades, recordings, truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.ticks.market import SECOND_US, Market
from simulation.ticks.patterns import FIRST_START, plant
from simulation.ticks.recordings import FileRecord, Recording, formats_of
from simulation.ticks.trades import draw_trades
from simulation.ticks.truth import Hole, Truth
from simulation.ticks.venues import BY_NAME, IDS_PER_DAY, VENUES, Venue

# Parts of a day that are simulated at once, in minutes: the longest one that has no
# more than so many trades.
_PARTS = (1440, 360, 60, 15)
_PART_TICKS = 500_000
_IDS_FROM = date(2020, 1, 1)
# Recorders fail once in so many days, for so many seconds.
_HOLE_EVERY = 4
_HOLE_SECONDS = (20, 300)


@dataclass(frozen=True)
class Settings:
    """What to simulate.

    Attributes
    ----------
    ticks
        Distinct trades, over all venues.
    days
    seed
    start
        First day, UTC.
    venues
        Their names; all of `VENUES` unless named.
    patterns
        Kinds of planted patterns.
    repeats
        Times each of them occurs.
    websocket_minutes
        Length of the websocket recording of Binance's spot market, at the end.
    bad_lines
        Number of invalid lines in each file.
    """

    ticks: int
    days: int
    seed: int
    start: date
    venues: tuple[str, ...] = tuple(BY_NAME)
    patterns: int = 5
    repeats: int = 6
    websocket_minutes: int = 30
    bad_lines: int = 0


def simulate(
    out_dir: Path, settings: Settings, progress: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Simulate and write all files.

    Parameters
    ----------
    out_dir : Path
        Gets the folders `ticks` and `truth`.
    settings : Settings
    progress : callable, optional
        Told the number of trades written so far.

    Returns
    -------
    dict
        The content of `truth/summary.json`.
    """
    start = int(datetime.combine(settings.start, time(), UTC).timestamp()) * 1_000_000
    random = np.random.default_rng([settings.seed, 0])
    occurrences = plant(random, settings.days, settings.patterns, settings.repeats)
    market = Market(settings.seed, start, settings.days, occurrences)
    chosen = [venue for venue in VENUES if venue.name in settings.venues]
    counts = _shares(settings.ticks, [venue.share for venue in chosen])
    tapes = [
        VenueTape(out_dir / "ticks", venue, count, settings, market)
        for venue, count in zip(chosen, counts, strict=True)
    ]
    holes = {tape.venue.name: tape.holes for tape in tapes}
    truth = Truth(out_dir / "truth", start, holes)
    length = _part_minutes(settings) * 60
    parts = [slice(s, s + length) for s in range(0, settings.days * 86_400, length)]
    weights = [float(market.activity[part].sum()) for part in parts]
    shares = [_shares(tape.count, weights) for tape in tapes]
    written = 0
    for number, part in enumerate(parts):
        for tape, share in zip(tapes, shares, strict=True):
            truth.add(tape.venue, tape.write(part, share[number]))
            written += share[number]
        if progress is not None:
            progress(written)
    for tape in tapes:
        tape.close()
    files = [record for tape in tapes for record in tape.records()]
    asked = asdict(settings) | {"start": settings.start.isoformat()}
    asked["venues"] = [venue.name for venue in chosen]
    return truth.finish(occurrences, files, asked)


class VenueTape:
    """One venue's trades, from one part of the tape to the next.

    Parameters
    ----------
    folder : Path
        Of the recordings.
    venue : Venue
    count : int
        Trades in all.
    settings : Settings
    market : Market
    """

    def __init__(
        self, folder: Path, venue: Venue, count: int, settings: Settings, market: Market
    ) -> None:
        self._market = market
        self.venue = venue
        self.count = count
        self._key = [settings.seed, 3, VENUES.index(venue)]
        random = np.random.default_rng([*self._key, 0])
        #: Seconds of the tape in which nothing is recorded.
        self.holes = _holes(random, settings.days)
        self._rate = count / (settings.days * 86_400)
        age = (settings.start - _IDS_FROM).days
        self._next_id = venue.first_id + age * IDS_PER_DAY
        kinds = formats_of(
            venue, market.start, settings.days, settings.websocket_minutes
        )
        self._recordings = [
            Recording(folder, venue, market, *kind, settings.bad_lines, settings.seed)
            for kind in kinds
        ]

    def write(self, part: slice, count: int) -> npt.NDArray[Any]:
        """Simulate a part of the tape and append it to the recordings.

        Parameters
        ----------
        part : slice
            Of the market's seconds.
        count : int
            Market trades in it.

        Returns
        -------
        ndarray of `TICK`
        """
        holes = [hole for hole in self.holes if part.start <= hole[0] < part.stop]
        random = np.random.default_rng([*self._key, 1 + part.start])
        rows = draw_trades(self.venue, self._market, part, count, holes, random)
        rows["seq"] += self._next_id
        after = self._next_id if len(rows) == 0 else int(rows["seq"][-1]) + 1
        for first, last in holes:
            missed = 1 + int(self._rate * (last - first))
            start = self._market.start + first * SECOND_US
            rows["seq"][np.searchsorted(rows["ts"], start) :] += missed
            after += missed
        self._next_id = after
        for recording in self._recordings:
            recording.write(rows)
        return rows

    def close(self) -> None:
        """Finish the open files."""
        for recording in self._recordings:
            recording.close()

    def records(self) -> list[FileRecord]:
        """Return a description of its files."""
        return [record for each in self._recordings for record in each.records]


def _holes(random: np.random.Generator, days: int) -> list[Hole]:
    """Choose when a recorder fails: at the start of an hour, before any pattern."""
    count = 1 + days // _HOLE_EVERY
    hours = random.choice(np.arange(1, 24 * days - 2), count, replace=False)
    seconds = random.integers(*_HOLE_SECONDS, count)
    firsts = np.sort(hours) * 3600 + random.integers(0, FIRST_START * 60 - seconds)
    return list(zip(firsts.tolist(), (firsts + seconds).tolist(), strict=True))


def _shares(total: int, weights: list[float]) -> list[int]:
    """Cut a number in proportion to weights, exactly."""
    ends = np.round(total * np.cumsum(weights) / np.sum(weights)).astype(np.int64)
    return [int(part) for part in np.diff(ends, prepend=0)]


def _part_minutes(settings: Settings) -> int:
    minute_ticks = settings.ticks / (settings.days * 1440)
    fitting = [m for m in _PARTS if m * minute_ticks <= _PART_TICKS]
    return max(fitting, default=_PARTS[-1])
