"""Read the bytes of an object, decompressed, in bounded memory."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast

import lz4.frame
import pyarrow as pa

from loaders.errors import ObjectError

_READ_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_LZ4 = b"\x04\x22\x4d\x18"
_ZSTD = b"\x28\xb5\x2f\xfd"
#: Arrow returns only whole reads of a damaged stream: small reads lose less before it.
_ZSTD_READ_BYTES = 1 << 16
#: Common formats that are not read here, by their first bytes.
_UNREADABLE = {
    b"BZh": "compressed with bzip2: decompress it, or pack it with gzip",
    b"\xfd7zXZ": "compressed with xz: decompress it, or pack it with gzip",
    b"PK\x05\x06": "an empty zip archive",
    b"PAR1": "Parquet, which is no format of ticks here: write it out as CSV",
    b"\xff\xfe": "UTF-16 text: convert it to UTF-8",
    b"\xfe\xff": "UTF-16 text: convert it to UTF-8",
}
_UTF8_MARK = b"\xef\xbb\xbf"


def read_blocks(path: Path) -> Iterator[tuple[bytes, float]]:
    """Read a file, decompressed if its first bytes are of gzip, zip, lz4 or zstd.

    Parameters
    ----------
    path
        A local file. A zip archive has to have one member.

    Yields
    ------
    tuple
        At most some megabytes of content, and the share of the file read up to here,
        0 to 1.

    Raises
    ------
    ObjectError
        The file cannot be read, is damaged or cut short (the content before the damage
        is yielded first), or is compressed in a way that is not supported.
    """
    try:
        size = max(1, path.stat().st_size)
        with ExitStack() as stack:
            file = stack.enter_context(open(path, "rb"))
            content = _unpacked(file, stack)
            is_first = True
            while block := content.read(_READ_BYTES):
                if is_first:
                    block = block.removeprefix(_UTF8_MARK)
                    is_first = False
                yield block, min(1.0, file.tell() / size)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise ObjectError(f"damaged or cut short: {error}") from error
    except (RuntimeError, NotImplementedError) as error:
        # lz4 raises RuntimeError; zipfile for passwords and unknown methods.
        raise ObjectError(f"cannot be decompressed: {error}") from error
    except OSError as error:
        raise ObjectError(f"cannot be read: {error.strerror or error}") from error


def read_head(path: Path, size: int) -> bytes:
    """Read about the first ``size`` bytes of the content; less if it is damaged."""
    head = b""
    try:
        for block, _ in read_blocks(path):
            head += block
            if len(head) >= size:
                break
    except ObjectError:
        if not head:
            raise
    return head[:size]


def packed_name(path: Path) -> str:
    """Return the file's name, or that of its only member if it is a zip archive."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            return Path(_member(archive).filename).name
    except (zipfile.BadZipFile, OSError, ObjectError):
        return path.name


class _OneRead:
    """Reads one step of a decompressor at a time: damage loses no earlier content."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        return cast(bytes, self._file.read1(size))


class _Zstd:
    """Reads a stream of zstd."""

    def __init__(self, stream: pa.CompressedInputStream) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        try:
            return cast(bytes, self._stream.read(min(size, _ZSTD_READ_BYTES)))
        except OSError as error:  # Arrow raises nothing more specific
            raise ObjectError(f"damaged or cut short: {error}") from error


def _unpacked(file: IO[bytes], stack: ExitStack) -> Any:
    magic = file.read(8)
    file.seek(0)
    for start, complaint in _UNREADABLE.items():
        if magic.startswith(start):
            raise ObjectError(complaint)
    if magic.startswith(_GZIP):
        return _OneRead(stack.enter_context(gzip.GzipFile(fileobj=file)))
    if magic.startswith(_LZ4):
        return _OneRead(stack.enter_context(lz4.frame.open(file, "rb")))
    if magic.startswith(_ZSTD):
        return _Zstd(stack.enter_context(pa.CompressedInputStream(file, "zstd")))
    if magic.startswith(_ZIP):
        archive = stack.enter_context(zipfile.ZipFile(file))
        return _OneRead(stack.enter_context(archive.open(_member(archive))))
    return file


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [each for each in archive.infolist() if not each.is_dir()]
    if len(members) != 1:
        names = ", ".join(each.filename for each in members[:5])
        raise ObjectError(
            f"a zip archive of {len(members)} files ({names}): unpack it first, "
            "an object is one file"
        )
    return members[0]
