"""A Debian and a block device for the server's set-up, removed after each test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devdb.trees import OVERLAY, Tree, found_trees, why_not_runnable
from pgio.connection import PROJECT_DIR

FILES = PROJECT_DIR / "terraform/modules/database/files"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
VOLUME_PROGRAMS = ("losetup", "mkfs.ext4", "blkid", "unshare", "mount", "runuser")
POSTGRESQL_17 = "usr/lib/postgresql/17/bin/postgres"

# What Terraform writes to /etc/vigil/instance.env, where there is no AWS.
SETTINGS = """
VIGIL_REGION='eu-central-1'
VIGIL_DATA_VOLUME='vol-0123456789abcdef0'
VIGIL_DATA_DEVICE='{device}'
VIGIL_VOLUME_SECONDS='0'
VIGIL_CLIENT_CIDR='127.0.0.0/8'
VIGIL_BACKUP_BUCKET='vigil-backup'
VIGIL_BACKUP_PREFIX='pgbackrest'
VIGIL_BACKUP_KMS_KEY='arn:aws:kms:eu-central-1:1:key/1'
VIGIL_FULL_BACKUPS_KEPT='4'
VIGIL_METRIC_NAMESPACE='Vigil/Database'
VIGIL_POSTGRESQL_VERSION='17.11'
VIGIL_TIMESCALE_VERSION='2.29.2'
"""

# A mount namespace: writes and mounts end with the process.
DEBIAN = f"""
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
tree=$1 files=$2 settings=$3 volume=$4
shift 4
{OVERLAY}
mount --rbind /dev /mnt/root/dev
mount -t tmpfs -o mode=1777 tmpfs /mnt/root/tmp
mkdir -p /mnt/root/opt/vigil /mnt/root/etc/vigil /mnt/root/srv/postgresql
cp "$files"/* /mnt/root/opt/vigil
cp "$settings" /mnt/root/etc/vigil/instance.env
mount "$volume" /mnt/root/srv/postgresql
"""
INSIDE = (
    DEBIAN
    + """
chroot /mnt/root bash -euo pipefail -c "$1" || status=$?
chroot /mnt/root pg_ctlcluster 17 vigil stop -m immediate > /dev/null 2>&1 || true
# The last of the server's processes may still be at it.
for attempt in $(seq 50); do
    umount /mnt/root/srv/postgresql 2> /dev/null && break || sleep 0.2
done
exit "${status:-0}"
"""
)


def why_no_volume() -> str | None:
    """Say why no block device can be had here, None when one can."""
    if os.geteuid() != 0:
        return "making a block device takes root"
    missing = [p for p in VOLUME_PROGRAMS if not shutil.which(p, path=SYSTEM_PATH)]
    if missing:
        return f"this machine lacks {', '.join(missing)}"
    found = subprocess.run(
        ["losetup", "--find"], capture_output=True, text=True, check=False
    )
    return None if found.returncode == 0 else "there are no loop devices here"


def debian_tree() -> Tree | None:
    """Return a Debian with PostgreSQL 17 and TimescaleDB, if there is one."""
    if why_not_runnable() is not None:
        return None
    trees = [tree for tree in found_trees() if (tree.root / POSTGRESQL_17).exists()]
    return next((tree for tree in trees if tree.edition != "postgres"), None)


@contextmanager
def block_device(folder: Path, mib: int) -> Iterator[Path]:
    """Make a block device of zeros, kept in a file."""
    image = folder / "volume.img"
    with image.open("wb") as file:
        file.truncate(mib * 1024 * 1024)
    losetup = ["losetup", "--find", "--show", str(image)]
    device = subprocess.check_output(losetup, text=True).strip()
    try:
        yield Path(device)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
        image.unlink()


@dataclass(frozen=True)
class Machine:
    """Where the scripts run: this machine, or a new copy of a Debian tree.

    Attributes
    ----------
    folder
        Scratch.
    device
        The data volume.
    """

    folder: Path
    device: Path

    def volume_step(self) -> subprocess.CompletedProcess[str]:
        """Run the step `volume` here, with /etc/fstab and the mount its own."""
        mount, fstab = self.folder / "mount", self.folder / "fstab"
        fstab.touch()
        settings = self._settings()
        script = (
            f'mount --bind "{fstab}" /etc/fstab; VIGIL_SETTINGS="{settings}" '
            f'VIGIL_MOUNT="{mount}" "{FILES}/bootstrap.sh" volume; '
            f'findmnt -n -o SOURCE "{mount}"; touch "{mount}/was-here"; ls "{mount}"'
        )
        return _run(["unshare", "--mount", "bash", "-euc", script])

    def in_debian(self, tree: Tree, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script inside a copy of the tree, with the volume mounted."""
        arguments = [tree.root, FILES, self._settings(), self.device, script]
        enter = ["unshare", "--mount", "sh", "-euc", INSIDE, "sh"]
        command = [*enter, *arguments]
        return _run([str(argument) for argument in command])

    def _settings(self) -> Path:
        path = self.folder / "instance.env"
        path.write_text(SETTINGS.format(device=self.device), encoding="utf-8")
        return path


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": SYSTEM_PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
