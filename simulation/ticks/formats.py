"""Formats of recordings: one line of each, with `<names>` in place of values.

`COLUMNS` has a function for each name. Quirks are the venues': Coinbase names the
maker's side, Kraken's numbers have no quotes, Binance's futures print zeros for rows
that are no market trades.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.noise import scrambled_below
from simulation.text import (
    decimal_text,
    filled,
    fixed_text,
    hash_text,
    integer_text,
    join,
    pick,
    time_text,
)
from simulation.ticks.venues import INSURANCE_FUND, TRADE, Venue

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]


@dataclass(frozen=True)
class Format:
    """How a recording looks.

    Attributes
    ----------
    folder
        Below the tape's.
    file_name
        With the fields of `strftime`.
    line
        Of one row, with its newline.
    header
        First line of each file.
    seconds
        Time that a file covers.
    suffixes
        Added to the names of one file after the other, in turn: `.gz`, `.zip`.
    overlap
        Seconds at the end of a file that the next one repeats.
    is_disorderly
        Lines come late and twice.
    has_book
        Order-book lines lie between the trades.
    leaves_out_adl
        The format cannot mark rows of auto-deleveraging, so it leaves them out.
    """

    folder: str
    file_name: str
    line: str
    header: str = ""
    seconds: int = 86_400
    suffixes: tuple[str, ...] = ("",)
    overlap: int = 0
    is_disorderly: bool = False
    has_book: bool = False
    leaves_out_adl: bool = False


BINANCE_SPOT_CSV = Format(
    "binance_spot",
    "BTCUSDT-trades-%Y-%m-%d.csv",
    "<id>,<price8>,<size8>,<quote>,<time>,<maker_is_buyer>,True\n",
    suffixes=("", ".gz", ".zip"),
)
BINANCE_SPOT_DUMP = Format(
    "binance_spot_websocket",
    "btcusdt_%Y%m%d_%H%M.jsonl",
    '<received> {"stream":"<stream>@trade","data":{"e":"trade","E":<event_ms>,'
    '"s":"<symbol>","t":<id>,"p":"<price8>","q":"<size8>","T":<ms>,"m":<maker_bought>,'
    '"M":true}}\n',
    seconds=900,
    suffixes=(".gz", ""),
    overlap=60,
    is_disorderly=True,
    has_book=True,
)
# Times in µs, known to the ms.
TARDIS = Format(
    "tardis",
    "binance_trades_%Y-%m-%d_BTCUSDT.csv",
    "binance,BTCUSDT,<ms>000,<received_us>,<id>,<taker>,<price_bare>,<size_bare>\n",
    header="exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n",
    suffixes=(".gz",),
)
BINANCE_USDM_CSV = Format(
    "binance_usdm",
    "BTCUSDT-trades-%Y-%m-%d.csv",
    "<id>,<price>,<size>,<quote>,<ms>,<maker_bought>\n",
    header="id,price,qty,quote_qty,time,is_buyer_maker\n",
    suffixes=(".zip", "", ".gz"),
    leaves_out_adl=True,
)
BINANCE_COINM_CSV = Format(
    "binance_coinm",
    "BTCUSD_PERP-trades-%Y-%m-%d.csv",
    "<id>,<price>,<size>,<base>,<ms>,<maker_bought>\n",
    header="id,price,qty,base_qty,time,is_buyer_maker\n",
    suffixes=(".zip", "", ".gz"),
    leaves_out_adl=True,
)
_FUTURES_DUMP = (
    '<received> {"stream":"<stream>@trade","data":{"e":"trade","E":<event_ms>,'
    '"s":"<symbol>","T":<ms>,"t":<id>,"p":"<price>","q":"<size>","X":"<kind>",'
    '"m":<maker_bought>}}\n'
)
BINANCE_USDM_DUMP = Format(
    "binance_usdm_websocket",
    "btcusdt_usdm_%Y%m%d.jsonl",
    _FUTURES_DUMP,
    suffixes=(".gz",),
    overlap=60,
    is_disorderly=True,
)
BINANCE_COINM_DUMP = Format(
    "binance_coinm_websocket",
    "btcusd_perp_coinm_%Y%m%d.jsonl",
    _FUTURES_DUMP,
    suffixes=(".gz",),
    overlap=60,
    is_disorderly=True,
)
# Each aggregates one to three trades.
BINANCE_AGGREGATES = Format(
    "binance_usdm_aggtrade",
    "btcusdt_aggtrade_%Y%m%d.jsonl",
    '{"e":"aggTrade","E":<event_ms>,"s":"<symbol>","a":<id>,"p":"<price>","q":"<size>",'
    '"f":<first_id>,"l":<last_id>,"T":<ms>,"m":<maker_bought>}\n',
    suffixes=(".gz", ""),
)
COINBASE = Format(
    "coinbase",
    "BTC-USD-matches-%Y-%m-%d.jsonl",
    '{"type":"match","trade_id":<id>,"maker_order_id":"<maker_order>",'
    '"taker_order_id":"<taker_order>","side":"<maker>","size":"<size>",'
    '"price":"<price>","product_id":"<symbol>","sequence":<sequence>,"time":"<iso>"}\n',
    suffixes=(".gz", ""),
    overlap=900,
    is_disorderly=True,
)
# Version 2: the trades of an order share a message.
KRAKEN = Format(
    "kraken",
    "kraken-trade-%Y-%m-%d.jsonl",
    '<opening>{"symbol":"<symbol>","side":"<taker>","price":<price_bare>,'
    '"qty":<size_bare>,"ord_type":"<order_type>","trade_id":<id>,"timestamp":"<iso>"}'
    "<closing>",
    suffixes=("", ".gz"),
    overlap=900,
)
BITSTAMP = Format(
    "bitstamp",
    "live_trades_btcusd-%Y-%m-%d.jsonl",
    '{"data":{"id":<id>,"timestamp":"<seconds>","amount":<size_bare>,'
    '"amount_str":"<size>","price":<price>,"price_str":"<price>","type":<type>,'
    '"microtimestamp":"<us>","buy_order_id":<buy_order>,"sell_order_id":<sell_order>},'
    '"channel":"live_trades_btcusd","event":"trade"}\n',
    suffixes=(".gz", ""),
    overlap=900,
    is_disorderly=True,
)
DESK = Format(
    "desk",
    "trades-%Y-%m-%d.csv",
    "<id>,<iso>,<price>,<size>,<taker>,main\n",
    header="ref,executed_at,px,btc,taker,book\n",
)
#: Columns of the desk's file, by the column of a tick.
DESK_COLUMNS = {
    "ts": "executed_at",
    "source_seq": "ref",
    "price": "px",
    "volume": "btc",
    "side": "taker",
}

# A recorder's clock that is behind the venue's, ns: receipts precede the events.
_CLOCK_LAG = 1_270_000_000


def receive_times(times: Ints, numbers: Ints) -> Ints:
    """Return when a recorder got messages, ns by its own clock.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
        When the venue sent them, µs since the epoch.
    numbers : ndarray of int64, shape (n,)
        Of the messages: each has a delay of its own.
    """
    delay = 1_000_000 + scrambled_below(numbers, 4_000_000)
    return times * 1000 - _CLOCK_LAG + delay


def _price(venue: Venue, rows: Rows) -> Ints:
    return np.asarray(rows["price"] * (rows["kind"] == TRADE))


def _size(venue: Venue, rows: Rows) -> Ints:
    return np.asarray(rows["size"] * (rows["kind"] != INSURANCE_FUND))


def _quote(venue: Venue, rows: Rows) -> pa.Array:
    """Print price times size, cut behind the eighth place."""
    places = venue.price_places + venue.size_places
    cut = max(places - 8, 0)
    amount = _price(venue, rows) * _size(venue, rows) // 10**cut
    return fixed_text(amount, places - cut)


def _base(venue: Venue, rows: Rows) -> pa.Array:
    """Print what contracts are worth in bitcoins."""
    unit = venue.contract_usd * 10 ** (venue.price_places + 8)
    is_trade = rows["kind"] == TRADE
    return fixed_text(rows["size"] * unit // rows["price"] * is_trade, 8)


def _time(venue: Venue, rows: Rows) -> pa.Array:
    is_coarse = rows["ts"] < venue.microseconds_from
    return integer_text(np.where(is_coarse, rows["ts"] // 1000, rows["ts"]))


def _uuid(rows: Rows, salt: int) -> pa.Array:
    text = hash_text(rows["seq"] + 1, salt, 2)
    cuts = [(2, 10), (10, 14), (14, 18), (18, 22), (22, 34)]
    parts = [pc.utf8_slice_codeunits(text, *cut) for cut in cuts]
    return pc.binary_join_element_wise(*parts, "-")


def _side(words: list[str]) -> Callable[[Venue, Rows], pa.Array]:
    """Print the first word where the taker sold, the second one where they bought."""
    return lambda venue, rows: pick(words, rows["side"] > 0)


def _count(scale: int, shift: int = 0) -> Callable[[Venue, Rows], pa.Array]:
    """Print a number that is drawn from the id."""
    return lambda venue, rows: integer_text(rows["seq"] * scale + shift)


def _is_first(rows: Rows) -> npt.NDArray[np.bool_]:
    return np.append(True, rows["order"][1:] != rows["order"][:-1])


COLUMNS: dict[str, Callable[[Venue, Rows], Any]] = {
    "id": _count(1),
    "sequence": _count(40, 7),
    "buy_order": _count(9),
    "sell_order": _count(9, 4),
    "first_id": _count(3),
    "last_id": lambda venue, rows: integer_text(rows["seq"] * 3 + rows["seq"] % 3),
    "maker_order": lambda venue, rows: _uuid(rows, 1),
    "taker_order": lambda venue, rows: _uuid(rows, 2),
    "order_type": lambda venue, rows: pick(["market", "limit"], rows["seq"] % 2),
    "symbol": lambda venue, rows: venue.symbol,
    "stream": lambda venue, rows: venue.symbol.lower(),
    "kind": lambda venue, rows: pick(["MARKET", "INSURANCE_FUND", "ADL"], rows["kind"]),
    # Price and size: as many digits as the venue has, eight, or no more than needed.
    "price": lambda venue, rows: fixed_text(_price(venue, rows), venue.price_places),
    "price8": lambda venue, rows: fixed_text(
        rows["price"] * 10 ** (8 - venue.price_places), 8
    ),
    "price_bare": lambda venue, rows: decimal_text(rows["price"], venue.price_places),
    "size": lambda venue, rows: fixed_text(_size(venue, rows), venue.size_places),
    "size8": lambda venue, rows: fixed_text(rows["size"], 8),
    "size_bare": lambda venue, rows: decimal_text(rows["size"], venue.size_places),
    "quote": _quote,
    "base": _base,
    "taker": _side(["sell", "buy"]),
    "maker": _side(["buy", "sell"]),
    "type": _side(["1", "0"]),
    "maker_bought": _side(["true", "false"]),
    "maker_is_buyer": _side(["True", "False"]),
    # Times: an event is a little later than its trade.
    "time": _time,
    "us": lambda venue, rows: integer_text(rows["ts"]),
    "ms": lambda venue, rows: integer_text(rows["ts"] // 1000),
    "seconds": lambda venue, rows: integer_text(rows["ts"] // 1_000_000),
    "iso": lambda venue, rows: join(time_text(rows["ts"], "us"), "Z"),
    "event_ms": lambda venue, rows: integer_text(
        rows["ts"] // 1000 + rows["seq"] % 7 // 3
    ),
    "received": lambda venue, rows: integer_text(
        receive_times(rows["ts"], rows["seq"])
    ),
    "received_us": lambda venue, rows: integer_text(
        rows["ts"] // 1000 * 1000 + 3_000 + rows["seq"] % 9_000
    ),
    "opening": lambda venue, rows: pick(
        [",", '{"channel":"trade","type":"update","data":['], _is_first(rows)
    ),
    "closing": lambda venue, rows: pick(
        ["", "]}\n"], np.append(_is_first(rows)[1:], True)
    ),
}


def printed(form: Format, venue: Venue, rows: Rows) -> pa.Array:
    """Print rows as lines; each text ends with a newline, or goes on in the next."""
    return filled(form.line, lambda name: COLUMNS[name](venue, rows))
