"""Simulated ticks, and the simplest possible reader of their files."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from simulation.ticks.run import Settings

#: Exchange, id, µs, price, volume, side.
Tick = tuple[str, int, int, Decimal, Decimal, int]

START = date(2025, 7, 1)


def settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "ticks": 120_000,
        "days": 4,
        "seed": 11,
        "start": START,
        "websocket_minutes": 20,
    }
    return Settings(**(values | changes))


@dataclass
class Tape:
    folder: Path
    summary: dict[str, Any]

    def truth(self, name: str) -> list[dict[str, str]]:
        with (self.folder / "truth" / f"{name}.csv").open() as file:
            return list(csv.DictReader(file))

    def ticks(self) -> set[Tick]:
        table = pq.read_table(self.folder / "truth" / "ticks.parquet")
        table = table.set_column(2, "ts", table["ts"].cast("int64"))
        columns = [table[name].to_pylist() for name in table.column_names]
        return set(zip(*columns, strict=True))

    def files(self, kind: str = "*") -> list[Path]:
        return sorted((self.folder / "ticks").glob(f"{kind}/*"))


def lines_of(path: Path) -> list[str]:
    if path.suffix == ".gz":
        text = gzip.decompress(path.read_bytes()).decode()
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            (member,) = archive.namelist()
            assert member == path.with_suffix(".csv").name
            text = archive.read(member).decode()
    else:
        text = path.read_text()
    return text.splitlines()


def microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


def taker(maker_bought: bool) -> int:
    return -1 if maker_bought else 1


def coins(contracts: Decimal, price: Decimal) -> Decimal:
    return (contracts * 100 / price).quantize(Decimal("1e-12"))


def spot_csv(line: str) -> Iterator[Tick]:
    seq, price, volume, quote, time, is_maker, is_best = line.split(",")
    assert is_best == "True"
    assert abs(Decimal(price) * Decimal(volume) - Decimal(quote)) < Decimal("1e-8")
    assert len(time) == 16
    side = taker({"True": True, "False": False}[is_maker])
    yield "binance_spot", int(seq), int(time), Decimal(price), Decimal(volume), side


def futures_csv(exchange: str, line: str) -> Iterator[Tick]:
    seq, price, volume, value, time, is_maker = line.split(",")
    if seq == "id" or Decimal(price) == 0:
        return
    size = Decimal(volume)
    if exchange == "binance_coinm":
        assert abs(size * 100 / Decimal(price) - Decimal(value)) < Decimal("1e-8")
        size = coins(size, Decimal(price))
    else:
        assert Decimal(value) == Decimal(price) * size
    side = taker({"true": True, "false": False}[is_maker])
    yield exchange, int(seq), int(time) * 1000, Decimal(price), size, side


def tardis_csv(line: str) -> Iterator[Tick]:
    exchange, symbol, time, received, seq, side, price, volume = line.split(",")
    if exchange == "exchange":
        return
    assert (exchange, symbol) == ("binance", "BTCUSDT")
    assert int(time) < int(received)
    sign = {"buy": 1, "sell": -1}[side]
    yield "binance_spot", int(seq), int(time), Decimal(price), Decimal(volume), sign


def desk_csv(line: str) -> Iterator[Tick]:
    seq, time, price, volume, side, _ = line.split(",")
    if seq == "ref":
        return
    sign = {"buy": 1, "sell": -1}[side]
    yield "desk", int(seq), microseconds(time), Decimal(price), Decimal(volume), sign


def binance_dump(exchange: str, line: str) -> Iterator[Tick]:
    received, _, text = line.partition(" ")
    message = json.loads(text)
    data = message.get("data", {})
    if data.get("e") != "trade":
        return
    assert message["stream"] == data["s"].lower() + "@trade"
    assert abs(int(received) // 1_000_000 - data["T"]) < 3_000
    assert data["E"] >= data["T"]
    if data.get("X", "MARKET") != "MARKET":
        return
    price, size = Decimal(data["p"]), Decimal(data["q"])
    if data["s"] == "BTCUSD_PERP":
        size = coins(size, price)
    yield exchange, data["t"], data["T"] * 1000, price, size, taker(data["m"])


def aggregates(line: str) -> Iterator[Tick]:
    data = json.loads(line)
    assert data["e"] == "aggTrade"
    assert data["f"] <= data["l"]
    price, size, side = Decimal(data["p"]), Decimal(data["q"]), taker(data["m"])
    yield "binance_usdm_aggtrade", data["a"], data["T"] * 1000, price, size, side


def coinbase(line: str) -> Iterator[Tick]:
    data = json.loads(line)
    assert data["type"] == "match"
    price, size = Decimal(data["price"]), Decimal(data["size"])
    side = {"buy": -1, "sell": 1}[data["side"]]
    yield "coinbase", data["trade_id"], microseconds(data["time"]), price, size, side


def kraken(line: str) -> Iterator[Tick]:
    message = json.loads(line, parse_float=Decimal)
    assert message["channel"] == "trade"
    for data in message["data"]:
        time, side = microseconds(data["timestamp"]), {"buy": 1, "sell": -1}
        yield (
            *("kraken", data["trade_id"], time, data["price"], data["qty"]),
            side[data["side"]],
        )


def bitstamp(line: str) -> Iterator[Tick]:
    message = json.loads(line, parse_float=Decimal)
    assert message["event"] == "trade"
    data = message["data"]
    assert data["amount"] == Decimal(data["amount_str"])
    price, size = Decimal(data["price_str"]), Decimal(data["amount_str"])
    side = {0: 1, 1: -1}[data["type"]]
    yield "bitstamp", data["id"], int(data["microtimestamp"]), price, size, side


READERS: dict[str, Callable[[str], Iterator[Tick]]] = {
    "binance_spot": spot_csv,
    "binance_spot_websocket": lambda line: binance_dump("binance_spot", line),
    "tardis": tardis_csv,
    "binance_usdm": lambda line: futures_csv("binance_usdm", line),
    "binance_usdm_websocket": lambda line: binance_dump("binance_usdm", line),
    "binance_coinm": lambda line: futures_csv("binance_coinm", line),
    "binance_coinm_websocket": lambda line: binance_dump("binance_coinm", line),
    "binance_usdm_aggtrade": aggregates,
    "coinbase": coinbase,
    "kraken": kraken,
    "bitstamp": bitstamp,
    "desk": desk_csv,
}


def read_plainly(path: Path) -> list[Tick]:
    """Read one file of a tape without bad lines."""
    reader = READERS[path.parent.name]
    return [tick for line in lines_of(path) for tick in reader(line)]


def in_milliseconds(ticks: set[Tick]) -> set[Tick]:
    return {(*tick[:2], tick[2] // 1000, *tick[3:]) for tick in ticks}
