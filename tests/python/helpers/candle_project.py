"""A private copy of the project's tick models, and the expected candles.

Trades are loaded by `load_to_db ticks`. Expected candles are computed by pandas, in
decimals, from the rows of `market_data.btc_ticks`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rollup_project import PROJECT_DIR, RollupProject
from servers import environment, storage
from tick_loading import Trade, loaded, tick_csv

LEVELS = {
    "btc_ohlcv_100ms": timedelta(milliseconds=100),
    "btc_ohlcv_1s": timedelta(seconds=1),
    "btc_ohlcv_1m": timedelta(minutes=1),
    "btc_ohlcv_5m": timedelta(minutes=5),
}
COLUMNS = (
    *("open", "high", "low", "close", "volume", "vwap", "trade_count", "notional"),
    *("buy_volume", "sell_volume", "large_volume", "squared_volume"),
    *("first_seq", "last_seq"),
)
COPIED = (
    *("models/rollups/market", "models/marts/market", "models/staging/market_data"),
    *("functions", "seeds"),
)
TESTS = ("candles_add_up.sql", "ticks_have_their_window.sql")
SUMS = (
    *("volume", "notional", "buy_volume", "sell_volume"),
    *("large_volume", "squared_volume"),
)
COLUMNSTORE = re.compile(r" *'columnstore': \{.*?\},\n", re.DOTALL)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Where TimescaleDB's buckets begin, which matters for widths that do not divide a day.
ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)
#: 51 s before a midnight.
START = datetime(2025, 3, 1, 23, 59, 9, tzinfo=UTC)
Key = tuple[datetime, str]
Candles = dict[Key, tuple[Any, ...]]


class CandleProject(RollupProject):
    """A dbt project with the repository's models of ticks, on a database of its own.

    Old recordings are loaded, without a retention until a test declares one. Ticks and
    candles are not compressed unless `has_columnstore`: rows in the columnstore have no
    `ctid` to tell whether they were rewritten.
    """

    def __init__(
        self, folder: Path, conninfo: dict[str, Any], has_columnstore: bool = False
    ) -> None:
        super().__init__(folder, conninfo)
        shutil.rmtree(folder / "models/rollups")
        for name in COPIED:
            shutil.copytree(PROJECT_DIR / name, folder / name)
        self.leave_out_metrics()
        (folder / "tests/singular").mkdir()
        for name in TESTS:
            shutil.copy(
                PROJECT_DIR / "tests/singular" / name, folder / "tests/singular"
            )
        with self.edit_source("btc_ticks") as table:
            settings = table["config"]["meta"]["timescale"]
            settings["retention"] = None
            if not has_columnstore:
                settings["columnstore"] = None
        for name in () if has_columnstore else LEVELS:
            path = folder / f"models/rollups/market/{name}.sql"
            text, found = COLUMNSTORE.subn("", path.read_text())
            assert found == 1
            path.write_text(text)
        self.files = count(1)
        self.create_sources()

    def load_trades(
        self, trades: Sequence[Trade], exchange: str = "binance_spot"
    ) -> None:
        """Load trades as a recording of their own."""
        path = self.folder / f"recordings/{next(self.files)}.csv"
        loaded(tick_csv(path, trades), exchange=exchange)

    def candles(self, name: str, *venues: str) -> Candles:
        """Return the candles of a level by bucket and venue, of these venues or all."""
        rows = self.query(
            f"select bucket, exchange, {', '.join(COLUMNS)} from market_data.{name}"
            f" where exchange = any('{{{','.join(venues)}}}') or {not venues}"
        )
        found = {
            (bucket.astimezone(UTC), venue): tuple(r) for bucket, venue, *r in rows
        }
        assert len(found) == len(rows), f"{name} has a bucket twice"
        return found

    def all_candles(self) -> dict[str, Candles]:
        """Return the candles of every level."""
        return {name: self.candles(name) for name in LEVELS}

    def expected(self) -> dict[str, Candles]:
        """Return the expected `all_candles`, from the stored ticks."""
        ticks = self.query(
            "select ts, exchange, source_seq, price, volume, side"
            " from market_data.btc_ticks order by random()"
        )
        return {name: recomputed(ticks, width) for name, width in LEVELS.items()}

    def row_versions(self, where: str = "true") -> set[tuple[Any, ...]]:
        """Return `ctid` and writing transaction of each row of each level."""
        return {
            (name, *row)
            for name in LEVELS
            for row in self.query(
                "select tableoid::text, ctid::text, xmin::text"
                f" from {self.storage(name)} where {where}"
            )
        }

    def storage(self, name: str) -> str:
        """Return the relation that holds the rows of a level."""
        return storage(self.query, f"market_data.{name}")


@contextmanager
def candle_project(
    folder: Path, conninfo: dict[str, Any], has_columnstore: bool = False
) -> Iterator[CandleProject]:
    """Make a project and point the loader to its database."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(conninfo).items():
            patch.setenv(name, value)
        yield CandleProject(folder, conninfo, has_columnstore)


def recomputed(ticks: Iterable[Sequence[Any]], width: timedelta) -> Candles:
    """Compute candles with pandas.

    Parameters
    ----------
    ticks
        Time, venue, trade id, price, volume and side of each, in any order.
    width
        Of a bucket.
    """
    rows = sorted(ticks, key=lambda tick: tick[:3])
    names = ["ts", "exchange", "source_seq", "price", "volume", "side"]
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    frame["bucket"] = [_bucket(row[0], width) for row in rows]
    with localcontext(prec=80):
        frame["notional"] = frame.price * frame.volume
        frame["squared_volume"] = frame.volume * frame.volume
        for name, is_part in {
            "buy_volume": frame.side == 1,
            "sell_volume": frame.side == -1,
            "large_volume": frame.volume >= 1,
        }.items():
            frame[name] = frame.volume.where(is_part, Decimal(0))
        groups = frame.groupby(["bucket", "exchange"])
        candles = groups.agg(
            open=("price", "first"),
            high=("price", "max"),
            low=("price", "min"),
            close=("price", "last"),
            trade_count=("price", "size"),
            first_seq=("source_seq", "min"),
            last_seq=("source_seq", "max"),
            **{name: (name, "sum") for name in SUMS},
        )
        candles["vwap"] = [
            (notional / volume).quantize(Decimal("1e-8"), ROUND_HALF_UP)
            for notional, volume in zip(candles.notional, candles.volume, strict=True)
        ]
    return {
        (bucket.to_pydatetime(), venue): tuple(values)
        for (bucket, venue), *values in candles[list(COLUMNS)].itertuples()
    }


def tape(
    trades: int, seed: int, start: datetime = START, first_id: int = 1_000
) -> list[Trade]:
    """Make up trades in the order of their ids: bursts within a millisecond, pauses.

    Two in three share the millisecond of the one before; one in fifty comes after up to
    half a minute. Some are large, some of an unknown side.
    """
    random = np.random.default_rng(seed)
    kind = random.random(trades)
    steps = np.where(kind < 0.66, 0, random.exponential(120, trades))
    steps = np.where(kind > 0.98, random.uniform(1_000, 30_000, trades), steps)
    moments = (start - EPOCH) // timedelta(milliseconds=1) + np.cumsum(
        steps.astype(int)
    )
    prices = 60_000 + np.cumsum(random.normal(0, 2, trades)).round(2)
    volumes = random.pareto(1.3, trades) / 20 + 0.00001
    sides = random.choice(["buy", "sell", "unknown"], trades, p=[0.5, 0.4, 0.1])
    return [
        Trade(str(ts), first_id + number, f"{price:.2f}", f"{volume:.5f}", str(side))
        for number, (ts, price, volume, side) in enumerate(
            zip(moments.tolist(), prices, volumes, sides, strict=True)
        )
    ]


def _bucket(moment: datetime, width: timedelta) -> datetime:
    utc = moment.astimezone(UTC)
    return utc - (utc - ORIGIN) % width
