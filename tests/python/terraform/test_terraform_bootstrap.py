"""The script that cloud-init runs on the server, as far as it goes without AWS.

The data volume is a real block device. Everything between the packages and AWS's own
services runs in a copy of a Debian with PostgreSQL 17, which is thrown away.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import terraform_server
from conftest import Database
from terraform_server import FILES, Machine

from devdb.programs import wheel_bin_dir

TREE = terraform_server.debian_tree()
NO_VOLUME = terraform_server.why_no_volume()

pytestmark = pytest.mark.skipif(NO_VOLUME is not None, reason=str(NO_VOLUME))
needs_tree = pytest.mark.skipif(
    TREE is None,
    reason="there is no Debian with PostgreSQL 17 to run in: `make timescale`, as root",
)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with terraform_server.block_device(tmp_path, mib=512) as device:
        yield Machine(tmp_path, device)


def test_an_empty_volume_is_formatted_once_and_kept(machine: Machine) -> None:
    first = machine.volume_step()
    assert first.returncode == 0, first.stderr
    assert "is empty: making a file system" in first.stdout
    assert str(machine.device) in first.stdout
    again = machine.volume_step()
    assert again.returncode == 0, again.stderr
    assert "holds data: left as it is" in again.stdout
    assert "was-here" in again.stdout.splitlines()
    # The mount at each start, entered once.
    [line] = (machine.folder / "fstab").read_text().splitlines()
    assert line.startswith("UUID=")
    assert line.endswith(f"{machine.folder / 'mount'} ext4 noatime,nofail 0 2")


# A partition of type Linux from sector 2048 on, and the mark at the sector's end.
PARTITION = r"printf '\203\0\0\0\0\010\0\0\0\010\0\0' | dd of=DEVICE bs=1 seek=450; "
PARTITION += r"printf '\125\252' | dd of=DEVICE bs=1 seek=510"
FOREIGN = {
    "another file system": "mkfs.ext4 -q DEVICE",
    "a file system by that name": "mkswap -L vigil-data DEVICE",
    "a partition table": PARTITION,
    "bytes without a signature": "dd if=/dev/urandom of=DEVICE bs=4096 seek=7 count=1",
}


@pytest.mark.parametrize("made_by", FOREIGN.values(), ids=FOREIGN)
def test_what_is_not_empty_is_not_touched(machine: Machine, made_by: str) -> None:
    command = made_by.replace("DEVICE", str(machine.device))
    environment = {"PATH": terraform_server.SYSTEM_PATH}
    subprocess.run(
        ["sh", "-ec", command], env=environment, check=True, capture_output=True
    )
    before = machine.device.read_bytes()
    done = machine.volume_step()
    assert done.returncode == 1
    assert "holds something else: not touched" in done.stderr
    assert machine.device.read_bytes() == before


def test_a_damaged_file_system_of_ours_is_not_formatted(machine: Machine) -> None:
    assert machine.volume_step().returncode == 0
    with machine.device.open("r+b") as device:
        device.seek(1024)
        device.write(bytes(1024))  # The superblock.
    done = machine.volume_step()
    assert done.returncode == 1
    assert "not touched" in done.stderr


def test_without_a_volume_it_says_so(tmp_path: Path) -> None:
    done = Machine(tmp_path, Path("/dev/vigil-none")).volume_step()
    assert done.returncode == 1
    assert "no data volume at /dev/vigil-none" in done.stderr


def test_an_unknown_step_stops_before_any_runs() -> None:
    script = FILES / "bootstrap.sh"
    done = subprocess.run(
        [script, "packages", "format"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("vigil: no step format")
    assert done.stdout == ""


STEPS = """
/opt/vigil/bootstrap.sh cluster settings start
. /opt/vigil/bootstrap.sh
export VIGIL_LOADER_PASSWORD=one VIGIL_TRANSFORMER_PASSWORD=two
export VIGIL_READER_PASSWORD="th'ree"
apply_roles
ask() { runuser -u postgres -- psql -XAt -d vigil -c "$1"; }
"""
QUESTIONS = """
ask "select extname from pg_extension where extname in ('timescaledb', 'vector')"
ask "select name || '=' || setting from pg_settings
    where sourcefile like '%/conf.d/vigil.conf' order by name"
ask "show data_checksums"
ask "select format('%s %s %s %s', type, database, user_name, auth_method)
    from pg_hba_file_rules where error is null"
ask "select count(*) from pg_hba_file_rules where error is not null"
PGPASSWORD="th'ree" psql -XAt "host=127.0.0.1 dbname=vigil user=vigil_reader
    sslmode=require" -c "select 'TLS ' || ssl from pg_stat_ssl
    where pid = pg_backend_pid()"
refused() { ! psql -X "host=127.0.0.1 dbname=vigil user=$1 sslmode=$2" -c '' 2>&1; }
PGPASSWORD=wrong refused vigil_reader require | grep -o 'password authentication failed'
PGPASSWORD="th'ree" refused vigil_reader disable | grep -o 'no pg_hba.conf entry'
PGPASSWORD=any refused postgres require | grep -o 'no pg_hba.conf entry'
grep -c "th'ree\\|th''ree" /var/log/postgresql/*.log || true
"""


@pytest.mark.slow
@needs_tree
def test_a_server_is_made_from_the_settings(machine: Machine) -> None:
    assert TREE is not None
    assert machine.volume_step().returncode == 0
    done = machine.in_debian(TREE, STEPS + QUESTIONS)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    for line in (
        "timescaledb",
        "vector",
        "archive_mode=on",
        "archive_command=pgbackrest --stanza=vigil archive-push %p",
        "shared_preload_libraries=timescaledb",
        "ssl=on",
        "on",
        "local {all} {postgres} peer",
        "hostssl {vigil} {vigil_loader,vigil_transformer,vigil_reader} scram-sha-256",
        "TLS true",
        "password authentication failed",
        "no pg_hba.conf entry",
    ):
        assert line in said, (line, said)
    assert said.count("no pg_hba.conf entry") == 2
    # No broken line in pg_hba.conf, and no password in the log.
    assert said.count("0") == 2


@pytest.mark.slow
@needs_tree
def test_a_new_machine_takes_over_the_data(machine: Machine) -> None:
    assert TREE is not None
    assert machine.volume_step().returncode == 0
    keep = STEPS + 'ask "create table kept as select 42 as answer"\n'
    first = machine.in_debian(TREE, keep)
    assert first.returncode == 0, first.stdout + first.stderr
    # The same volume in another copy of the tree, which has never seen it.
    second = machine.in_debian(
        TREE, STEPS + 'ask "select answer from kept; show archive_mode"\n'
    )
    assert second.returncode == 0, second.stdout + second.stderr
    assert "is a cluster: taking it over" in second.stdout
    assert second.stdout.splitlines()[-2:] == ["42", "on"]


@pytest.mark.slow
@needs_tree
@pytest.mark.parametrize(("named", "is_pinned"), [("17.0", False), ("", True)])
def test_apt_keeps_to_the_versions_that_are_named(
    machine: Machine, named: str, is_pinned: bool
) -> None:
    """The pin holds for the version named, here the one that is installed, alone."""
    assert TREE is not None
    assert machine.volume_step().returncode == 0
    done = machine.in_debian(
        TREE,
        "set -a; . /etc/vigil/instance.env; set +a; . /opt/vigil/bootstrap.sh\n"
        "has=$(dpkg-query -f '${Version}' -W postgresql-17)\n"
        f"VIGIL_POSTGRESQL_VERSION={named or '${has%%-*}'}\n"
        "write_apt_preferences; apt-cache policy postgresql-17\n",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    installed = [line for line in done.stdout.splitlines() if "***" in line]
    assert len(installed) == 1
    assert ("1001" in installed[0].split()) == is_pinned, done.stdout


@pytest.mark.editions("community")
@pytest.mark.parametrize("seconds", [60, 1])
def test_a_first_start_checks_that_a_job_runs(database: Database, seconds: int) -> None:
    """One second is too short where no scheduler is there to start it."""
    with psycopg.connect(**database.conninfo, autocommit=True) as conn:
        if seconds == 1:
            conn.execute("select _timescaledb_functions.stop_background_workers()")
        jobs = "select count(*) from timescaledb_information.jobs where job_id >= 1000"
        done = subprocess.run(
            [wheel_bin_dir() / "psql", "-Xq", "-f", FILES / "jobs.sql"],
            env=database.env | {"PGOPTIONS": f"-c vigil.job_seconds={seconds}"},
            capture_output=True,
            text=True,
            check=False,
        )
        if seconds == 60:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode != 0
            assert "does not run the background jobs of TimescaleDB 2." in done.stderr
            assert "postgresql_version" in done.stderr
        # Nothing of the check is left.
        assert conn.execute(jobs).fetchone() == (0,)
        left = "select to_regproc('public.vigil_job_check')"
        assert conn.execute(left).fetchone() == (None,)


@pytest.mark.slow
@needs_tree
def test_the_files_of_the_system_are_as_they_should_be(machine: Machine) -> None:
    assert TREE is not None
    assert machine.volume_step().returncode == 0
    done = machine.in_debian(
        TREE,
        "set -a; . /etc/vigil/instance.env; set +a; . /opt/vigil/bootstrap.sh\n"
        "write_apt_sources /tmp/list; cat /tmp/list\n"
        "write_pgbackrest_conf /etc/pgbackrest/pgbackrest.conf\n"
        "cat /etc/pgbackrest/pgbackrest.conf\n"
        "stat -c '%U %a' /etc/pgbackrest/pgbackrest.conf\n"
        "mkdir /tmp/units; write_units /tmp/units; cat /tmp/units/*\n",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    pgdg, timescale, archive = [line for line in said if line.startswith("deb ")]
    assert "apt-archive.postgresql.org/pub/repos/apt trixie-pgdg-archive" in archive
    assert pgdg.endswith("apt.postgresql.org/pub/repos/apt trixie-pgdg main")
    assert timescale.endswith("timescale/timescaledb/debian/ trixie main")
    for line in (
        "repo1-path=/pgbackrest",
        "repo1-s3-key-type=auto",
        "pg1-path=/srv/postgresql/17/vigil",
        "postgres 640",
        "OnCalendar=Sun *-*-* 01:30",
        "ExecStart=/opt/vigil/vigil_aws.py metrics /srv/postgresql vigil",
    ):
        assert line in said, line
    assert not [line for line in said if "s3-key=" in line or "key-secret" in line]
