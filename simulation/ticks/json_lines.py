"""Trades as the messages of venues' websockets, one on a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.noise import scramble
from simulation.text import (
    decimal_text,
    fixed_text,
    hash_text,
    integer_text,
    join,
    pick,
    time_text,
)
from simulation.ticks.venues import Venue

Rows = npt.NDArray[Any]

# A recorder's clock that is behind the venue's, ns: receipts precede the events.
_CLOCK_LAG = 1_270_000_000


def receive_times(rows: Rows) -> npt.NDArray[np.int64]:
    """Return when a recorder got each message, ns by its own clock."""
    noise = scramble(rows["seq"].astype(np.uint64)) % np.uint64(4_000_000)
    times: npt.NDArray[np.int64] = rows["ts"] * 1000 - _CLOCK_LAG
    times += 1_000_000 + noise.astype(np.int64)
    return times


def _receipt(rows: Rows) -> pa.Array:
    return join(integer_text(receive_times(rows)), " ")


def _binance_head(event: str, symbol: str, rows: Rows) -> pa.Array:
    """Print the start of a Binance event: its time is a little after the trade's."""
    milliseconds = rows["ts"] // 1000
    return join(
        f'{{"e":"{event}","E":',
        integer_text(milliseconds + rows["seq"] % 7 // 3),
        f',"s":"{symbol}",',
    )


def _maker(rows: Rows) -> pa.Array:
    return pick(['"m":true', '"m":false'], rows["side"] > 0)


def binance_spot(venue: Venue, rows: Rows) -> pa.Array:
    """Print `<receive ns> {"stream":"btcusdt@trade","data":{…}}`."""
    return join(
        *(_receipt(rows), '{"stream":"btcusdt@trade","data":'),
        *(_binance_head("trade", venue.symbol, rows), '"t":'),
        *(integer_text(rows["seq"]), ',"p":"'),
        *(fixed_text(rows["price"] * 10 ** (8 - venue.price_places), 8), '","q":"'),
        *(fixed_text(rows["size"], 8), '","T":', integer_text(rows["ts"] // 1000)),
        *(",", _maker(rows), ',"M":true}}\n'),
    )


def binance_futures(venue: Venue, rows: Rows) -> pa.Array:
    """Print futures, with rows of the insurance fund and of auto-deleveraging."""
    is_trade = (rows["kind"] == 0).astype(np.int64)
    has_size = (rows["kind"] != 1).astype(np.int64)
    return join(
        *(_receipt(rows), f'{{"stream":"{venue.symbol.lower()}@trade","data":'),
        *(_binance_head("trade", venue.symbol, rows), '"T":'),
        *(integer_text(rows["ts"] // 1000), ',"t":', integer_text(rows["seq"])),
        *(',"p":"', fixed_text(rows["price"] * is_trade, venue.price_places)),
        *('","q":"', fixed_text(rows["size"] * has_size, venue.size_places)),
        pick(
            ['","X":"MARKET",', '","X":"INSURANCE_FUND",', '","X":"ADL",'], rows["kind"]
        ),
        *(_maker(rows), "}}\n"),
    )


def binance_aggregates(venue: Venue, rows: Rows) -> pa.Array:
    """Print bare `aggTrade` events; each stands for one to three trades."""
    first = rows["seq"] * 3
    return join(
        *(_binance_head("aggTrade", venue.symbol, rows), '"a":'),
        *(integer_text(rows["seq"]), ',"p":"'),
        *(fixed_text(rows["price"], venue.price_places), '","q":"'),
        *(fixed_text(rows["size"], venue.size_places), '","f":', integer_text(first)),
        *(',"l":', integer_text(first + rows["seq"] % 3), ',"T":'),
        *(integer_text(rows["ts"] // 1000), ",", _maker(rows), "}\n"),
    )


def coinbase(venue: Venue, rows: Rows) -> pa.Array:
    """Print `match` messages: `side` is the maker's."""
    return join(
        *('{"type":"match","trade_id":', integer_text(rows["seq"])),
        *(',"maker_order_id":"', _uuid(rows, 1), '","taker_order_id":"'),
        *(_uuid(rows, 2), '","side":"', pick(["buy", "sell"], rows["side"] > 0)),
        *('","size":"', fixed_text(rows["size"], venue.size_places), '","price":"'),
        *(
            fixed_text(rows["price"], venue.price_places),
            f'","product_id":"{venue.symbol}"',
        ),
        *(',"sequence":', integer_text(rows["seq"] * 40 + 7), ',"time":"'),
        *(time_text(rows["ts"], "us"), 'Z"}\n'),
    )


def _uuid(rows: Rows, salt: int) -> pa.Array:
    text = hash_text(rows["seq"] + 1, salt, 2)
    parts = [(2, 10), (10, 14), (14, 18), (18, 22), (22, 34)]
    pieces: list[Any] = []
    for first, last in parts:
        pieces += ["-", pc.utf8_slice_codeunits(text, first, last)]
    return join(*pieces[1:])


def kraken(venue: Venue, rows: Rows) -> pa.Array:
    """Print version 2's `trade` updates: the trades of an order share a message."""
    is_first = np.append(True, rows["order"][1:] != rows["order"][:-1])
    is_last = np.append(is_first[1:], True)
    price = decimal_text(rows["price"], np.full(len(rows), venue.price_places))
    size = decimal_text(rows["size"], np.full(len(rows), venue.size_places))
    return join(
        pick([",", '{"channel":"trade","type":"update","data":['], is_first),
        f'{{"symbol":"{venue.symbol}","side":"',
        *(pick(["sell", "buy"], rows["side"] > 0), '","price":', price),
        *(',"qty":', size, ',"ord_type":"', pick(["market", "limit"], rows["seq"] % 2)),
        *('","trade_id":', integer_text(rows["seq"]), ',"timestamp":"'),
        *(time_text(rows["ts"], "us"), pick(['Z"}', 'Z"}]}\n'], is_last)),
    )


def bitstamp(venue: Venue, rows: Rows) -> pa.Array:
    """Print `live_trades` events: type 0 is a buy."""
    price = fixed_text(rows["price"], venue.price_places)
    size = fixed_text(rows["size"], venue.size_places)
    bare = decimal_text(rows["size"], np.full(len(rows), venue.size_places))
    return join(
        *('{"data":{"id":', integer_text(rows["seq"]), ',"timestamp":"'),
        *(integer_text(rows["ts"] // 1_000_000), '","amount":', bare),
        *(',"amount_str":"', size, '","price":', price, ',"price_str":"', price),
        *('","type":', pick(["1", "0"], rows["side"] > 0), ',"microtimestamp":"'),
        *(integer_text(rows["ts"]), '","buy_order_id":', integer_text(rows["seq"] * 9)),
        *(',"sell_order_id":', integer_text(rows["seq"] * 9 + 4)),
        '},"channel":"live_trades_btcusd","event":"trade"}\n',
    )
