"""The objects a load is made of: files, folders, globs and S3 prefixes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from loaders.errors import ObjectError, SetupError

if TYPE_CHECKING:
    from loaders.s3 import S3

S3_SCHEME = "s3://"
_SHOWN_NAMES = 10
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Object:
    """One thing to load.

    Attributes
    ----------
    uri
        ``file:///…`` or ``s3://bucket/key``.
    size
        Bytes.
    etag
        S3's etag, or the modification time of a local file in nanoseconds.
    format
        One of the data set's formats.
    open
        Makes the content available as a local file for the length of a ``with``.
    """

    uri: str
    size: int
    etag: str
    format: str
    open: Callable[[], AbstractContextManager[Path]]


def list_objects(
    paths: Iterable[str],
    suffixes: Mapping[str, str],
    forced_format: str | None = None,
    s3: S3 | None = None,
    passed_over: list[str] | None = None,
) -> list[Object]:
    """Find what the paths stand for, each object once, in natural order.

    Parameters
    ----------
    paths
        Files, folders (searched to any depth), globs, ``s3://bucket/prefix`` (a prefix
        of keys, or a glob of them).
    suffixes
        File suffix, such as ``.parquet``, to format. In folders, globs of folders and
        prefixes only objects with one of these are taken.
    forced_format
        Take only this format; a file named in full is read as it, whatever its suffix.
    s3
        Access to S3; made from the environment when a path needs it.
    passed_over
        Where to note what else is in folders, globs and prefixes: files whose suffix
        no format has.

    Returns
    -------
    list of Object
        Sorted by URI with numbers compared as numbers (hour 9 before hour 10), so that
        data arrives about in the order of its time.

    Raises
    ------
    SetupError
        A path matches nothing, or the format of a file cannot be told.
    """
    wanted = {
        suffix: name
        for suffix, name in suffixes.items()
        if forced_format in (None, name)
    }
    found: dict[str, Object] = {}
    others: list[str] = [] if passed_over is None else passed_over
    for path in paths:
        if path.startswith(S3_SCHEME):
            s3 = s3 or _default_s3()
            objects = list(_s3_objects(path, wanted, forced_format, s3, others))
        else:
            objects = list(_local_objects(path, wanted, forced_format, others))
        if not objects:
            there = f"; there is {list_names(others)}" if others else ""
            raise SetupError(
                f"{path}: nothing found that ends in {_names(wanted)}{there}"
            )
        found.update((each.uri, each) for each in objects)
    return sorted(found.values(), key=lambda each: natural_key(each.uri))


def _default_s3() -> S3:
    # boto3 takes long to import: only where it is used.
    from loaders.s3 import S3

    return S3()


def natural_key(text: str) -> list[tuple[int, int | str]]:
    """Sort key under which ``9.lz4`` comes before ``10.lz4``."""
    return [
        (0, int(part)) if part.isdigit() else (1, part)
        for part in re.split(r"([0-9]+)", text)
        if part
    ]


def _names(suffixes: Iterable[str]) -> str:
    return " or ".join(sorted(suffixes))


def list_names(uris: Sequence[str]) -> str:
    """Write the names of some objects, and how many more there are.

    Examples
    --------
    >>> list_names(["file:///data/b.dat", "file:///data/a.txt"])
    'a.txt, b.dat'
    """
    names = sorted(uri.rpartition("/")[2] for uri in uris)
    shown = names[:_SHOWN_NAMES]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown):,} more")
    return ", ".join(shown)


def _local_objects(
    path: str,
    suffixes: Mapping[str, str],
    forced_format: str | None,
    passed_over: list[str],
) -> Iterator[Object]:
    expanded = Path(path).expanduser()
    if expanded.is_dir():
        yield from _in_folder(expanded, suffixes, passed_over)
    elif expanded.exists():
        yield _local_object(expanded, _format_of(path, suffixes, forced_format))
    else:
        for match in map(Path, glob.glob(str(expanded), recursive=True)):
            if match.is_dir():
                # `**` also matches every folder below, whose files it matches itself.
                yield from _in_folder(match, suffixes, passed_over)
            elif match.suffix in suffixes:
                yield _local_object(match, suffixes[match.suffix])
            else:
                passed_over.append(match.as_posix())


def _in_folder(
    folder: Path, suffixes: Mapping[str, str], passed_over: list[str]
) -> Iterator[Object]:
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            suffix = PurePosixPath(name).suffix
            if name.startswith("."):
                continue
            if suffix in suffixes:
                yield _local_object(Path(parent, name), suffixes[suffix])
            else:
                passed_over.append(f"{parent}/{name}")


def _local_object(path: Path, file_format: str) -> Object:
    path = path.resolve()
    stat = path.stat()
    etag = str(stat.st_mtime_ns)

    @contextmanager
    def open_local() -> Iterator[Path]:
        _check_unchanged(path, stat.st_size, etag)
        yield path
        _check_unchanged(path, stat.st_size, etag)

    return Object(path.as_uri(), stat.st_size, etag, file_format, open_local)


def _check_unchanged(path: Path, size: int, etag: str) -> None:
    try:
        now = path.stat()
    except OSError as error:
        raise ObjectError(f"cannot be read: {error.strerror}") from error
    if (now.st_size, str(now.st_mtime_ns)) != (size, etag):
        raise ObjectError("changed while it was being loaded: run the load again")


def _s3_objects(
    path: str,
    suffixes: Mapping[str, str],
    forced_format: str | None,
    s3: S3,
    passed_over: list[str],
) -> Iterator[Object]:
    bucket, _, pattern = path.removeprefix(S3_SCHEME).partition("/")
    wildcard = _WILDCARD.search(pattern)
    prefix = pattern[: wildcard.start()] if wildcard else pattern
    for entry in s3.list(bucket, prefix):
        if wildcard and not fnmatchcase(entry.key, pattern):
            continue
        suffix = PurePosixPath(entry.key).suffix
        if suffix in suffixes:
            file_format = suffixes[suffix]
        elif entry.key == pattern:
            file_format = _format_of(path, suffixes, forced_format)
        else:
            if not entry.key.endswith("/"):
                passed_over.append(entry.key)
            continue
        yield Object(
            f"{S3_SCHEME}{bucket}/{entry.key}",
            entry.size,
            entry.etag,
            file_format,
            s3.opener(bucket, entry),
        )


def _format_of(
    path: str, suffixes: Mapping[str, str], forced_format: str | None
) -> str:
    if forced_format is not None:
        return forced_format
    try:
        return suffixes[PurePosixPath(path).suffix]
    except KeyError:
        raise SetupError(
            f"{path}: does not end in {_names(suffixes)}; name its --format"
        ) from None
