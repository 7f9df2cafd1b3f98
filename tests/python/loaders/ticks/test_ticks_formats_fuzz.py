"""Damaged files: nothing crashes, nothing is lost, and both ways of reading agree."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tick_formats import FIXTURES, decode_text, ticks

from loaders.errors import ObjectError
from loaders.ticks.chunk import TickChunk
from loaders.ticks.objects import detect, known_formats

DESK = {"ts": "0", "source_seq": "1", "price": "2", "volume": "3", "side": "4"}
PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
#: What damages most: quotes, brackets, separators, signs, exponents, NUL, no UTF-8.
BYTES = [bytes([byte]) for byte in b'"{}[],:\\ -+.eE0189\0\t\r\n\xff\xc3'] + [b"null"]

DEPTH = (
    b'1717243200001000000 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate",'
    b'"E":1717243201200,"s":"BTCUSDT","U":11,"u":12,"b":[["67500.00","1.0"]],'
    b'"a":[["67500.02","0.5"],["67500.03","0.00"]]}}',
    b'{"lastUpdateId":12,"bids":[["67500.00","1.5"]],"asks":[["67500.03","2"]]}',
)

#: Format to files whose lines are damaged.
FILES = {
    "binance_ws": ["binance_spot_trade.jsonl", "binance_usdm_trade.jsonl"],
    "binance_csv": ["binance_spot_trades_2024.csv", "binance_usdm_aggtrades.csv"],
    "coinbase": ["coinbase_matches.jsonl"],
    "kraken": ["kraken_trades.jsonl"],
    "bitstamp": ["bitstamp_live_trades.jsonl"],
    "tardis_csv": ["tardis_trades.csv"],
    "csv": ["desk.csv"],
}


@dataclass(frozen=True)
class Damaged:
    name: str
    lines: list[bytes]
    intact: list[bytes]

    @property
    def content(self) -> bytes:
        return b"\n".join(self.lines) + b"\n"

    def options(self) -> dict[str, object]:
        if self.name == "csv":
            return {"exchange": "desk", "columns": DESK}
        return {"exchange": "binance_spot"} if self.name == "binance_ws" else {}


@st.composite
def mutated(draw: st.DrawFn, line: bytes) -> bytes:
    """One line with some bytes cut off, taken out, put in or exchanged."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(line)))
        match draw(st.sampled_from(["cut", "take", "put", "exchange", "repeat"])):
            case "cut":
                line = line[:at]
            case "take":
                line = line[:at] + line[at + draw(st.integers(1, 4)) :]
            case "put":
                line = line[:at] + draw(st.sampled_from(BYTES)) + line[at:]
            case "exchange":
                line = line[:at] + draw(st.sampled_from(BYTES)) + line[at + 1 :]
            case _:
                line = line[:at] + line[max(0, at - 8) :]
    return line.replace(b"\n", b" ")


@st.composite
def damaged_files(draw: st.DrawFn) -> Damaged:
    name = draw(st.sampled_from(sorted(FILES)))
    file = draw(st.sampled_from(FILES[name]))
    lines = (FIXTURES / file).read_bytes().splitlines()
    if name == "binance_ws":
        lines += DEPTH
    headed = 1 if name in ("tardis_csv", "csv") else 0
    head, lines = lines[:headed], lines[headed:]
    drawn, intact = list(head), list(head)
    for line in draw(st.lists(st.sampled_from(lines), min_size=1, max_size=8)):
        if draw(st.booleans()):
            drawn.append(draw(mutated(line)))
        else:
            drawn.append(line)
            intact.append(line)
    return Damaged(name, drawn, intact)


def read(damaged: Damaged, content: bytes | None = None) -> list[TickChunk]:
    """Decode, each time in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        body = damaged.content if content is None else content
        return decode_text(Path(folder), body, damaged.name, **damaged.options())


slow_start = settings(suppress_health_check=list(HealthCheck))


@slow_start
@given(damaged_files())
def test_every_line_is_a_tick_or_skipped_or_refused_with_a_reason(
    damaged: Damaged,
) -> None:
    try:
        chunks = read(damaged)
    except ObjectError:
        return
    for chunk in chunks:
        counted = chunk.rows.num_rows + len(chunk.bad) + chunk.rows_skipped
        assert chunk.rows_read == counted
        assert chunk.rows_read >= len(damaged.lines)
        assert chunk.rows_skipped >= 0
        for row in chunk.bad:
            assert 1 <= row.row_number <= len(damaged.lines)
            assert "\0" not in row.reason + row.raw
            assert "\\u0000" not in row.raw
            raw = json.loads(row.raw)
            damage = damaged.lines[row.row_number - 1].decode(errors="replace")
            assert raw == damage.removesuffix("\r").replace("\0", "\ufffd")
            assert len(row.reason) > 8
        for row in chunk.rows.to_pylist():
            assert PLAIN.fullmatch(row["price"])
            assert PLAIN.fullmatch(row["volume"])
            assert float(row["price"]) > 0
            assert float(row["volume"]) > 0
            assert row["side"] in (-1, 0, 1)


@slow_start
@given(damaged_files())
def test_sound_lines_survive_their_neighbours(damaged: Damaged) -> None:
    try:
        chunks = read(damaged)
        sound = read(damaged, b"\n".join([*damaged.intact, b""]))
    except ObjectError:
        return
    missing = Counter(ticks(sound)) - Counter(ticks(chunks))
    assert not missing


@slow_start
@given(st.one_of(st.binary(max_size=200), damaged_files().map(lambda d: d.content)))
def test_recognition_never_crashes(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "object")
        path.write_bytes(content)
        try:
            name = detect(path)
        except ObjectError:
            return
        assert name in known_formats()
