"""Folders and files of a sample; the same content gives the same bytes."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

_GZIP_LEVEL = 3
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)


def prepare(out_dir: Path, overwrite: bool, folders: Iterable[str]) -> None:
    """Make sure that no files of an earlier run are mixed with the new ones.

    Parameters
    ----------
    out_dir : Path
    overwrite : bool
        Remove the folders of an earlier run.
    folders : iterable of str
        Their names.

    Raises
    ------
    FileExistsError
        There is an earlier run and it may not be removed.
    """
    for name in folders:
        folder = out_dir / name
        if folder.exists() and not overwrite:
            raise FileExistsError(f"{folder} exists already; --overwrite replaces it")
        if folder.exists():
            shutil.rmtree(folder)


def spans(
    times: npt.NDArray[np.int64], length_ms: int
) -> list[tuple[int, int, datetime]]:
    """Cut rows that are sorted by time into files.

    Parameters
    ----------
    times : ndarray of int64, shape (rows,)
        Milliseconds since the epoch.
    length_ms : int
        Time that a file covers.

    Returns
    -------
    list of (first row, row after the last, start of the file)
    """
    slots = times // length_ms
    cuts = [0, *(np.flatnonzero(np.diff(slots)) + 1).tolist(), len(times)]
    return [
        (first, last, datetime.fromtimestamp(slots[first] * length_ms / 1000, UTC))
        for first, last in pairwise(cuts)
        if last > first
    ]


class LinesFile:
    """A file of lines, written from front to back.

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
            archive = self._stack.enter_context(zipfile.ZipFile(path, "w"))
            entry = zipfile.ZipInfo(member, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            stream: object = archive.open(entry, "w", force_zip64=True)
        elif path.suffix == ".gz":
            raw = self._stack.enter_context(path.open("wb"))
            # Without name and time, which differ from run to run.
            stream = gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0)
        else:
            stream = path.open("wb")
        self._stream = self._stack.enter_context(cast(IO[bytes], stream))

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        self._stream.write(data)

    def close(self) -> None:
        """Finish the file."""
        self._stack.close()
