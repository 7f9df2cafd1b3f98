"""A local AWS: `aws_near_by` in a network namespace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from terraform_server import SYSTEM_PATH

BUCKET = "vigil-backup"
DOMAIN = "eu-central-1.amazonaws.com"
NETWORK = 'ip link set lo up; ip addr add 169.254.169.254/32 dev lo; exec "$@"'


@dataclass(frozen=True)
class Aws:
    """S3 and the instance's credentials, in a network namespace.

    Attributes
    ----------
    pid
        Of the process that serves them.
    certificate
        Of S3, for the server to trust.
    """

    pid: int
    certificate: Path

    def enter(self) -> list[str]:
        """Return the prefix of a command to run it in that network."""
        return ["nsenter", "--target", str(self.pid), "--net"]


@contextmanager
def running_aws(folder: Path) -> Iterator[Aws]:
    """Run a local AWS with one empty bucket, and remove it at the end."""
    certificate, key = folder / "aws.pem", folder / "aws.key"
    names = f"subjectAltName=DNS:*.s3.{DOMAIN},IP:127.0.0.1"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    request = ["openssl", "req", "-x509", *curve, "-days", "2", "-subj", "/CN=s3"]
    files = ["-addext", names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*request, *files], check=True, capture_output=True)
    script = Path(__file__).with_name("aws_near_by.py")
    serve = [sys.executable, str(script), str(certificate), str(key), BUCKET]
    command = ["unshare", "--net", "sh", "-euc", NETWORK, "sh", *serve]
    with (folder / "aws.log").open("w", encoding="utf-8") as log:
        process = started(command, log.fileno())
    try:
        yield Aws(process.pid, certificate)
    finally:
        process.communicate()


def started(command: list[str], log: int) -> subprocess.Popen[str]:
    """Start a process that reports its readiness and ends with its standard input."""
    process = subprocess.Popen(
        command,
        env={"PATH": SYSTEM_PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        process.communicate()
        said = Path(f"/proc/self/fd/{log}").resolve().read_text(encoding="utf-8")
        raise RuntimeError(f"{command[0]} did not start: {said}")
    return process
