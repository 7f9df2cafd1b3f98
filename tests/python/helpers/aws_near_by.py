"""S3, secrets and instance credentials as an EC2 instance finds them, for tests.

    python aws_near_by.py CERTIFICATE KEY BUCKET

Runs in a network namespace where 169.254.169.254 is this machine and AWS's names
resolve to 127.0.0.1. moto serves everything except the instance's credentials: its own
lack fields that pgBackRest needs. They are served here, only with a token (IMDSv2), as
the instances of `terraform/` require.
"""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import boto3
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

INSTANCE_METADATA = "169.254.169.254"
CREDENTIALS = "/latest/meta-data/iam/security-credentials"
ROLE = "vigil-database"
REGION = "eu-central-1"


class InstanceMetadata(BaseHTTPRequestHandler):
    """The role's name and its credentials, for a token that was drawn before."""

    protocol_version = "HTTP/1.1"
    token = secrets.token_hex(16)

    def do_PUT(self) -> None:
        """Hand out the token."""
        self._answer(200 if self.path == "/latest/api/token" else 404, self.token)

    def do_GET(self) -> None:
        """Answer what the SDKs and pgBackRest ask for."""
        expiration = datetime.now(UTC) + timedelta(hours=6)
        credentials = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": "ASIATESTING",
            "SecretAccessKey": "testing",
            "Token": "testing",
            "LastUpdated": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        known = {CREDENTIALS: ROLE, f"{CREDENTIALS}/{ROLE}": json.dumps(credentials)}
        found = known.get(self.path.rstrip("/"))
        if self.headers.get("X-aws-ec2-metadata-token") != self.token:
            self._answer(401, "")
        elif found is None:
            self._answer(404, "")
        else:
            self._answer(200, found)

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


class Farewell(MotoRequestHandler):
    """Close the TLS layer of each connection, which pgBackRest requires."""

    def finish(self) -> None:
        """Close the connection."""
        super().finish()
        with suppress(OSError):
            self.connection.unwrap()


def main(certificate: str, key: str, bucket: str) -> None:
    """Serve until the process ends; one line on standard output says when it begins."""
    metadata = ThreadingHTTPServer((INSTANCE_METADATA, 80), InstanceMetadata)
    Thread(target=metadata.serve_forever, daemon=True).start()
    application = DomainDispatcherApplication(create_backend_app)
    services = make_server(
        "127.0.0.1",
        443,
        application,
        threaded=True,
        request_handler=Farewell,
        ssl_context=(certificate, key),
    )
    Thread(target=services.serve_forever, daemon=True).start()
    s3 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url="https://127.0.0.1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        verify=certificate,
    )
    s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
