"""What terraform and checkov say; each is skipped by name where it is not installed."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pgio.connection import PROJECT_DIR

TERRAFORM = PROJECT_DIR / "terraform"
FILES = sorted(TERRAFORM.rglob("*.tf"))
BINARY = shutil.which("terraform") or shutil.which("tofu")
CHECKOV = os.environ.get("CHECKOV") or shutil.which("checkov")
SCRIPTS = sorted((TERRAFORM / "modules/database/files").iterdir())

needs_binary = pytest.mark.skipif(
    BINARY is None, reason="neither terraform nor tofu is installed"
)


def misformatted(code: str) -> list[int]:
    """Return lines that are not indented by depth, or whose ``=`` are not in a column.

    Lines of settings that follow one another share the column of ``=``, as
    ``terraform fmt`` has it; one that opens a bracket ends such a group.
    """
    wrong, depth, column = [], 0, None
    for number, line in enumerate(code.splitlines(), 1):
        words = re.sub(r'"(?:\\.|[^"\\])*"', '""', line).partition("#")[0]
        closing = len(re.match(r"\s*([\]})]*)", words).group(1))  # type: ignore[union-attr]
        opened, closed = (len(re.findall(p, words)) for p in (r"[\[{(]", r"[\]})]"))
        indent = len(line) - len(line.lstrip())
        expected = 2 * (depth - min(closing, 1))
        if line != line.rstrip() or (line.strip() and indent != expected):
            wrong.append(number)
        setting = re.match(r"(\s*\w+\s+)=\s", line)
        if setting is None or not line.strip():
            column = None
        else:
            if opened > closed:
                column = None
            elif column is not None and len(setting.group(1)) != column:
                wrong.append(number)
            if opened <= closed:
                column = len(setting.group(1))
        # Several brackets that open in one line indent what follows once.
        depth += (opened > closed) - (closed > opened)
    return wrong


@pytest.mark.parametrize(
    "file", FILES, ids=lambda file: str(file.relative_to(TERRAFORM))
)
def test_files_are_formatted(file: Path) -> None:
    assert misformatted(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code",
    ["a {\n   b = 1\n}\n", "a {\n  b = 1\n  long = 2\n}\n", "a = 1 \n", "a {\n  }\n"],
)
def test_bad_formatting_is_seen(code: str) -> None:
    assert misformatted(code)


@needs_binary
def test_terraform_fmt_changes_nothing() -> None:
    done = _terraform(TERRAFORM, "fmt", "-check", "-recursive", "-list=true")
    assert (done.returncode, done.stdout) == (0, "")


# For every variable with a validation, values that it accepts and that it refuses.
VALUES: dict[str, tuple[object, object]] = {
    "access_log_days": (90, 30),
    "ami_id": ("ami-0123456789abcdef0", "ubuntu"),
    "availability_zones": (["a", "b"], ["a", "a"]),
    "backup_age_hours": (26, 24),
    "backup_bucket": ("vigil-backup", "Vigil/backup"),
    "backup_bucket_arn": ("arn:aws:s3:::vigil-backup", "arn:aws:s3:::vigil/*"),
    "backup_prefix": ("pgbackrest/one", "/pgbackrest"),
    "cidr_block": ("10.0.0.0/16", "10.0.0.0/8"),
    "client_cidr_block": ("10.0.0.0/16", "0.0.0.0/0"),
    "data_volume_gib": (100, 10),
    "data_volume_iops": (3000, 100),
    "data_volume_mib_per_second": (125, 2000),
    "database_clients": ({"bi": "sg-0123456789abcdef0"}, {"all": "0.0.0.0/0"}),
    "disk_percent": (80, 100),
    "emails": (["on-call@example.com"], ["nobody"]),
    "flow_log_retention_days": (365, 30),
    "full_backups_kept": (2, 1),
    "instance_id": ("i-0123456789abcdef0", "db"),
    "instance_type": ("r7i.2xlarge", "m7g.large"),
    "kms_key_arn": ("arn:aws:kms:eu-central-1:1:key/1", "alias/vigil"),
    "landing_bucket_arn": ("arn:aws:s3:::vigil-landing", "vigil-landing"),
    "landing_infrequent_after_days": (30, 7),
    "metric_namespace": ("Vigil/Database", "../EC2"),
    "name": ("vigil", "Vigil_1"),
    "noncurrent_days": (30, 1),
    "password_secret_arns": (
        ["arn:aws:secretsmanager:eu-central-1:1:secret:a"],
        ["arn:aws:secretsmanager:eu-central-1:1:secret:*"],
    ),
    "password_version": (2, 1.5),
    "postgresql_version": ("17.11", "17"),
    "private_ip": ("10.40.0.10", "10.40.0"),
    "region": ("us-east-1", "Frankfurt"),
    "replication_age_seconds": (60, 1),
    "security_group_id": ("sg-0123456789abcdef0", "default"),
    "subnet_id": ("subnet-0123456789abcdef0", "private"),
    "timescaledb_version": ("2.29.2", "latest"),
    "wal_files_waiting": (10, 0),
}
UNCHECKED = {"alarm_emails": ["a@b.example"], "availability_zone": "eu-central-1a"}


@needs_binary
@pytest.mark.parametrize(
    "variables",
    sorted(TERRAFORM.rglob("variables.tf")),
    ids=lambda file: file.parent.name,
)
def test_variables_accept_and_refuse(variables: Path, tmp_path: Path) -> None:
    """A plan of the variables alone needs no provider, and runs their validations."""
    code = variables.read_text(encoding="utf-8")
    shutil.copy(variables, tmp_path)
    names = re.findall(r'^variable "(\w+)"', code, re.MULTILINE)
    checked = [name for name in names if name not in UNCHECKED]
    (tmp_path / "terraform.tfvars.json").write_text(
        json.dumps({n: VALUES[n][0] if n in VALUES else UNCHECKED[n] for n in names})
    )
    good = _terraform(tmp_path, "plan", "-input=false", "-no-color")
    assert good.returncode == 0, good.stderr
    (tmp_path / "terraform.tfvars.json").write_text(
        json.dumps({n: VALUES[n][1] if n in VALUES else UNCHECKED[n] for n in names})
    )
    bad = _terraform(tmp_path, "plan", "-input=false", "-no-color")
    assert bad.returncode == 1
    refused = re.findall(r"\bvar\.(\w+) is ", bad.stderr)
    assert set(refused) == set(checked), bad.stderr


@pytest.mark.slow
@pytest.mark.skipif(
    CHECKOV is None, reason="checkov is not installed (CHECKOV may name the program)"
)
def test_checkov_passes() -> None:
    flags = ["--framework", "terraform", "--skip-download", "--output", "json"]
    # It brings a parser of its own, which those of this environment must not hide.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(CHECKOV), "--directory", str(TERRAFORM), *flags],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(done.stdout)
    failed = [
        f"{c['check_id']} {c['resource']}" for c in said["results"]["failed_checks"]
    ]
    assert failed == []
    assert said["summary"]["parsing_errors"] == 0
    assert said["summary"]["passed"] > 150


def test_every_skip_of_checkov_has_its_reason() -> None:
    skips = [
        line.strip()
        for file in FILES
        for line in file.read_text(encoding="utf-8").splitlines()
        if "checkov:skip" in line
    ]
    assert len(skips) == 14
    assert [s for s in skips if not re.search(r"skip=CKV2?_AWS_\d+:.{9,}\.$", s)] == []


def test_user_data_fits() -> None:
    """EC2 takes 16 KB; the scripts are nearly all of it, and go packed."""
    written = [{"path": f.name, "content": f.read_text("utf-8")} for f in SCRIPTS]
    packed = gzip.compress(json.dumps(written).encode())
    assert len(packed) < 16 * 1024 - 2048  # The rest is settings.


def test_user_data_carries_every_script() -> None:
    code = (TERRAFORM / "modules/database/main.tf").read_text(encoding="utf-8")
    [listed] = re.findall(r"scripts = \[(.*)\]", code)
    names = {file.name for file in SCRIPTS if file.is_file()}
    assert set(re.findall(r'"([\w.]+)"', listed)) == names


def _terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    environment.pop("TF_CLI_CONFIG_FILE", None)
    return subprocess.run(
        [str(BINARY), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
