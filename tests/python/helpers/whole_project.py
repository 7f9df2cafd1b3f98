"""dbt on the whole project, in this process, without a parse for every database.

A command of its own would import dbt (3 s) and, for a database that dbt has not seen,
parse all models (12 s). Here the project is parsed once for each value of ``--vars``,
for a database that does not exist; where the parse names it, a copy names another one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgpack
import pytest
from dbt.artifacts.resources import FileHash
from dbt.cli.main import cli
from dbt.contracts.graph.manifest import ManifestStateCheck
from dbt.parser.manifest import ManifestLoader
from dbt_in_process import invoke
from parses import KEPT

from pgio.connection import PROJECT_DIR

NOWHERE = "database_of_the_parse"
_WHOLE_CHECK = ManifestLoader.build_manifest_state_check


@dataclass(frozen=True)
class Done:
    """What a command of dbt did.

    Attributes
    ----------
    success
        Whether it would exit with 0.
    said
        What it prints.
    results
        By name of node.
    """

    success: bool
    said: str
    results: dict[str, Any]


def run_dbt(env: Mapping[str, str], *args: str, target: Path) -> Done:
    """Run a command of dbt, with these variables besides those of this process."""
    _write_parse(env, args, target)
    return _invoke(env, args, target)


def start_dbt(
    env: Mapping[str, str], *args: str, target: Path
) -> subprocess.Popen[str]:
    """Start a command of dbt in a process of its own, the first of its group."""
    _write_parse(env, args, target)
    return subprocess.Popen(
        [sys.executable, __file__, *args, *_places(target)],
        cwd=PROJECT_DIR,
        env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )


def _write_parse(env: Mapping[str, str], args: tuple[str, ...], target: Path) -> None:
    target.mkdir(exist_ok=True)
    variables = args[args.index("--vars") + 1] if "--vars" in args else ""
    database = {**os.environ, **env}["PGDATABASE"]
    parse = _with_database(_parse(variables), database)
    (target / KEPT).write_bytes(msgpack.packb(parse))


@cache
def _parse(variables: str) -> Any:
    options = ("--vars", variables) if variables else ()
    with TemporaryDirectory() as folder:
        done = _invoke({"PGDATABASE": NOWHERE}, ("parse", *options), Path(folder))
        assert done.success, done.said
        return msgpack.unpackb((Path(folder) / KEPT).read_bytes())


def _with_database(value: Any, name: str) -> Any:
    """Copy a parse, with another name for the database."""
    if isinstance(value, str):
        return value.replace(NOWHERE, name)
    if isinstance(value, dict):
        return {key: _with_database(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_database(each, name) for each in value]
    return value


def _state_check(loader: ManifestLoader) -> ManifestStateCheck:
    """Return what must be the same for a parse to be used, without the address."""
    found = _WHOLE_CHECK(loader)
    found.profile_hash = FileHash.from_contents("")
    return found


def _invoke(env: Mapping[str, str], args: Iterable[str], target: Path) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr(ManifestLoader, "build_manifest_state_check", _state_check)
        # Nobody reads the artifacts, and the manifest takes longer than all else.
        options = [] if "--write-json" in args else ["--no-write-json"]
        done, said = invoke([*args, *options, *_places(target)])
    if done.exception:
        said += f"\n{done.exception}"
    # A parse has no results, and the hooks of a run have no node.
    found = getattr(done.result, "results", ())
    results = {each.node.name: each for each in found if hasattr(each, "node")}
    return Done(done.success, said, results)


def _places(target: Path) -> list[str]:
    places = {"project-dir": PROJECT_DIR, "profiles-dir": PROJECT_DIR}
    places |= {"target-path": target, "log-path": target}
    return [part for name in places for part in (f"--{name}", str(places[name]))]


if __name__ == "__main__":
    # What `start_dbt` starts.
    ManifestLoader.build_manifest_state_check = _state_check
    cli()
