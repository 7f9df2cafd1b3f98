"""Files as recorders leave them, plain, gzip or zip: the same bytes each time."""

from __future__ import annotations

import gzip
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

_LEVEL = 3
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)


class LinesFile:
    """One file, written from front to back.

    Parameters
    ----------
    path : Path
        Its suffix, `.gz` or `.zip`, says how it is compressed.
    member : str
        Name of the file inside a zip.
    """

    def __init__(self, path: Path, member: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        if path.suffix == ".zip":
            archive = zipfile.ZipFile(path, "w")
            self._stack.enter_context(archive)
            entry = zipfile.ZipInfo(member, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            stream: object = archive.open(entry, "w", force_zip64=True)
        elif path.suffix == ".gz":
            raw = self._stack.enter_context(path.open("wb"))
            # Neither name nor time: they would differ from run to run.
            stream = gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0)
        else:
            stream = path.open("wb")
        self._stream = self._stack.enter_context(cast(IO[bytes], stream))

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        self._stream.write(data)

    def close(self) -> None:
        """Finish the file."""
        self._stack.close()
