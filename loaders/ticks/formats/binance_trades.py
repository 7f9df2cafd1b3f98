"""Trades of Binance, under the names their websocket streams give the fields.

``t`` (or ``a`` of an aggregate) id, ``T`` time of the trade, ``p`` price, ``q``
quantity, ``m`` buyer was the maker, ``f`` and ``l`` first and last trade id of an
aggregate, ``X`` kind of a futures trade. The CSV files have the same fields under other
names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.ticks.formats.contracts import (
    LEAST_PRICE,
    MOST_CONTRACTS,
    MOST_PRICE,
    PRICE_PLACES,
    inverse_volumes,
)
from loaders.ticks.formats.csv_reader import exact_trade
from loaders.ticks.formats.exact import (
    BadIdentifier,
    BadLine,
    exact_integer,
    parse_decimal,
)
from loaders.ticks.formats.fields import FALSE, TRUE, Fields, Mask
from loaders.ticks.formats.typed import Spelling, read_typed, tick_batch

#: A futures trade on the market; the others are the exchange's own bookkeeping.
MARKET = "MARKET"
NO_MARKET = ("INSURANCE_FUND", "ADL", "NA")
#: Not a field of theirs, nor of any JSON: the id of a row that is no market trade.
VOID = "\0void"

_TRUE, _FALSE = ("True", "true", "TRUE"), ("False", "false", "FALSE")
_PRICE_UNIT = 10**PRICE_PLACES


@dataclass(frozen=True)
class BinanceTrades:
    """How to read trades of one kind.

    Attributes
    ----------
    kind
        ``trade`` or ``aggTrade``.
    is_futures
        Rows with a price of zero are no market trades.
    contract_usd
        What a contract is worth, where quantities are contracts; None where they are
        of the coin itself.
    """

    kind: str
    is_futures: bool
    contract_usd: int | None = None

    @property
    def id(self) -> str:
        """Field of the id."""
        return "a" if self.kind == "aggTrade" else "t"

    @property
    def spelling(self) -> Spelling:
        """Names of the fields every tick has."""
        return Spelling(self.id, "T", "p", "q")

    def usual(self, fields: Fields) -> Mask:
        """Which rows `read` can take as they stand."""
        is_good = read_typed(fields, self.spelling).is_good
        sold, bought = _takers(fields)
        is_good &= sold | bought
        if self.kind == "aggTrade":
            first, has_first = fields.integers("f")
            last, has_last = fields.integers("l")
            is_good &= has_first & has_last & (first <= last)
        if self.is_futures and "X" in fields.names:
            is_good &= ~fields.has("X") | fields.equals("X", MARKET)
        if self.contract_usd is not None:
            contracts, is_whole = fields.integers("q")
            is_good &= is_whole & (contracts <= MOST_CONTRACTS)
            prices = np.where(is_good, fields.scaled("p", PRICE_PLACES), 0)
            is_good &= (prices >= LEAST_PRICE * _PRICE_UNIT) & (
                prices <= MOST_PRICE * _PRICE_UNIT
            )
        is_usual: Mask = is_good | fields.has(VOID)
        return is_usual

    def read(self, fields: Fields) -> tuple[pa.RecordBatch, list[int]]:
        """Read rows that are `usual`; and ids of those that are no market trades."""
        is_void = fields.has(VOID)
        void_ids: list[int] = []
        if is_void.any():
            void_ids = fields.take(is_void).integers(VOID)[0].tolist()
            fields = fields.take(~is_void)
        typed = read_typed(fields, self.spelling)
        sold, _ = _takers(fields)
        if self.contract_usd is not None:
            volume = inverse_volumes(
                fields.integers("q")[0],
                fields.scaled("p", PRICE_PLACES),
                self.contract_usd,
            )
        else:
            volume = fields.strings("q")
        batch = tick_batch(
            typed.times,
            typed.ids,
            fields.strings("p"),
            volume,
            np.where(sold, -1, 1).astype(np.int8),
            self._flags(fields),
        )
        return batch, void_ids

    def exact(self, row: Mapping[str, Any]) -> dict[str, str | bool | None]:
        """Write a row in the usual layout, one value at a time.

        Raises
        ------
        BadLine
            It is refused.
        """
        if self._is_no_market_trade(row):
            try:
                return {"s": row.get("s"), VOID: exact_integer(self.id, row[self.id])}
            except (BadIdentifier, KeyError):
                return {}
        usual: dict[str, str | bool | None] = {**_exact_taker(row.get("m"))}
        if self.kind == "aggTrade":
            usual.update(_exact_range(row))
        if self.contract_usd is not None:
            usual.update(exact_trade(_exact_contracts(row), self.id, "T", "p", "q"))
        else:
            usual.update(exact_trade(row, self.id, "T", "p", "q"))
        return {"s": row.get("s"), **usual}

    def _is_no_market_trade(self, row: Mapping[str, Any]) -> bool:
        if self.is_futures:
            kind = row.get("X", MARKET)
            if kind in NO_MARKET:
                return True
            if kind != MARKET:
                known = ", ".join((MARKET, *NO_MARKET))
                raise BadLine("X", f"is none of {known}", kind)
            return parse_decimal("p", row.get("p")) == 0
        # Spot has a few aggregates that stand for nothing: they keep an id, no more.
        return (
            self.kind == "aggTrade"
            and str(row.get("f")) == "-1"
            and parse_decimal("p", row.get("p")) == 0
        )

    def _flags(self, fields: Fields) -> pa.Array | None:
        if self.kind != "aggTrade":
            return None
        first, last = (pc.cast(fields.integers(n)[0], pa.string()) for n in ("f", "l"))
        return pc.binary_join_element_wise(
            '{"first_trade_id": ', first, ', "last_trade_id": ', last, "}", ""
        )


def _takers(fields: Fields) -> tuple[Mask, Mask]:
    """Where the seller was the aggressor, and where the buyer was."""
    kind = fields.kind("m")
    sold, bought = kind == TRUE, kind == FALSE
    if not (sold | bought).all():
        for word in _TRUE:
            sold = sold | fields.equals("m", word)
        for word in _FALSE:
            bought = bought | fields.equals("m", word)
    return sold, bought


def _exact_taker(value: Any) -> dict[str, bool]:
    if isinstance(value, bool):
        return {"m": value}
    if value in _TRUE or value in _FALSE:
        return {"m": value in _TRUE}
    raise BadLine("m", "is neither true nor false", value)


def _exact_range(row: Mapping[str, Any]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for name in ("f", "l"):
        try:
            ids[name] = exact_integer(name, row.get(name))
        except BadIdentifier:
            raise BadLine(name, "is no trade id", row.get(name)) from None
    if int(ids["f"]) > int(ids["l"]):
        raise BadLine("f", f"is above l {ids['l']}", ids["f"])
    return ids


def _exact_contracts(row: Mapping[str, Any]) -> dict[str, Any]:
    contracts = parse_decimal("q", row.get("q"))
    if contracts != contracts.to_integral_value() or contracts > MOST_CONTRACTS:
        raise BadLine("q", "is no number of contracts", row.get("q"))
    price = parse_decimal("p", row.get("p"))
    if price > 0 and not LEAST_PRICE <= price <= MOST_PRICE:
        raise BadLine("p", "is no price of a contract", row.get("p"))
    return {**row, "q": contracts}
