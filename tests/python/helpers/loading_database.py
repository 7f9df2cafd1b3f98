"""Fixtures: a database with the raw tables, for the loader to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from loading import LOADER_TABLES
from moto.server import ThreadedMotoServer
from whole_project import run_dbt

from pgio.connection import connect


@pytest.fixture(scope="session")
def loading_database(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Name of a database with the raw tables, made the way a user makes them."""
    name = str(make_database()["dbname"])
    create_sources(name, tmp_path_factory.mktemp("dbt"))
    return name


def create_sources(database: str, scratch: Path) -> None:
    """Run ``dbt run-operation create_sources`` in a database."""
    env = {"PGDATABASE": database}
    done = run_dbt(env, "run-operation", "create_sources", target=scratch)
    assert done.success, done.said


@pytest.fixture
def loading_db(
    loading_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[Any]]:
    """Connection to empty raw tables; the loader, in this process or not, uses them."""
    monkeypatch.setenv("PGDATABASE", loading_database)
    with connect(autocommit=True) as conn:
        conn.execute(f"truncate {', '.join(LOADER_TABLES)}, ops.retention_marks")
        yield conn


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a server of S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, ``landing``, reached by the variables that boto3 reads."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3").create_bucket(Bucket="landing")
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()
