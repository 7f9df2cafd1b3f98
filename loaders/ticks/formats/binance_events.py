"""Messages of Binance's websockets, one at a time: what the fast path does not take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loaders.errors import ObjectError
from loaders.ticks.formats.binance_trades import MARKET, BinanceTrades
from loaders.ticks.formats.exact import (
    PRICE_DIGITS,
    BadIdentifier,
    BadLine,
    exact_integer,
    exact_time,
    fitting_decimal,
    parse_decimal,
)
from loaders.ticks.formats.fields import Values
from loaders.ticks.formats.json_line import known_symbol, parse_line, unknown_message
from loaders.ticks.formats.scan_json import RECEIVED
from loaders.ticks.instruments import (
    BINANCE,
    InstrumentGuard,
    contract_usd,
    is_inverse,
)

TRADES = ("trade", "aggTrade")
#: Flat messages of other streams.
FLAT_EVENTS = ("markPriceUpdate", "24hrTicker", "24hrMiniTicker", "avgPrice")
#: Messages of other streams that hold objects or lists, and what ends a connection.
_OTHER_EVENTS = frozenset(
    {
        *FLAT_EVENTS,
        *("kline", "continuous_kline", "indexPrice_kline", "markPrice_kline"),
        *("1hTicker", "4hTicker", "1dTicker", "forceOrder", "indexPriceUpdate"),
        *("compositeIndex", "assetIndexUpdate", "contractInfo", "tradingSession"),
        *("referencePrice", "blockTrade", "serverShutdown"),
    }
)
#: Answers to a request; ``stream`` also stands around lists, as of ``!ticker@arr``.
_ANSWER_FIELDS = ("result", "error", "code", "ping", "pong", "method")
QUOTE_FIELDS = frozenset({"u", "s", "b", "B", "a", "A"})
SNAPSHOT_FIELDS = frozenset({"lastUpdateId", "bids", "asks"})
_TRADE_FIELDS = frozenset({"s", "p", "q", "T", "m"})
_SPOT, _USDM, _COINM = BINANCE


def tell_market(kind: str, symbol: str, *, has_x: bool, has_m: bool) -> str:
    """Tell spot, USD-M and COIN-M apart by what a trade's message looks like.

    COIN-M by its spelling (``BTCUSD_PERP``); else a trade with ``X`` is USD-M and one
    with ``M`` is spot; an aggregate without ``M`` is USD-M.

    Raises
    ------
    ObjectError
        A trade with neither.
    """
    if is_inverse(symbol):
        return _COINM
    if has_x:
        return _USDM
    if has_m:
        return _SPOT
    if kind == "aggTrade":
        return _USDM
    raise ObjectError(
        f"Binance: trades of {symbol} with neither X (futures have it) nor M (spot has "
        f"it): name the market with --exchange {_SPOT} or --exchange {_USDM}"
    )


def repair_event(
    line: bytes, market: str | None, guard: InstrumentGuard
) -> list[Values]:
    """Understand one line.

    Parameters
    ----------
    line
        A message, with or without a stream's name and a receive time.
    market
        The market, if it is known already.
    guard
        Knows the instrument, and counts messages of others.

    Returns
    -------
    list
        The message in the usual layout; nothing if it is none of ours.

    Raises
    ------
    BadLine
        It is no message, or one of ours with a value that cannot be.
    """
    received, message = parse_line(line)
    inner = message.get("data")
    event = inner if isinstance(inner, dict) else message
    name = event.get("e")
    usual: Values | None = None
    is_trade_or_book = name in (*TRADES, "bookTicker", "depthUpdate", None)
    if is_trade_or_book and guard.is_other(event.get("s")):
        return []
    if name in TRADES:
        usual = _trade(event, market)
    elif name == "bookTicker" or (name is None and event.keys() >= QUOTE_FIELDS):
        usual = _quote(event)
    elif name == "depthUpdate":
        usual = _depth(event)
    elif name is None and event.keys() >= SNAPSHOT_FIELDS:
        usual = _snapshot(event)
    elif not isinstance(name, str | None):
        raise BadLine("e", "is no event", name)
    elif event.keys() >= _TRADE_FIELDS:
        raise BadLine("e", "is no event with such fields", name)
    elif name not in _OTHER_EVENTS and not _is_list_or_answer(message, inner):
        raise unknown_message(message)
    if not usual:
        return []
    stream = message.get("stream")
    has_stream = isinstance(stream, str) and stream.isascii()
    outer = {"stream": stream if has_stream else None, RECEIVED: received}
    return [{**outer, **usual}]


def _is_list_or_answer(message: Mapping[str, Any], inner: Any) -> bool:
    """Say whether it is a stream's list of events, or no event at all."""
    if isinstance(inner, list):
        return isinstance(message.get("stream"), str)
    return message.get("e") is None and any(name in message for name in _ANSWER_FIELDS)


def _trade(event: Mapping[str, Any], market: str | None) -> Values:
    kind = event["e"]
    symbol = known_symbol("s", event.get("s"))
    has_x, has_m = "X" in event, "M" in event
    if market is None:
        try:
            market = tell_market(kind, symbol, has_x=has_x, has_m=has_m)
        except ObjectError:
            # Whether that matters is for the recording as a whole.
            market = _SPOT
    usd = contract_usd(symbol) if market == _COINM else None
    trades = BinanceTrades(kind, market != _SPOT, usd)
    exact = trades.exact(event)
    if not exact:
        return {}
    marks = {"X": MARKET if has_x else None, "M": True if has_m else None}
    return {"e": kind, "E": _event_time(event), **marks, **exact}


def _event_time(event: Mapping[str, Any]) -> str | None:
    """Only the clock of the quotes needs it: no reason to refuse a trade."""
    try:
        return exact_time("E", event.get("E"))
    except BadLine:
        return None


def _quote(event: Mapping[str, Any]) -> Values:
    quote: dict[str, str | bool | None] = {"s": known_symbol("s", event.get("s"))}
    for name in ("b", "B", "a", "A"):
        quote[name] = _level_number(name, event.get(name))
    bid, ask = (parse_decimal(name, quote[name]) for name in ("b", "a"))
    if bid >= ask > 0:
        raise BadLine("b", f"is not below a {ask}", bid)
    quote["u"] = _update_id("u", event)
    if "e" in event:
        quote.update(e="bookTicker", E=exact_time("E", event.get("E")))
    return quote


def _depth(event: Mapping[str, Any]) -> Values:
    ids = {name: _update_id(name, event) for name in ("U", "u")}
    if event.get("pu") is not None:
        ids["pu"] = _update_id("pu", event)
    return {
        "e": "depthUpdate",
        "E": exact_time("E", event.get("E")),
        "s": known_symbol("s", event.get("s")),
        **ids,
        "b": _levels("b", event.get("b")),
        "a": _levels("a", event.get("a")),
    }


def _snapshot(event: Mapping[str, Any]) -> Values:
    return {
        "lastUpdateId": _update_id("lastUpdateId", event),
        "bids": _levels("bids", event["bids"]),
        "asks": _levels("asks", event["asks"]),
    }


def _update_id(name: str, event: Mapping[str, Any]) -> str:
    try:
        return exact_integer(name, event.get(name))
    except BadIdentifier:
        raise BadLine(name, "is no update id", event.get(name)) from None


def _levels(name: str, levels: Any) -> str:
    if not isinstance(levels, list):
        raise BadLine(name, "is no list of levels", levels)
    texts = []
    for level in levels:
        if not isinstance(level, list) or len(level) < 2:
            raise BadLine(name, "has a level that is no price and size", level)
        price, size = (_level_number(name, number) for number in level[:2])
        if price == "0":
            raise BadLine(name, "has a level whose price is zero", level)
        texts.append(f'["{price}","{size}"]')
    return f"[{','.join(texts)}]"


def _level_number(name: str, value: Any) -> str:
    number = parse_decimal(name, value)
    if number < 0:
        raise BadLine(name, "is negative", value)
    return fitting_decimal(name, number, PRICE_DIGITS)
