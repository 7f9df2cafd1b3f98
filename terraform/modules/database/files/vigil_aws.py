#!/usr/bin/env python3
"""What the database server asks of AWS: its passwords, and to keep its metrics.

`vigil_aws.py secret ARN` prints a secret; `vigil_aws.py metrics FOLDER STANZA` sends
what the alarms watch, as the account that may ask the server (libpq's variables).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import Any

import boto3

# Whether the last attempt to archive failed, files that wait for it, and how far the
# slowest replica or slot is behind, in seconds.
SERVER_METRICS = """
select json_build_object(
    'WalArchiveFailing', (
        select
            (
                last_failed_time is not null
                and last_failed_time > coalesce(last_archived_time, '-infinity')
            )::int
        from pg_stat_archiver
    ),
    'WalFilesWaiting', (
        select count(*) from pg_ls_archive_statusdir() where name like '%.ready'
    ),
    'ReplicationAgeSeconds', coalesce(extract(epoch from greatest(
        (select max(replay_lag) from pg_stat_replication),
        (select max(now() - inactive_since) from pg_replication_slots),
        case when pg_is_in_recovery() then now() - pg_last_xact_replay_timestamp() end
    )), 0)
)
"""
UNITS = {"DataVolumeUsedPercent": "Percent", "WalFilesWaiting": "Count"}


def secret(arn: str) -> str:
    """Return the text of a secret."""
    client = boto3.client("secretsmanager", region_name=os.environ["VIGIL_REGION"])
    value: str = client.get_secret_value(SecretId=arn)["SecretString"]
    return value


def used_percent(folder: str) -> float:
    """Return the share of a file system in use, as `df` counts it, in per cent."""
    usage = shutil.disk_usage(folder)
    return 100 * usage.used / (usage.used + usage.free)


def server_metrics() -> dict[str, float]:
    """Return what the database server says of itself."""
    command = ["psql", "--no-psqlrc", "-At", "-v", "ON_ERROR_STOP=1", "-c"]
    said = subprocess.run(
        [*command, SERVER_METRICS], check=True, stdout=subprocess.PIPE, text=True
    )
    return {name: float(value) for name, value in json.loads(said.stdout).items()}


def backup_age(information: list[dict[str, Any]], now: float) -> float | None:
    """Return the seconds since the newest backup ended, None when there is none.

    Parameters
    ----------
    information
        Of one stanza, as `pgbackrest info --output=json` prints it.
    now
        Seconds since 1970.
    """
    ends = [
        backup["timestamp"]["stop"]
        for stanza in information
        for backup in stanza["backup"]
        if not backup.get("error")
    ]
    return max(0.0, now - max(ends)) if ends else None


def backup_metrics(stanza: str) -> dict[str, float]:
    """Return the age of the last backup; nothing when it cannot be known."""
    command = ["pgbackrest", f"--stanza={stanza}", "--output=json", "info"]
    try:
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        age = backup_age(json.loads(said.stdout), time.time())
    except (OSError, subprocess.CalledProcessError) as error:
        # The other metrics go out; the alarm on this one takes its silence as bad.
        print(f"vigil: {error}", file=sys.stderr)
        return {}
    return {} if age is None else {"BackupAgeSeconds": age}


def publish(metrics: dict[str, float]) -> None:
    """Send metrics to CloudWatch, in this server's name."""
    instance = {"Name": "InstanceId", "Value": os.environ["VIGIL_INSTANCE_ID"]}
    data = [
        {
            "MetricName": name,
            "Dimensions": [instance],
            "Value": value,
            "Unit": UNITS.get(name, "Seconds" if name.endswith("Seconds") else "None"),
        }
        for name, value in metrics.items()
    ]
    client = boto3.client("cloudwatch", region_name=os.environ["VIGIL_REGION"])
    namespace = os.environ["VIGIL_METRIC_NAMESPACE"]
    client.put_metric_data(Namespace=namespace, MetricData=data)


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    match arguments:
        case ["secret", arn]:
            print(secret(arn))
        case ["metrics", folder, stanza]:
            volume = {"DataVolumeUsedPercent": used_percent(folder)}
            try:
                server = server_metrics()
            except subprocess.CalledProcessError:
                server = {}  # Down; psql has said why.
            publish({**volume, **server, **backup_metrics(stanza)})
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
