"""The account that a server runs as, and what it may reach.

PostgreSQL refuses to run as root. If root starts it, its programs run in child
processes under another user. Only such a child writes to the cluster's folder, so root
never writes through a symbolic link of that user.
"""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devdb.errors import ServerError

UNPRIVILEGED_USER = "nobody"

# Nothing of the caller's PG* variables may reach the server's programs.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """A user of this machine.

    Attributes
    ----------
    name, uid, gid
        As in the password file; the name of a user without an entry is the number.
    """

    name: str
    uid: int
    gid: int

    @property
    def is_current(self) -> bool:
        """Say whether this process already is that user."""
        return self.uid == os.geteuid()

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user and wait for it.

        Parameters
        ----------
        argv
            The program and its arguments.
        stdin
            Its standard input; empty when None.
        timeout
            Seconds after which it is killed.

        Returns
        -------
        subprocess.CompletedProcess
            With the exit code, which is not checked, and both outputs as text.

        Raises
        ------
        ServerError
            When the system refuses to become that user.
        OSError
            When the program cannot be executed by that user.
        """
        try:
            return subprocess.run(
                [str(arg) for arg in argv],
                input=stdin or "",
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                **self.popen_arguments(),
            )
        except PermissionError as error:
            # EACCES is about the program, EPERM about becoming that user.
            if error.errno != errno.EPERM or self.is_current:
                raise
            raise ServerError(
                f"root is not allowed to become {self.name} here: "
                "run this as an ordinary user"
            ) from None

    def popen_arguments(self) -> Mapping[str, Any]:
        """Return what makes `subprocess.Popen` start a child as this user."""
        arguments: dict[str, Any] = {"cwd": "/", "env": ENVIRONMENT, "umask": 0o077}
        if not self.is_current:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def can_enter(self, folder: Path) -> bool:
        """Try to enter `folder`: its mode does not show access lists and mounts."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).returncode == 0

    def can_run(self, program: Path) -> bool:
        """Try ``program --version``."""
        try:
            return self.run([program, "--version"], timeout=60).returncode == 0
        except OSError:
            return False

    def make_folder(self, folder: Path) -> None:
        """Make `folder` for this user only, inside a folder of the caller."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if not self.is_current:
            os.chown(folder, self.uid, self.gid)


@dataclass(frozen=True)
class Command:
    """A program with its arguments, and who runs it.

    Attributes
    ----------
    argv
        The program and its arguments.
    account
        The user of this machine that starts it.
    """

    argv: Sequence[str | Path]
    account: Account

    def run(self, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run it and wait; see `Account.run`."""
        return self.account.run(self.argv, timeout=timeout)


def server_account(existing: Path | None = None) -> Account:
    """Choose the account for a server.

    Parameters
    ----------
    existing
        A cluster's folder; when there is one, its owner stays in charge of it.

    Returns
    -------
    Account
        The current user; for root, the owner of `existing` or ``nobody``.

    Raises
    ------
    ServerError
        When another user owns `existing`, or root finds no user to run as.
    """
    uid = os.geteuid()
    owner = (
        existing.stat().st_uid if existing is not None and existing.exists() else None
    )
    if uid != 0:
        if owner is not None and owner != uid:
            raise ServerError(
                f"{existing} belongs to {_name(owner)}: start the server as that user "
                "or as root, or remove the folder"
            )
        return Account(_name(uid), uid, os.getegid())
    if owner:
        try:
            return Account(_name(owner), owner, pwd.getpwuid(owner).pw_gid)
        except KeyError:
            return Account(_name(owner), owner, owner)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise ServerError(
            "PostgreSQL does not run as root, and there is no user "
            f"{UNPRIVILEGED_USER}: run this as an ordinary user"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
