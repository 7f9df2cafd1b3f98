"""Making the server tree ``apache``: a small Debian with PostgreSQL and TimescaleDB.

Debian packages only the Apache-licensed TimescaleDB, so this is the edition ``apache``.
The tree is made under a temporary name and renamed when it is complete.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from devdb.cluster import silent
from devdb.errors import ServerError
from devdb.trees import found_trees, servers_dir

NAME = "apache"
SUITE = "trixie"
CLUSTERS = "postgresql-common"
PACKAGES = (
    "postgresql-17",
    "postgresql-17-timescaledb",
    "postgresql-17-pgvector",
    # The server of terraform/ has it, and its procedures are tested in the tree.
    "pgbackrest",
    "e2fsprogs",
)

# Installed packages must not start services.
POLICY = "#!/bin/sh\nexit 101\n"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROXIES = ("http_proxy", "https_proxy", "no_proxy")

# In a mount namespace, so that nothing stays mounted after an interruption.
INSIDE = 'tree=$1; shift; mount -t proc proc "$tree/proc"; exec chroot "$tree" "$@"'
NO_MAIN_CLUSTER = "s/^#?\\s*create_main_cluster.*/create_main_cluster = false/"


def make_apache_tree(tell: Callable[[str], None] = silent) -> Path:
    """Make the tree unless it exists; continue an interrupted attempt.

    Parameters
    ----------
    tell
        Called with one line about each step.

    Returns
    -------
    pathlib.Path
        The tree.

    Raises
    ------
    ServerError
        Without root or Debian's packages, or when a step fails.
    """
    servers = servers_dir()
    tree = servers / NAME
    if _is_whole(tree):
        tell(f"The server {NAME} is there: {tree}")
        return tree
    if tree.exists():
        raise ServerError(f"{tree} holds no server: remove it, then `make timescale`")
    if os.geteuid() != 0:
        raise ServerError(
            "making a server tree takes root (debootstrap, chroot): run this as root, "
            "or use the image of docker-compose.yml"
        )
    servers.mkdir(parents=True, exist_ok=True)
    with (servers / f".{NAME}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_whole(tree):  # Another process made it meanwhile.
            return tree
        staging = servers / f".{NAME}.new" / NAME
        _bootstrap(staging, tell)
        tell("Installing PostgreSQL 17, TimescaleDB and pgvector in it")
        _install(staging)
        if not _is_whole(staging):
            raise ServerError(f"{staging} is not whole: remove it and try again")
        staging.rename(tree)
        shutil.rmtree(staging.parent)
    tell(f"The server {NAME} is made: {tree}")
    return tree


def debian_mirror(targets: str) -> str:
    """Choose a mirror of Debian from what apt is set up with.

    Parameters
    ----------
    targets
        Lines of address and label, as `apt-get indextargets` prints them.

    Raises
    ------
    ServerError
        When there is none that debootstrap can read.
    """
    for line in targets.splitlines():
        address, _, label = line.partition(" ")
        url = urlsplit(address)
        is_debian = label.strip() in ("Debian", "") and (
            url.path.rstrip("/").endswith("/debian")
        )
        if is_debian and url.scheme in ("http", "https", "file"):
            return address
    raise ServerError(
        "apt on this machine knows no mirror of Debian to take the server from: "
        "use the image of docker-compose.yml"
    )


def apt_mirror() -> str:
    """Return the mirror of Debian that apt on this machine uses.

    Raises
    ------
    ServerError
        When it uses none, or there is no apt.
    """
    targets = ["--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages"]
    return debian_mirror(run_step(["apt-get", "indextargets", *targets]))


def _bootstrap(staging: Path, tell: Callable[[str], None]) -> None:
    """Make the bare Debian, all or nothing; keep packages that were downloaded."""
    done = staging.parent / "bootstrapped"
    if done.exists():
        tell("Taking up the attempt that was interrupted")
        return
    mirror = apt_mirror()
    if shutil.which("debootstrap", path=PATH) is None:
        tell("Installing debootstrap")
        run_step(["apt-get", "install", "-qq", "-y", "debootstrap"])
    tell(f"Making a Debian {SUITE} (about 150 MB to fetch, a minute or two)")
    shutil.rmtree(staging, ignore_errors=True)
    packages = staging.parent / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    options = ["--variant=minbase", f"--cache-dir={packages}"]
    program = ["unshare", "--mount", "debootstrap", *options]
    run_step([*program, SUITE, staging, mirror])
    done.touch()


def _install(staging: Path) -> None:
    policy = staging / "usr/sbin/policy-rc.d"
    policy.write_text(POLICY, encoding="utf-8")
    policy.chmod(0o755)
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends"]
    settings = "/etc/postgresql-common/createcluster.conf"
    steps: Iterable[Sequence[str]] = (
        ["dpkg", "--configure", "-a"],
        ["apt-get", "update", "-qq"],
        [*install, CLUSTERS],
        ["sed", "-ri", NO_MAIN_CLUSTER, settings],
        [*install, *PACKAGES],
        ["apt-get", "clean"],
        # The mirror's address belongs to this machine, not into the tree.
        ["sh", "-c", "rm -rf /etc/apt/sources.list /var/lib/apt/lists /var/log/*"],
    )
    for step in steps:
        run_step(["unshare", "--mount", "sh", "-ec", INSIDE, "sh", staging, *step])


def _is_whole(root: Path) -> bool:
    return any(
        tree.root == root and tree.edition == "apache"
        for tree in found_trees(root.parent)
    )


def run_step(argv: Sequence[str | Path]) -> str:
    """Run a step as root; return what it prints.

    Raises
    ------
    ServerError
        When it fails, with the line that says why.
    """
    kept = {name: os.environ[name] for name in PROXIES if name in os.environ}
    env = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **kept}
    try:
        done = subprocess.run(
            [str(arg) for arg in argv],
            env={**env, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise ServerError(f"this machine lacks {argv[0]}") from None
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip().splitlines() or ["no message"]
        errors = [line for line in said if line.startswith("E: ")]
        raise ServerError(f"`{_shown(argv)}` failed: {(errors or said)[-1]}")
    return done.stdout


def _shown(argv: Sequence[str | Path]) -> str:
    """Return the words that say what a step does."""
    words = [str(arg) for arg in argv]
    if INSIDE in words:
        words = words[words.index(INSIDE) + 3 :]
    return " ".join(word for word in words[:3])
