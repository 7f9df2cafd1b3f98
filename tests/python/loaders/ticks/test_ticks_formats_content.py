"""Packed files, cut files, long files, files of nobody."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import lz4.frame
import pyarrow as pa
import pytest
from tick_formats import FIXTURES, complaints, decode, decode_text, skipped, ticks

from loaders import lines as lines_module
from loaders.content import read_blocks
from loaders.errors import ObjectError
from loaders.lines import BATCH_LINES
from loaders.ticks.chunk import DecoderOptions
from loaders.ticks.decode import decode as decode_file
from loaders.ticks.objects import detect, known_formats

PLAIN = FIXTURES / "binance_spot_trades_2024.csv"


def zipped(content: bytes, *names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("BTCUSDT-trades-2024-01-01.csv",):
            archive.writestr(name, content)
    return packed.getvalue()


def zstd(content: bytes) -> bytes:
    return cast(bytes, pa.compress(content, codec="zstd", asbytes=True))


def rows(count: int, first: int = 1) -> bytes:
    return b"".join(
        b"%d,42500.01,0.01,425.0001,1704067200123,True,True\n" % number
        for number in range(first, first + count)
    )


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        zipped,
        lz4.frame.compress,
        zstd,
        # Several gzip members, as appended by a recorder that was restarted.
        lambda content: gzip.compress(content[:50]) + gzip.compress(content[50:]),
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.removesuffix(b"\n"),
        lambda content: content + b"\n \n",
    ],
    ids=[
        "gzip",
        "zip",
        "lz4",
        "zstd",
        "members",
        "crlf",
        "mark",
        "no newline",
        "blank lines",
    ],
)
def test_the_packing_makes_no_difference(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    content = PLAIN.read_bytes()
    chunks = decode_text(tmp_path, pack(content))
    assert ticks(chunks) == ticks(decode(PLAIN))
    assert complaints(chunks) == complaints(decode(PLAIN))


@pytest.mark.parametrize("pack", [gzip.compress, lz4.frame.compress, zstd])
def test_a_file_cut_short_gives_what_stands_before(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    whole = rows(30_000)
    packed = pack(whole)
    (tmp_path / "cut").write_bytes(packed[: len(packed) // 2])
    chunks = []
    decoding = decode_file("binance_csv", tmp_path / "cut", DecoderOptions())
    with pytest.raises(ObjectError, match=r"cut short.*\(after line [0-9,]+\)"):
        chunks.extend(decoding)
    found = [tick.source_seq for tick in ticks(chunks)]
    assert 1000 < len(found) < 30_000
    assert found == list(range(1, len(found) + 1))
    assert not complaints(chunks)


def test_chunks_are_cut_at_lines_and_do_not_depend_on_the_packing(
    tmp_path: Path,
) -> None:
    content = rows(2 * BATCH_LINES + 5)
    chunks = decode_text(tmp_path, content)
    assert [chunk.rows_read for chunk in chunks] == [BATCH_LINES, BATCH_LINES, 5]
    assert [chunk.progress for chunk in chunks] == sorted(c.progress for c in chunks)
    assert chunks[-1].progress == 1.0
    again = decode_text(tmp_path, gzip.compress(content))
    assert [chunk.rows for chunk in again] == [chunk.rows for chunk in chunks]


def test_long_lines_make_short_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "BATCH_BYTES", 2000)
    content = rows(100)
    chunks = decode_text(tmp_path, content)
    assert all(chunk.rows_read * 48 <= 2000 for chunk in chunks)
    assert [tick.source_seq for tick in ticks(chunks)] == list(range(1, 101))
    assert sum(chunk.rows_read for chunk in chunks) == 100


def test_line_numbers_go_on_through_chunks(tmp_path: Path) -> None:
    content = rows(BATCH_LINES + 1) + b"1,2,3\n" + rows(1, first=10**6)
    assert complaints(decode_text(tmp_path, content)) == {
        BATCH_LINES + 2: "line has 3 columns, not 7"
    }


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(chunks: int) -> int:
        path = tmp_path / str(chunks)
        path.write_bytes(gzip.compress(rows(chunks * BATCH_LINES), 1))
        tracemalloc.start()
        count = sum(
            c.rows.num_rows for c in decode_file("binance_csv", path, DecoderOptions())
        )
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == chunks * BATCH_LINES
        return highest

    peak(1)
    assert peak(8) < 1.5 * peak(3)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"hello\nworld\n", "no format is recognised .*hello.*--format"),
        (b"time,open,high,low,close\n", "no format is recognised"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"\x28\xb5\x2f\xfd\x00", "damaged or cut short"),
        (b"BZh91AY", "bzip2"),
        (b"\xff\xfei\x00d\x00", "UTF-16"),
        (zipped(b"1,2\n", "a.csv", "b.csv"), r"2 files \(a.csv, b.csv\)"),
        (b"\x1f\x8b\x08\x00damaged", "damaged or cut short"),
    ],
)
def test_files_of_nobody(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "object"
    path.write_bytes(content)
    with pytest.raises(ObjectError, match=complaint):
        detect(path)


def test_formats_are_listed_where_none_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "object").write_text("a;b\n")
    with pytest.raises(ObjectError) as caught:
        detect(tmp_path / "object")
    for name in known_formats():
        assert name in str(caught.value)


def test_a_damaged_beginning_is_recognised_by_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(b'01,True\n{"stream":"btcusd\n' + PLAIN.read_bytes())
    assert detect(path) == "binance_csv"
    chunks = decode(path)
    assert len(ticks(chunks)) == 2
    assert list(complaints(chunks)) == [1, 2, 5]
    assert skipped(chunks) == 0


def test_blocks_tell_how_far_they_are(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(bytes(3 << 20))
    shares = [share for _, share in read_blocks(path)]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
