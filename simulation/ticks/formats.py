"""Which recordings there are of each venue."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simulation.ticks import csv_lines, json_lines
from simulation.ticks.market import DAY_US
from simulation.ticks.recordings import Format, Recording
from simulation.ticks.venues import Venue

_HOUR_US = DAY_US // 24
_MINUTE_US = _HOUR_US // 60
_MIXED = ("", ".gz", ".zip")

BINANCE_SPOT_CSV = Format(
    "binance_spot",
    "BTCUSDT-trades-%Y-%m-%d.csv",
    csv_lines.binance_spot,
    suffixes=_MIXED,
)
BINANCE_SPOT_DUMP = Format(
    "binance_spot_websocket",
    "btcusdt_%Y%m%d_%H%M.jsonl",
    json_lines.binance_spot,
    seconds=900,
    suffixes=(".gz", ""),
    overlap=60,
    is_disorderly=True,
    has_book=True,
)
TARDIS = Format(
    "tardis",
    "binance_trades_%Y-%m-%d_BTCUSDT.csv",
    csv_lines.tardis,
    suffixes=(".gz",),
    header=csv_lines.TARDIS_HEADER,
)
BINANCE_USDM_CSV = Format(
    "binance_usdm",
    "BTCUSDT-trades-%Y-%m-%d.csv",
    csv_lines.binance_usdm,
    suffixes=(".zip", "", ".gz"),
    header=csv_lines.USDM_HEADER,
    leaves_out_adl=True,
)
BINANCE_COINM_CSV = Format(
    "binance_coinm",
    "BTCUSD_PERP-trades-%Y-%m-%d.csv",
    csv_lines.binance_coinm,
    suffixes=(".zip", "", ".gz"),
    header=csv_lines.COINM_HEADER,
    leaves_out_adl=True,
)
BINANCE_USDM_DUMP = Format(
    "binance_usdm_websocket",
    "btcusdt_usdm_%Y%m%d.jsonl",
    json_lines.binance_futures,
    suffixes=(".gz",),
    overlap=60,
    is_disorderly=True,
)
BINANCE_COINM_DUMP = Format(
    "binance_coinm_websocket",
    "btcusd_perp_coinm_%Y%m%d.jsonl",
    json_lines.binance_futures,
    suffixes=(".gz",),
    overlap=60,
    is_disorderly=True,
)
BINANCE_AGGREGATES = Format(
    "binance_usdm_aggtrade",
    "btcusdt_aggtrade_%Y%m%d.jsonl",
    json_lines.binance_aggregates,
    suffixes=(".gz", ""),
)
COINBASE = Format(
    "coinbase",
    "BTC-USD-matches-%Y-%m-%d.jsonl",
    json_lines.coinbase,
    suffixes=(".gz", ""),
    overlap=900,
    is_disorderly=True,
)
KRAKEN = Format(
    "kraken",
    "kraken-trade-%Y-%m-%d.jsonl",
    json_lines.kraken,
    suffixes=("", ".gz"),
    overlap=900,
)
BITSTAMP = Format(
    "bitstamp",
    "live_trades_btcusd-%Y-%m-%d.jsonl",
    json_lines.bitstamp,
    suffixes=(".gz", ""),
    overlap=900,
    is_disorderly=True,
)
DESK = Format(
    "desk", "trades-%Y-%m-%d.csv", csv_lines.desk, header=csv_lines.DESK_HEADER
)


def recordings(
    folder: Path,
    venue: Venue,
    start: int,
    days: int,
    websocket_minutes: int,
    bad_lines: int,
    seed: int,
) -> list[Recording]:
    """Return a venue's recordings; together they cover the tape.

    Parameters
    ----------
    folder : Path
        Of the tape.
    venue : Venue
    start : int
        µs since the epoch.
    days : int
    websocket_minutes : int
        How much of the end of Binance's spot tape a websocket recording covers too.
    bad_lines : int
        Lines that mean nothing, in each file.
    seed : int

    Returns
    -------
    list of Recording
    """
    end = start + days * DAY_US
    # Futures: files until two thirds of the tape, dumps from an hour before.
    turn = start + days * 16 * _HOUR_US
    overlap = turn - _HOUR_US
    tardis = max(start, end - 2 * DAY_US)
    spans = {
        "binance_spot": [
            (BINANCE_SPOT_CSV, start, end),
            (BINANCE_SPOT_DUMP, end - websocket_minutes * _MINUTE_US, end),
            (TARDIS, tardis, tardis + DAY_US),
        ],
        "binance_usdm": [
            (BINANCE_USDM_CSV, start, turn),
            (BINANCE_USDM_DUMP, overlap, end),
        ],
        "binance_coinm": [
            (BINANCE_COINM_CSV, start, turn),
            (BINANCE_COINM_DUMP, overlap, end),
        ],
        "binance_usdm_aggtrade": [(BINANCE_AGGREGATES, start, end)],
        "coinbase": [(COINBASE, start, end)],
        "kraken": [(KRAKEN, start, end)],
        "bitstamp": [(BITSTAMP, start, end)],
        "desk": [(DESK, start, end)],
    }
    return [
        Recording(
            folder,
            venue,
            form,
            first,
            last,
            bad_lines,
            np.random.default_rng([seed, 5, *form.folder.encode()]),
        )
        for form, first, last in spans[venue.name]
    ]
