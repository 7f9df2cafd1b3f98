"""The loader's decoders find in simulated recordings what the simulator put there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tick_tape import START, Tape, Tick, in_milliseconds, read_plainly, settings

from loaders.ticks.chunk import DecoderOptions, TickChunk
from loaders.ticks.decode import decode as decode_file
from loaders.ticks.objects import detect
from simulation.ticks.formats import DESK_COLUMNS
from simulation.ticks.run import simulate

#: Folders whose recordings do not say all by themselves.
OPTIONS = {
    "binance_usdm_aggtrade": DecoderOptions(exchange="binance_usdm_aggtrade"),
    "desk": DecoderOptions(exchange="desk", columns=DESK_COLUMNS),
}
FORMATS = {
    "binance_spot": "binance_csv",
    "binance_usdm": "binance_csv",
    "binance_coinm": "binance_csv",
    "binance_spot_websocket": "binance_ws",
    "binance_usdm_websocket": "binance_ws",
    "binance_coinm_websocket": "binance_ws",
    "binance_usdm_aggtrade": "binance_ws",
    "tardis": "tardis_csv",
    "coinbase": "coinbase",
    "kraken": "kraken",
    "bitstamp": "bitstamp",
}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    folder = tmp_path_factory.mktemp("ticks")
    wanted = settings(ticks=40_000, days=2, websocket_minutes=20, bad_lines=3)
    return Tape(folder, simulate(folder, wanted))


def decode(file: Path) -> list[TickChunk]:
    kind = file.parent.name
    name = "csv" if kind == "desk" else detect(file)
    return list(decode_file(name, file, OPTIONS.get(kind, DecoderOptions())))


def ticks_of(chunks: list[TickChunk]) -> list[Tick]:
    return [
        (
            *(chunk.stream.exchange, row["source_seq"]),
            int(ts),
            *(Decimal(row["price"]), Decimal(row["volume"]), row["side"]),
        )
        for chunk in chunks
        if chunk.stream is not None
        for ts, row in zip(
            chunk.rows["ts"].cast("int64").to_pylist(),
            chunk.rows.to_pylist(),
            strict=True,
        )
    ]


def test_every_file_is_decoded_as_it_was_meant(tape: Tape) -> None:
    found: set[Tick] = set()
    for record in tape.truth("files"):
        place = record["path"]
        chunks = decode(tape.folder / place)
        ticks = ticks_of(chunks)
        assert len(ticks) == int(record["ticks"]), place
        assert {tick[0] for tick in ticks} == {record["exchange"]}, place
        assert sum(len(chunk.bad) for chunk in chunks) == 3, place
        books = [book for chunk in chunks for book in chunk.books.values()]
        assert bool(books) == (int(record["book_lines"]) > 0), place
        found.update(ticks)
    assert in_milliseconds(found) == in_milliseconds(tape.ticks())
    assert tape.ticks() <= found


def test_formats_are_recognised(tape: Tape) -> None:
    for file in tape.files():
        if file.parent.name in FORMATS:
            assert detect(file) == FORMATS[file.parent.name], file


def test_decoders_agree_with_a_plain_reading(tmp_path: Path) -> None:
    """Line by line, in the order of the file, repeated lines included."""
    simulate(tmp_path, settings(ticks=8_000, days=1, websocket_minutes=5))
    for file in Tape(tmp_path, {}).files():
        assert ticks_of(decode(file)) == read_plainly(file), file


def test_old_spot_files_in_milliseconds(tmp_path: Path) -> None:
    start = START.replace(year=2024)
    simulate(
        tmp_path, settings(ticks=2_000, days=1, start=start, venues=("binance_spot",))
    )
    tape = Tape(tmp_path, {})
    (file,) = tape.files("binance_spot")
    assert set(ticks_of(decode(file))) == tape.ticks()
