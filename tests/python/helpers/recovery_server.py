"""A database server as Terraform makes it, with a local AWS, for tests of recovery.

The server is a copy of a Debian tree in namespaces: processes, mounts, and a network
where AWS's names resolve to a local S3 (`aws_near_by`). Scripts, settings and
``pgbackrest.conf`` are Terraform's own files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from recovery_aws import BUCKET, DOMAIN, Aws, started
from terraform_server import DEBIAN, FILES, SETTINGS, SYSTEM_PATH

from devdb.packages import fetched_packages
from devdb.programs import wheel_bin_dir
from devdb.trees import Tree
from pgio.connection import PROJECT_DIR

PROGRAMS = ("unshare", "nsenter", "ip", "mount", "chroot", "mkfs.ext4", "openssl")
# Packages that older trees were made without, and a program of each.
NEEDED = {"pgbackrest": "usr/bin/pgbackrest", "e2fsprogs": "usr/sbin/resize2fs"}
VOLUME_MIB = 1024
CAP_SYS_RESOURCE = 24
PASSWORDS = {"vigil_loader": "one", "vigil_transformer": "two", "vigil_reader": "three"}

# Reads until its standard input closes, however this process ends; the namespace of
# processes goes with it, and with that its mounts.
STAYING = (
    DEBIAN
    + f"""
mount -t tmpfs -o mode=1777 tmpfs /mnt/root/dev/shm
echo "127.0.0.1 localhost {BUCKET}.s3.{DOMAIN}" > /mnt/root/etc/hosts
ln -s /opt/vigil/bootstrap.sh /mnt/root/usr/local/sbin/vigil-bootstrap
install -m 0644 "$1" /mnt/root/etc/ssl/certs/vigil.pem
chroot /mnt/root openssl rehash /etc/ssl/certs
mkdir /mnt/root/tmp/packages
mount --bind "$2" /mnt/root/tmp/packages
if ls "$2"/*.deb > /dev/null 2>&1; then
    # apt knows in which order they go, and finds the files itself.
    chroot /mnt/root sh -euc 'apt-get install -qq -y /tmp/packages/*.deb' > /dev/null
fi
echo ready
cat > /dev/null
"""
)


def password_variables(passwords: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for passwords on a server without Secrets Manager."""
    return {f"{role.upper()}_PASSWORD": word for role, word in passwords.items()}


def why_not() -> str | None:
    """Say why no such server can be had here, None when one can."""
    if os.geteuid() != 0:
        return "a server in namespaces of its own takes root"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=SYSTEM_PATH)]
    return f"this machine lacks {', '.join(missing)}" if missing else None


def may_resize() -> bool:
    """Say whether the kernel lets this process resize a file system in use."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return bool(effective >> CAP_SYS_RESOURCE & 1)


class DatabaseServer:
    """A Debian with PostgreSQL 17, TimescaleDB, pgvector and pgBackRest.

    Parameters
    ----------
    tree
        Whose copy it is.
    aws
        What its backups go to.
    folder
        Scratch; holds the data volume.

    Raises
    ------
    ServerError
        When the tree has no pgBackRest and it cannot be fetched.
    """

    def __init__(self, tree: Tree, aws: Aws, folder: Path) -> None:
        has_them = all((tree.root / path).exists() for path in NEEDED.values())
        packages = folder if has_them else fetched_packages(tree, *NEEDED)
        self.tree, self.aws, self.folder = tree, aws, folder
        self.volume = folder / "volume.img"
        settings, self._log = folder / "instance.env", folder / "server.log"
        settings.write_text(SETTINGS.format(device="/dev/none"), encoding="utf-8")
        arguments = [tree.root, FILES, settings, self.volume, aws.certificate, packages]
        spaces = ["--mount", "--pid", "--fork", "--kill-child"]
        command = [*aws.enter(), "unshare", *spaces, "sh", "-euc", STAYING, "sh"]
        self._command = [*command, *map(str, arguments)]
        self._process: subprocess.Popen[str] | None = None

    def beside(self, folder: Path) -> DatabaseServer:
        """Return another machine with the same settings, not started yet."""
        return DatabaseServer(self.tree, self.aws, folder)

    def begin(self) -> None:
        """Start it from a fresh image, with an empty volume if there is none."""
        if not self.volume.exists():
            with self.volume.open("wb") as file:
                file.truncate(VOLUME_MIB << 20)
            make = ["mkfs.ext4", "-q", "-L", "vigil-data", str(self.volume)]
            subprocess.run(make, check=True)
        with self._log.open("w", encoding="utf-8") as log:
            self._process = started(self._command, log.fileno())

    def grow_volume(self, mib: int) -> None:
        """Make the volume larger while it is in use, as AWS does."""
        with self.volume.open("r+b") as file:
            file.truncate(mib << 20)
        self.done('losetup -c "$(findmnt -n -o SOURCE /srv/postgresql)"')

    def lose(self) -> None:
        """Kill all its processes, and discard everything that is not on the volume."""
        if self._process is not None:
            self._process.communicate()
        self._process = None

    def lose_volume(self) -> None:
        """Lose the server with its volume."""
        self.lose()
        self.volume.unlink(missing_ok=True)

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script as root on the server; it may fail."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        inside = ["nsenter", "--target", children[0]]
        inside += ["--net", "--mount", "--pid", "chroot", "/mnt/root"]
        settings = {"PATH": f"/usr/local/sbin:{SYSTEM_PATH}", "HOME": "/root"}
        environment = {**settings, "LC_ALL": "C.UTF-8", **variables}
        return subprocess.run(
            [*inside, "bash", "-euo", "pipefail", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def done(self, script: str, **variables: str) -> str:
        """Run a script as root on the server, which must succeed; return its output."""
        done = self.run(script, **variables)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def ask(self, query: str) -> list[str]:
        """Return the rows of a query, as a superuser, columns parted by ``|``."""
        psql = "runuser -u postgres -- psql -XAt -d vigil -v ON_ERROR_STOP=1 -c"
        return self.done(f'{psql} "$QUERY"', QUERY=query).splitlines()

    def environment(self, role: str) -> dict[str, str]:
        """Return the variables that lead a client in the server's network to it."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{wheel_bin_dir()}:{SYSTEM_PATH}",
            "PGHOST": "127.0.0.1",
            "PGPORT": "5432",
            "PGDATABASE": "vigil",
            "PGUSER": role,
            "PGPASSWORD": PASSWORDS[role],
            # The server's certificate is its own.
            "PGSSLMODE": "require",
            "DBT_TARGET_PATH": str(self.folder / "dbt"),
            "DBT_LOG_PATH": str(self.folder / "dbt"),
        }

    def start_client(
        self, role: str, script: str, **variables: str
    ) -> subprocess.Popen[str]:
        """Start a script in the clone."""
        return subprocess.Popen(
            [*self.aws.enter(), "bash", "-euo", "pipefail", "-c", script],
            cwd=PROJECT_DIR,
            env={**self.environment(role), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client(self, role: str, script: str, **variables: str) -> str:
        """Run a script in the clone, which must succeed; return its output."""
        process = self.start_client(role, script, **variables)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, f"{script}\n{said}"
        return said

    def set_up(self) -> None:
        """Make the cluster, as cloud-init does, and start it."""
        self.done("vigil-bootstrap cluster settings start")

    def make_database(self) -> None:
        """Make the roles, the database and its raw tables."""
        self.make_roles()
        self.client("vigil_transformer", "dbt run-operation create_sources")

    def make_roles(self) -> None:
        """Make the roles, and the database if there is none."""
        self.done("vigil-bootstrap roles", **password_variables(PASSWORDS))
