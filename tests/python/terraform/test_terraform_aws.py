"""The server's script that talks to AWS, against an AWS of the tests' own (moto)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import Database
from moto.server import ThreadedMotoServer

from devdb.programs import wheel_bin_dir
from pgio.connection import PROJECT_DIR

SCRIPT = PROJECT_DIR / "terraform/modules/database/files/vigil_aws.py"
REGION = "eu-central-1"
# With the embedded server's psql.
PATH = f"{wheel_bin_dir()}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """Variables that lead to an AWS with nothing in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "VIGIL_REGION": REGION,
        "VIGIL_INSTANCE_ID": "i-0123456789abcdef0",
        "VIGIL_METRIC_NAMESPACE": "Vigil/Database",
    }
    server.stop()


def client(service: str, aws: dict[str, str]) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def run(
    *arguments: str | Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def published(aws: dict[str, str], name: str) -> list[float]:
    """Return a metric's values, of this instance."""
    now = datetime.now(UTC)
    found = client("cloudwatch", aws).get_metric_statistics(
        Namespace="Vigil/Database",
        MetricName=name,
        Dimensions=[{"Name": "InstanceId", "Value": aws["VIGIL_INSTANCE_ID"]}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    return [point["Maximum"] for point in found["Datapoints"]]


def test_a_secret_is_printed_and_nothing_else(aws: dict[str, str]) -> None:
    secrets = client("secretsmanager", aws)
    arn = secrets.create_secret(Name="vigil/reader", SecretString="s3cret 'x'")["ARN"]
    done = run("secret", arn, env={**os.environ, **aws})
    assert (done.returncode, done.stdout) == (0, "s3cret 'x'\n")


def test_a_missing_secret_is_an_error(aws: dict[str, str]) -> None:
    done = run("secret", "vigil/none", env={**os.environ, **aws})
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.any_server
def test_metrics_of_a_server_arrive(
    database: Database, aws: dict[str, str], tmp_path: Path
) -> None:
    env = {**database.env, **aws, "PATH": PATH}
    done = run("metrics", tmp_path, "vigil", env=env)
    assert done.returncode == 0, done.stderr
    [used] = published(aws, "DataVolumeUsedPercent")
    assert 0 < used <= 100
    for name in ("WalArchiveFailing", "WalFilesWaiting", "ReplicationAgeSeconds"):
        assert published(aws, name) == [0], name
    # Without pgBackRest no age is known: silence, which the alarm takes as bad.
    assert published(aws, "BackupAgeSeconds") == []


def test_a_server_that_is_down_leaves_its_metrics_out(
    aws: dict[str, str], tmp_path: Path
) -> None:
    env = {**os.environ, **aws, "VIGIL_INSTANCE_ID": "i-00000000", "PGPORT": "1"}
    env |= {"PATH": PATH, "PGHOST": "127.0.0.1"}
    done = run("metrics", tmp_path, "vigil", env=env)
    assert done.returncode == 0, done.stderr
    down = {**aws, "VIGIL_INSTANCE_ID": "i-00000000"}
    assert len(published(down, "DataVolumeUsedPercent")) == 1
    assert published(down, "WalArchiveFailing") == []


@pytest.mark.parametrize(
    ("backups", "age"),
    [
        ([], None),
        ([{"timestamp": {"stop": 940}}, {"timestamp": {"stop": 900}}], 60.0),
        ([{"timestamp": {"stop": 940}, "error": True}], None),
    ],
)
def test_the_age_of_the_last_backup(
    backups: list[dict[str, Any]], age: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    vigil_aws = pytest.importorskip("vigil_aws")
    assert vigil_aws.backup_age([{"backup": backups}], now=1000.0) == age
