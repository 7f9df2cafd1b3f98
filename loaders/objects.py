"""List the objects to load: files, folders, globs and S3 prefixes."""

from __future__ import annotations

import glob
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from loaders.errors import ObjectError, OtherCommand, SetupError

if TYPE_CHECKING:
    from loaders.s3 import S3

S3_SCHEME = "s3://"
_WILDCARD = re.compile(r"[*?\[]")
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_MOST_NAMES = 10
#: Suffixes of unfinished downloads.
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Object:
    """A file or S3 object to load.

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


@dataclass(frozen=True)
class Wanted:
    """Which objects are loaded, and how their format is found.

    Attributes
    ----------
    suffixes
        File suffix in small letters, such as ``.parquet``, to format.
    forced_format
        Load only this format; an object named in full is read as this format.
    recognise
        Returns the format of a local file, or of the first bytes of an object, if the
        suffix does not show it. For an unknown format it returns None or raises
        `ObjectError` with the reason. If None, only the suffix counts.
    unread
        Objects in folders whose format is unknown.
    """

    suffixes: Mapping[str, str]
    forced_format: str | None = None
    recognise: Callable[[Path], str | None] | None = None
    unread: list[str] = field(default_factory=list)

    def format_in_folder(
        self, uri: str, head: Callable[[], AbstractContextManager[Path]]
    ) -> str | None:
        """Return the format of an object in a folder; None to skip it."""
        name = uri.rpartition("/")[2]
        found = self.suffixes.get(_suffix(name))
        if name.startswith("."):
            return None
        if found is None and name and not name.startswith("_"):
            if _suffix(name) not in _UNFINISHED:
                with suppress(ObjectError, OSError):
                    found = self._recognised(head)
            if found is None:
                self.unread.append(uri)
        return found if self.forced_format in (None, found) else None

    def format_of_named(
        self, path: str, head: Callable[[], AbstractContextManager[Path]]
    ) -> str:
        """Return the format of an object that was named in full.

        Raises
        ------
        SetupError
            The format is unknown.
        """
        if self.forced_format is not None:
            return self.forced_format
        why = f"does not end in {self}"
        if self.recognise is not None:
            why += ", and its content is of no known format"
        try:
            found = self.suffixes.get(_suffix(path)) or self._recognised(head)
        except OtherCommand as error:
            raise SetupError(f"{path}: {error}") from error
        except (ObjectError, OSError) as error:
            found, why = None, str(error)
        if found is None:
            raise SetupError(f"{path}: {why}; name its --format")
        return found

    def _recognised(
        self, head: Callable[[], AbstractContextManager[Path]]
    ) -> str | None:
        if self.recognise is None:
            return None
        with head() as path:
            return self.recognise(path)

    def __str__(self) -> str:
        return " or ".join(
            sorted(
                suffix
                for suffix, name in self.suffixes.items()
                if self.forced_format in (None, name)
            )
        )


def list_objects(
    paths: Iterable[str],
    suffixes: Mapping[str, str],
    forced_format: str | None = None,
    s3: S3 | None = None,
    recognise: Callable[[Path], str | None] | None = None,
) -> list[Object]:
    """List the objects of the paths, each once, in natural order.

    Parameters
    ----------
    paths
        Files, folders (searched to any depth), globs, ``s3://bucket/prefix`` (a prefix
        of keys, or a glob of them).
    suffixes, forced_format, recognise
        Which objects are loaded: see `Wanted`. A warning names objects of unknown
        format in a folder, a glob or a prefix.
    s3
        Access to S3; made from the environment when a path needs it.

    Returns
    -------
    list of Object
        Sorted by URI with numbers compared as numbers (hour 9 before hour 10), so data
        are loaded roughly in order of time.

    Raises
    ------
    SetupError
        A path does not exist or has nothing to load, or the format of a file is
        unknown.
    """
    found: dict[str, Object] = {}
    for path in paths:
        wanted = Wanted(suffixes, forced_format, recognise)
        if path.startswith(S3_SCHEME):
            s3 = s3 or _default_s3()
            objects = list(_s3_objects(path, wanted, s3))
        else:
            objects = list(_local_objects(path, wanted))
        unread = _some_names(wanted.unread)
        if not objects:
            seen = f" (what is there: {unread})" if unread else ""
            raise SetupError(f"{path}: nothing found that ends in {wanted}{seen}")
        if unread:
            logger.warning("%s: left out, no format takes them: %s", path, unread)
        found.update((each.uri, each) for each in objects)
    return sorted(found.values(), key=lambda each: natural_key(each.uri))


def _some_names(uris: Sequence[str]) -> str:
    """List some objects by the last parts of their URIs, and count the others."""
    names = ["/".join(uri.split("/")[-2:]) for uri in uris[:_MOST_NAMES]]
    more = len(uris) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def folder_values(uri: str) -> dict[str, str]:
    """Return the columns given by the folders of an object (Hive partitioning).

    Examples
    --------
    >>> folder_values("s3://bucket/coin=xyz%3ANVDA/side=B/0.parquet")
    {'coin': 'xyz:NVDA', 'side': 'B'}
    """
    folders = uri.split("/")[3:-1]
    if not uri.startswith(S3_SCHEME):
        folders = [unquote(folder) for folder in folders]  # file:// quotes once more
    pairs = [folder.partition("=") for folder in folders if "=" in folder]
    return {name: unquote(value) for name, _, value in pairs if value != _HIVE_NULL}


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


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _local_objects(path: str, wanted: Wanted) -> Iterator[Object]:
    expanded = Path(path).expanduser()
    if expanded.is_dir():
        yield from _in_folder(expanded, wanted)
    elif expanded.exists():
        yield _local_object(expanded, wanted.format_of_named(path, _itself(expanded)))
    elif not _WILDCARD.search(path):
        raise SetupError(f"{path}: does not exist")
    else:
        for match in map(Path, glob.glob(str(expanded), recursive=True)):
            if match.is_dir():
                # `**` also matches every folder below, whose files it matches itself.
                yield from _in_folder(match, wanted)
            else:
                yield from _if_wanted(match, wanted)


def _in_folder(folder: Path, wanted: Wanted) -> Iterator[Object]:
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            yield from _if_wanted(Path(parent, name), wanted)


def _if_wanted(path: Path, wanted: Wanted) -> Iterator[Object]:
    file_format = wanted.format_in_folder(str(path), _itself(path))
    if file_format is not None and path.is_file():
        yield _local_object(path, file_format)


def _itself(path: Path) -> Callable[[], AbstractContextManager[Path]]:
    """Open a local file to look at its first bytes."""

    def head() -> AbstractContextManager[Path]:
        if not path.is_file():  # opening a pipe would block
            raise ObjectError("is no file")
        return nullcontext(path)

    return head


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


def _s3_objects(path: str, wanted: Wanted, s3: S3) -> Iterator[Object]:
    bucket, _, pattern = path.removeprefix(S3_SCHEME).partition("/")
    wildcard = _WILDCARD.search(pattern)
    prefix = pattern[: wildcard.start()] if wildcard else pattern
    is_empty = True
    for entry in s3.list(bucket, prefix):
        if wildcard and not fnmatchcase(entry.key, pattern):
            continue
        is_empty = False
        uri = f"{S3_SCHEME}{bucket}/{entry.key}"
        head = partial(s3.head, bucket, entry)
        if entry.key == pattern:
            file_format: str | None = wanted.format_of_named(path, head)
        else:
            file_format = wanted.format_in_folder(uri, head)
        if file_format is None:
            continue
        yield Object(uri, entry.size, entry.etag, file_format, s3.opener(bucket, entry))
    if is_empty:
        what = "matches" if wildcard else "begins with"
        raise SetupError(f"{path}: does not exist, no object's key {what} {pattern!r}")
