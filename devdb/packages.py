"""Debian packages that a server tree was made without, for tests to install in a copy.

Trees are read-only. Missing packages and their dependencies are downloaded once, by the
tree's own apt in a private copy, and kept beside the trees.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from devdb.debian import apt_mirror, run_step
from devdb.errors import ServerError
from devdb.trees import OVERLAY, Tree, servers_dir

FETCH = f"""
tree=$1 target=$2 line=$3
shift 3
{OVERLAY}
if [ -e /etc/resolv.conf ]; then cat /etc/resolv.conf > /mnt/root/etc/resolv.conf; fi
echo "$line" > /mnt/root/etc/apt/sources.list
get="chroot /mnt/root apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30"
$get update
$get install -y --no-install-recommends --download-only "$@"
cp /mnt/root/var/cache/apt/archives/*.deb "$target"
"""


def fetched_packages(tree: Tree, *names: str) -> Path:
    """Return a folder with packages and what `tree` lacks of their dependencies.

    Parameters
    ----------
    tree
        Of Debian; whose apt decides what is missing.
    *names
        Of the packages.

    Returns
    -------
    pathlib.Path
        Holds ``*.deb`` files for ``apt-get install``; kept for the next call.

    Raises
    ------
    ServerError
        Without root, or when apt here or in the tree cannot fetch it.
    """
    folder = servers_dir().parent / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "-".join((tree.name, *names))
    with (folder / f".{target.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.is_dir():
            return target
        if os.geteuid() != 0:
            raise ServerError(f"fetching {', '.join(names)} for {tree.name} takes root")
        line = f"deb {apt_mirror()} {suite(tree)} main"
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=folder))
        try:
            fetch = ["unshare", "--mount", "sh", "-ec", FETCH, "sh"]
            run_step([*fetch, tree.root, staging, line, *names])
            staging.chmod(0o755)  # apt reads them as a user of its own.
            staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return target


def suite(tree: Tree) -> str:
    """Return the name of the Debian that a tree is, ``trixie`` say.

    Raises
    ------
    ServerError
        When the tree does not say.
    """
    path = tree.root / "etc" / "os-release"
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise ServerError(f"{path} names no Debian")
