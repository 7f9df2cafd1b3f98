"""Access to S3 with boto3: endpoint, region and keys come from the environment."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from loaders.errors import ObjectError, SetupError

_COPY_BYTES = 1 << 20
#: Enough to recognise a format, compressed or not.
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Entry:
    """One object of a listing."""

    key: str
    size: int
    etag: str


class S3:
    """List and download; one client for all threads (boto3's clients allow that).

    Parameters
    ----------
    request_payer
        Agree to pay for requests and transfer, as a requester-pays bucket demands.
    connections
        Downloads that may run at once.
    """

    def __init__(self, request_payer: bool = False, connections: int = 10) -> None:
        config = Config(
            retries={"mode": "standard", "max_attempts": 5},
            max_pool_connections=connections,
        )
        try:
            self._client: Any = boto3.client("s3", config=config)
        except (BotoCoreError, ValueError) as error:
            raise SetupError(f"S3: {error}") from error
        self._payer = {"RequestPayer": "requester"} if request_payer else {}

    def list(self, bucket: str, prefix: str) -> Iterator[Entry]:
        """Yield the objects whose key starts with ``prefix``.

        Raises
        ------
        SetupError
            The bucket cannot be listed.
        """
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, **self._payer
        )
        try:
            for page in pages:
                for item in page.get("Contents", []):
                    yield Entry(item["Key"], item["Size"], item["ETag"].strip('"'))
        except (BotoCoreError, ClientError) as error:
            raise SetupError(f"s3://{bucket}/{prefix}: {_explain(error)}") from error

    @contextmanager
    def head(self, bucket: str, entry: Entry) -> Iterator[Path]:
        """Download the first bytes of an object, for the length of a ``with``.

        Raises
        ------
        SetupError
            It cannot be read.
        """
        with tempfile.NamedTemporaryFile(prefix="vigil-") as file:
            if entry.size:
                first = f"bytes=0-{_HEAD_BYTES - 1}"
                try:
                    response = self._client.get_object(
                        Bucket=bucket, Key=entry.key, Range=first, **self._payer
                    )
                    file.write(response["Body"].read())
                except (BotoCoreError, ClientError) as error:
                    raise SetupError(
                        f"s3://{bucket}/{entry.key}: {_explain(error)}"
                    ) from error
                file.flush()
            yield Path(file.name)

    def opener(
        self, bucket: str, entry: Entry
    ) -> Callable[[], AbstractContextManager[Path]]:
        """Return a function that downloads the object for the length of a ``with``."""

        @contextmanager
        def download() -> Iterator[Path]:
            suffix = PurePosixPath(entry.key).suffix
            with tempfile.NamedTemporaryFile(prefix="vigil-", suffix=suffix) as file:
                self._download(bucket, entry, file)
                yield Path(file.name)

        return download

    def _download(self, bucket: str, entry: Entry, file: Any) -> None:
        try:
            # Only the listed version: the load is recorded with its etag.
            response = self._client.get_object(
                Bucket=bucket, Key=entry.key, IfMatch=entry.etag, **self._payer
            )
            for piece in response["Body"].iter_chunks(_COPY_BYTES):
                file.write(piece)
        except (BotoCoreError, ClientError) as error:
            raise ObjectError(f"download failed: {_explain(error)}") from error
        file.flush()
        if file.tell() != entry.size:
            raise ObjectError(
                f"download stopped after {file.tell():,} of {entry.size:,} bytes"
            )


def _explain(error: Exception) -> str:
    code = (
        error.response.get("Error", {}).get("Code", "")
        if isinstance(error, ClientError)
        else ""
    )
    match code:
        case "PreconditionFailed" | "412":
            return "it changed after it was listed: run the load again"
        case "AccessDenied" | "403":
            return f"{error} (a requester-pays bucket needs --request-payer)"
        case _:
            return str(error)
