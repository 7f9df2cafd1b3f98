"""Find the format and the variables of an object before its lines are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from loaders import formats
from loaders.content import packed_name, read_head
from loaders.errors import ObjectError
from loaders.ticks.chunk import DecoderOptions
from loaders.ticks.instruments import BINANCE, contract_usd, is_inverse
from loaders.ticks.names import named_market, named_symbol

_SPOT, _USDM, _COINM = BINANCE

#: Enough even if the first line is an order book of some thousand levels.
_HEAD_BYTES = 1 << 20
_HEAD_LINES = 1000
#: If so many quantities are all whole numbers, they are contracts, not coins.
_SURE_ROWS = 100

#: The format whose columns the command line names.
GENERIC = "csv"
#: Columns of a generic CSV. `side` may come as `is_buyer_maker`.
REQUIRED = ("ts", "source_seq", "price", "volume")
OPTIONAL = ("side", "is_buyer_maker", "symbol")


@cache
def _patterns() -> list[tuple[str, str, re.Pattern[str], re.Pattern[str]]]:
    """Return formats and layouts with the two patterns of their lines."""
    with formats.connect() as connection:
        rows = connection.execute(formats.statement("recognition")).fetchall()
    return [(*names, re.compile(one), re.compile(other)) for *names, one, other in rows]


def known_formats() -> list[str]:
    """Return the names of all formats."""
    return list(dict.fromkeys(format for format, *_ in _patterns()))


@dataclass(frozen=True)
class _Head:
    """The first lines of an object that are not blank."""

    lines: list[str]

    @classmethod
    def of(cls, path: Path) -> _Head:
        text = read_head(path, _HEAD_BYTES).decode("utf-8", errors="replace")
        lines = [line.rstrip("\r") for line in text.split("\n")[:_HEAD_LINES]]
        lines = [line for line in lines if line.strip()]
        if not lines:
            raise ObjectError("is empty: nothing to tell a format by")
        return cls(lines)

    def layouts(self) -> Counter[tuple[str, str]]:
        """Count the lines of each format and layout."""
        found: Counter[tuple[str, str]] = Counter()
        for format, layout, pattern, other in _patterns():
            lines = filter(pattern.search, self.lines)
            found[format, layout] += sum(1 for line in lines if other.search(line))
        return +found

    def select(self, query: str, **parameters: object) -> dict[str, Any]:
        """Run a query over the table ``lines`` and return its only row."""
        lines = pa.table({"line": self.lines})
        with formats.connect(**parameters) as connection:
            found = formats.select(connection, query, {"lines": lines})
        return dict(found.to_pylist()[0])


def detect(path: Path) -> str:
    """Recognise the format of a file by its content.

    Raises
    ------
    ObjectError
        No format or more than one matches; the message lists them and ``--format``.
    """
    head = _Head.of(path)
    found = list(dict.fromkeys(format for format, _ in head.layouts()))
    if len(found) == 1:
        return found[0]
    known = ", ".join(known_formats())
    if found:
        raise ObjectError(
            f"could be {' or '.join(found)}: name it with --format (one of {known})"
        )
    shown = head.lines[0][:60].replace("\0", "\ufffd")
    raise ObjectError(
        f"no format is recognised in its first lines ({shown!r}…): name it with "
        f"--format (one of {known}; for csv also --columns)"
    )


def variables(name: str, path: Path, options: DecoderOptions) -> dict[str, Any]:
    """Return the variables that the statement of a format reads with ``getvariable``.

    Raises
    ------
    ObjectError
        A value cannot be found in the object, or is ambiguous.
    """
    if name == GENERIC:
        head = _Head.of(path)
        first = head.select("select cells(line) as cells from lines limit 1")["cells"]
        return _columns(first, path, options)
    if name == "binance_csv":
        return _binance_csv(_Head.of(path), path, options)
    return {"exchange": options.exchange, "symbol": options.symbol}


def _columns(
    first: Sequence[str], path: Path, options: DecoderOptions
) -> dict[str, Any]:
    """Find the columns of a generic CSV by the map, or by the header."""
    if options.exchange is None:
        raise ObjectError("a generic CSV does not say its venue: name it, --exchange")
    wanted = dict(options.columns)
    unknown = sorted(set(wanted) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise ObjectError(
            f"no tick column is called {', '.join(unknown)}: there are "
            f"{', '.join((*REQUIRED, *OPTIONAL))}"
        )
    by_header = not wanted or any(not place.isdecimal() for place in wanted.values())
    if by_header:
        for column in (*REQUIRED, *OPTIONAL):
            if column in first:
                wanted.setdefault(column, column)
    missing = [column for column in REQUIRED if column not in wanted]
    if missing:
        raise ObjectError(
            f"no column for {', '.join(missing)} among {', '.join(first)}: say which "
            f"with --columns {missing[0]}=NAME or =POSITION"
        )
    places = {column: _place(column, wanted, first) for column in wanted}
    if "symbol" not in places and options.symbol is None:
        named_symbol(options.uri or str(path), None)  # refuses what is not bitcoin
    positions = {f"{name}_at": places.get(name) for name in (*REQUIRED, *OPTIONAL)}
    return {
        **positions,
        "kind": "trade",
        "market": options.exchange,
        "exchange": options.exchange,
        "symbol": options.symbol or (None if "symbol" in places else "BTC"),
        "columns": len(first),
        # With positions only, a first line without a price is a header.
        "has_header": by_header or not first[places["price"] - 1][:1].isdecimal(),
    }


def _place(column: str, wanted: Mapping[str, str], first: Sequence[str]) -> int:
    """Return the position of a column, from 1."""
    said = wanted[column]
    if said not in first and not (said.isdecimal() and int(said) < len(first)):
        raise ObjectError(f"no column {said} for {column} among {', '.join(first)}")
    other = next(
        (name for name in wanted if wanted[name] == said and name != column), None
    )
    if other is not None:
        raise ObjectError(f"both {other} and {column} are to be {said}")
    return first.index(said) + 1 if said in first else int(said) + 1


def _binance_csv(head: _Head, path: Path, options: DecoderOptions) -> dict[str, Any]:
    """Find layout, instrument and market of one of Binance's files."""
    market, kind = _layout(head)
    # The only member of a zip archive has its own name.
    name = options.uri or str(path)
    if (member := packed_name(path)) != path.name:
        name = f"{name}/{member}"
    symbol = named_symbol(name, options.symbol)
    evidence = head.select(formats.statement("binance_csv_evidence"), kind=kind)
    is_spot = market == "spot"
    if options.exchange in BINANCE:
        market = options.exchange
    elif is_spot:
        market = _spot(symbol)
    else:
        market = _futures(head.lines[0], kind, evidence, name, symbol)
    symbol = symbol or ("BTCUSD_PERP" if market == _COINM else "BTCUSDT")
    return {
        "kind": kind,
        "columns": {"trade": 6, "aggTrade": 7}[kind] + is_spot,
        "market": market,
        "symbol": symbol,
        "contract_usd": (
            _contract_usd(symbol, kind, evidence) if market == _COINM else None
        ),
    }


def _layout(head: _Head) -> tuple[str, str]:
    """Find the layout of most of the first lines: any one of them may be damaged."""
    found = head.layouts().most_common()
    ranked = [(layout, lines) for (_, layout), lines in found if layout]
    if not ranked:
        raise ObjectError(
            "no line of the first ones has the columns of a trades or aggTrades file "
            "of Binance; other CSV loads with --format csv and --columns"
        )
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        both = " and ".join(layout for layout, _ in ranked[:2])
        raise ObjectError(
            f"as many of its first lines have the columns of {both}: it cannot be told "
            "which of them are damaged"
        )
    market, kind = ranked[0][0].split()
    return market, kind


def _spot(symbol: str | None) -> str:
    if symbol is not None and is_inverse(symbol):
        raise ObjectError(
            f"{symbol} is a contract of COIN-M, but the columns are those of spot: "
            f"name the market with {_ways_out(BINANCE)}"
        )
    return _SPOT


def _futures(
    first: str, kind: str, evidence: Mapping[str, int], name: str, symbol: str | None
) -> str:
    """Find the market by the name, then by the columns, then by the quantities."""
    named = named_market(name, symbol)
    rows, coins = evidence["row_count"], evidence["coins"]
    contracts = max(evidence["contracts_of_10"], evidence["contracts_of_100"])
    contracts = contracts if kind == "trade" else 0
    shown = None
    if coins or contracts:
        shown = _USDM if coins >= contracts else _COINM
    is_sure = 2 * max(coins, contracts) > rows
    for column, market in (("base_qty", _COINM), ("quote_qty", _USDM)):
        if column in first:
            shown, is_sure = market, True
    if named is not None:
        if is_sure and shown != named:
            raise ObjectError(
                f"its name says {named}, its columns {shown}: whether quantities are "
                "coins or contracts is not certain; name the market with "
                f"{_ways_out(BINANCE[1:])}"
            )
        return named
    if shown is not None and (is_sure or not (coins and contracts)):
        return shown
    if kind == "aggTrade" and not coins and rows >= _SURE_ROWS:
        return _COINM
    raise ObjectError(
        "futures of Binance whose name and columns do not say whether quantities are "
        f"bitcoins or contracts: name the market with {_ways_out(BINANCE[1:])}"
    )


def _contract_usd(symbol: str, kind: str, evidence: Mapping[str, int]) -> int:
    """Return the value of a contract; check it against the column of coins."""
    usd = contract_usd(symbol)
    agreeing = evidence[f"contracts_of_{usd}"]
    if kind == "trade" and 2 * agreeing < evidence["row_count"]:
        raise ObjectError(
            f"a contract of {symbol} is worth {usd} USD, but that is true of "
            f"{agreeing} of the first {evidence['row_count']} rows alone: name the "
            "contract with --symbol"
        )
    return usd


def _ways_out(markets: Sequence[str]) -> str:
    return " or ".join(f"--exchange {market}" for market in markets)
