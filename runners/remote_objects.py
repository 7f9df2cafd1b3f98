"""Objects that are listed on the driver and read on executors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from loaders.errors import ObjectError, SetupError
from loaders.fills import FILLS
from loaders.objects import S3_SCHEME, Object, folder_values, list_objects
from loaders.s3 import S3, Entry
from runners.fill_columns import fill_columns


class RemoteObject(NamedTuple):
    """A loaded object, as it is sent to an executor.

    Attributes
    ----------
    uri, size, etag, format
        As in `loaders.objects.Object`.
    load_id
        Id of its first load.
    request_payer
        Whether to pay for the request.
    """

    uri: str
    size: int
    etag: str
    format: str
    load_id: int
    request_payer: bool

    @classmethod
    def of(
        cls, source: Object, load_id: int, request_payer: bool = False
    ) -> RemoteObject:
        """Describe a listed object."""
        return cls(
            source.uri, source.size, source.etag, source.format, load_id, request_payer
        )

    def fills(self) -> Iterator[pa.RecordBatch]:
        """Read the fills in batches of `FILL_SCHEMA`, with the loader's own reader.

        Raises
        ------
        ObjectError
            The object cannot be read or changed after it was listed; the message names
            it.
        """
        try:
            with self._content() as path:
                row = 0
                given = folder_values(self.uri)
                for chunk in FILLS.chunks(self.format, path, given=given):
                    yield fill_columns(chunk.rows, self.load_id, row)
                    row += chunk.rows_read
        except (ObjectError, SetupError) as error:
            raise ObjectError(f"{self.uri}: {error}") from error

    @contextmanager
    def _content(self) -> Iterator[Path]:
        if self.uri.startswith(S3_SCHEME):
            bucket, _, key = self.uri.removeprefix(S3_SCHEME).partition("/")
            entry = Entry(key, self.size, self.etag)
            with _s3(self.request_payer).opener(bucket, entry)() as path:
                yield path
            return
        name = unquote(urlsplit(self.uri).path)
        [found] = list_objects([name], FILLS.suffixes, self.format)
        if (found.size, found.etag) != (self.size, self.etag):
            raise ObjectError("it changed after it was listed: run this again")
        with found.open() as local:
            yield local


@cache
def _s3(request_payer: bool) -> S3:
    return S3(request_payer)
