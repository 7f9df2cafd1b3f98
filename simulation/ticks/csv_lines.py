"""Trades as the lines of CSV files that venues and collectors publish."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulation.text import (
    decimal_text,
    fixed_text,
    integer_text,
    join,
    pick,
    time_text,
)
from simulation.ticks.venues import Kind, Venue

USDM_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker\n"
COINM_HEADER = "id,price,qty,base_qty,time,is_buyer_maker\n"
TARDIS_HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
DESK_HEADER = "ref,executed_at,px,btc,taker,book\n"
#: Columns of the desk's file: what a tick calls them, and what the desk does.
DESK_COLUMNS = {
    "ts": "executed_at",
    "source_seq": "ref",
    "price": "px",
    "volume": "btc",
    "side": "taker",
}

Rows = npt.NDArray[Any]


def binance_spot(venue: Venue, rows: Rows) -> pa.Array:
    """Print `id,price,qty,quote_qty,time,is_buyer_maker,is_best_match`."""
    is_coarse = rows["ts"] < venue.microseconds_from
    time = np.where(is_coarse, rows["ts"] // 1000, rows["ts"])
    # 10 places behind the point, of which 8 are printed.
    quote = rows["price"] * rows["size"] // 10**venue.price_places
    return join(
        *(integer_text(rows["seq"]), ","),
        *(fixed_text(rows["price"] * 10 ** (8 - venue.price_places), 8), ","),
        *(fixed_text(rows["size"], 8), ",", fixed_text(quote, 8), ","),
        integer_text(time),
        pick([",True,True\n", ",False,True\n"], rows["side"] > 0),
    )


def binance_usdm(venue: Venue, rows: Rows) -> pa.Array:
    """Print `id,price,qty,quote_qty,time,is_buyer_maker`; see `_futures`."""
    quote = rows["price"] * rows["size"]
    return _futures(venue, rows, fixed_text(quote, 4))


def binance_coinm(venue: Venue, rows: Rows) -> pa.Array:
    """Print `id,price,qty,base_qty,time,is_buyer_maker`; see `_futures`."""
    unit = venue.contract_usd * 10 ** (venue.price_places + 8)
    is_trade = rows["kind"] == Kind.TRADE
    base = rows["size"] * unit // rows["price"] * is_trade
    return _futures(venue, rows, fixed_text(base, 8))


def _futures(venue: Venue, rows: Rows, value: pa.Array) -> pa.Array:
    """Print futures; a row of the insurance fund has neither price nor quantity."""
    is_trade = (rows["kind"] == Kind.TRADE).astype(np.int64)
    return join(
        *(integer_text(rows["seq"]), ","),
        *(fixed_text(rows["price"] * is_trade, venue.price_places), ","),
        *(fixed_text(rows["size"] * is_trade, venue.size_places), ",", value, ","),
        integer_text(rows["ts"] // 1000),
        pick([",true\n", ",false\n"], rows["side"] > 0),
    )


def tardis(venue: Venue, rows: Rows) -> pa.Array:
    """Print Tardis's columns for Binance spot: times in µs, known to the ms."""
    time = rows["ts"] // 1000 * 1000
    received = time + 3_000 + rows["seq"] % 9_000
    price = decimal_text(rows["price"], np.full(len(rows), venue.price_places))
    amount = decimal_text(rows["size"], np.full(len(rows), venue.size_places))
    return join(
        *("binance,BTCUSDT,", integer_text(time), ",", integer_text(received), ","),
        *(integer_text(rows["seq"]), pick([",sell,", ",buy,"], rows["side"] > 0)),
        *(price, ",", amount, "\n"),
    )


def desk(venue: Venue, rows: Rows) -> pa.Array:
    """Print `DESK_HEADER`: somebody's own table."""
    return join(
        *(integer_text(rows["seq"]), ",", time_text(rows["ts"], "us"), "Z,"),
        *(fixed_text(rows["price"], venue.price_places), ","),
        *(fixed_text(rows["size"], venue.size_places), ","),
        pick(["sell,main\n", "buy,main\n"], rows["side"] > 0),
    )
