"""Servers in folders of their own: a Debian with PostgreSQL under ``~/.cache/vigil``.

A tree is run by ``chroot`` and is read-only. Every program gets a private mount
namespace, in which the cluster's folder has the same path as outside.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devdb.account import Account, Command
from devdb.errors import ServerError
from devdb.programs import Programs

SERVER_USER = "postgres"
EXTENSION = "timescaledb"

# Folders inside a tree that a namespace replaces by its own.
CLUSTER_PARENTS = (Path("/tmp"), Path("/var/tmp"))

# Mounts end with the last process of the namespace, and are invisible outside.
ENTER = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
tree=$1 folder=$2 user=$3
shift 3
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$tree/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$tree${folder%/*}"
mkdir "$tree$folder"
mount --bind "$folder" "$tree$folder"
exec chroot --userspec="$user" --groups= "$tree" "$@"
"""

# A private copy of the tree in /mnt/root, which ends with the namespace: the tree's
# files are the lower layer of an overlay, and do not change.
OVERLAY = r"""
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay \
    -o lowerdir="$tree",upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
"""


def servers_dir() -> Path:
    """Return the folder that holds the trees."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vigil" / "servers"


@dataclass(frozen=True)
class Tree:
    """A folder with a PostgreSQL as a distribution installs it.

    Attributes
    ----------
    root
        The folder; its name is the server's.
    bin_dir
        Of the server's programs, as seen from inside.
    account
        The tree's own ``postgres``, by number.
    edition
        ``postgres``, ``apache`` or ``community``, by the libraries beside the server.
    """

    root: Path
    bin_dir: Path
    account: Account
    edition: str

    @property
    def name(self) -> str:
        """Its name, that of the folder."""
        return self.root.name


def found_trees(folder: Path | None = None) -> list[Tree]:
    """Return the trees in `folder`, by default `servers_dir()`, ordered by name.

    Hidden folders are incomplete trees.
    """
    folder = servers_dir() if folder is None else folder
    if not folder.is_dir():
        return []
    roots = sorted(root for root in folder.iterdir() if not root.name.startswith("."))
    return [tree for root in roots if (tree := _tree(root)) is not None]


def find_tree(name: str) -> Tree:
    """Return the tree of that name.

    Raises
    ------
    ServerError
        When there is none.
    """
    trees = {tree.name: tree for tree in found_trees()}
    if name not in trees:
        there = ", ".join(trees) or "none"
        raise ServerError(f"there is no server {name} in {servers_dir()}: {there}")
    return trees[name]


def why_not_runnable() -> str | None:
    """Say why this process cannot run a tree, None when it can."""
    if os.geteuid() != 0:
        return "running a server tree takes root (chroot, mount)"
    missing = [name for name in ("unshare", "mount", "chroot") if not _has(name)]
    return f"this machine lacks {', '.join(missing)}" if missing else None


@dataclass(frozen=True)
class TreePrograms(Programs):
    """The programs of a tree, for one cluster.

    Attributes
    ----------
    root
        The tree.
    folder
        Holds the cluster; lies in one of `CLUSTER_PARENTS`.
    """

    root: Path
    folder: Path

    def command(self, program: str, *args: str | Path) -> Command:
        """Return what runs one of the programs inside the tree."""
        user = f"{self.account.uid}:{self.account.gid}"
        inside = [self.bin_dir / program, *args]
        argv = ["/bin/sh", "-ec", ENTER, "sh", self.root, self.folder, user, *inside]
        return Command(["unshare", "--mount", *argv], _ROOT)


_ROOT = Account("root", 0, 0)


def tree_programs(tree: Tree, folder: Path) -> TreePrograms:
    """Return the programs of `tree` for a cluster in `folder`.

    Raises
    ------
    ServerError
        When this process cannot run them.
    """
    reason = why_not_runnable()
    if reason is not None:
        raise ServerError(f"the server {tree.name} cannot run here: {reason}")
    if folder.parent not in CLUSTER_PARENTS:
        raise ServerError(f"a cluster of {tree.name} lies in /tmp, not in {folder}")
    return TreePrograms(tree.bin_dir, tree.account, tree.root, folder)


def _tree(root: Path) -> Tree | None:
    versions = sorted(
        (path.parent for path in root.glob("usr/lib/postgresql/*/bin/postgres")),
        key=lambda path: int(path.parent.name) if path.parent.name.isdecimal() else 0,
    )
    account = _account(root)
    if not versions or account is None:
        return None
    bin_dir = versions[-1]
    return Tree(
        root,
        Path("/") / bin_dir.relative_to(root),
        account,
        _edition(bin_dir.parent / "lib"),
    )


def _edition(libraries: Path) -> str:
    # Community's features are in a library of their own.
    if any(libraries.glob(f"{EXTENSION}-tsl-*.so")):
        return "community"
    return "apache" if (libraries / f"{EXTENSION}.so").exists() else "postgres"


def _account(root: Path) -> Account | None:
    """Look `postgres` up in the tree's own password file."""
    try:
        lines = (root / "etc" / "passwd").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        fields: Sequence[str] = line.split(":")
        if fields[0] == SERVER_USER and len(fields) > 3:
            return Account(SERVER_USER, int(fields[2]), int(fields[3]))
    return None


def _has(program: str) -> bool:
    return shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None
