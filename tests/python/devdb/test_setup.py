"""The set-up: the Makefile's commands and the lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from pgio.connection import PROJECT_DIR

LOCKS = (PROJECT_DIR / "requirements.lock", PROJECT_DIR / "requirements-spark.lock")

WORK_TARGETS = {"setup", "test", "fuzz", "lint", "docs", "bench", "clean"}
TARGETS = WORK_TARGETS | {
    "run",
    "report",
    "evaluate",
    "up",
    "down",
    "psql",
    "url",
    "timescale",
    "spark",
}
ADDRESSES = (
    "://",
    "--index-url",
    "--extra-index-url",
    "--find-links",
    "--trusted-host",
)


def make(*args: str, cwd: Path = PROJECT_DIR) -> subprocess.CompletedProcess[str]:
    """Run make as a person would, also when make runs these tests."""
    env = {k: v for k, v in os.environ.items() if "MAKE" not in k and k != "MFLAGS"}
    return subprocess.run(
        ["make", *args], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def locked() -> list[Requirement]:
    lines = [line for lock in LOCKS for line in lock.read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_the_lock_file_serves_every_python(
    locked: list[Requirement], python: str
) -> None:
    """Each dependency has exactly one version there, and it is one we ask for."""
    environment = {"python_full_version": python, "python_version": python[:4]}
    with (PROJECT_DIR / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"].values()
    wanted = project["dependencies"] + [text for extra in extras for text in extra]
    versions: dict[str, list[str]] = {}
    for pin in locked:
        if pin.marker is None or pin.marker.evaluate(environment):
            assert str(pin.specifier).startswith("=="), pin
            versions.setdefault(pin.name, []).append(str(pin.specifier)[2:])
    for requirement in map(Requirement, wanted):
        assert len(versions.get(requirement.name, [])) == 1, requirement
        assert versions[requirement.name][0] in requirement.specifier
    assert all(len(pinned) == 1 for pinned in versions.values())


def test_the_lock_file_names_no_address() -> None:
    lines = [line for lock in LOCKS for line in lock.read_text().splitlines()]
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if any(mark in line for mark in ADDRESSES)] == []


def test_make_lists_its_commands() -> None:
    done = make()
    assert done.returncode == 0
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert sorted(listed) == sorted({"help", *TARGETS})


@pytest.mark.parametrize(("profile", "is_fresh"), [("reproducible", 0), ("fuzz", 1)])
def test_property_tests_draw_the_same_examples_unless_they_explore(
    profile: str, is_fresh: bool
) -> None:
    examples = [drawn(profile) for _ in range(2)]
    assert (examples[0] != examples[1]) == is_fresh
    assert settings.get_profile(profile).deadline is None


def drawn(profile: str) -> list[int]:
    """Return the examples that a property test gets under a profile of conftest."""
    found: list[int] = []

    @settings(settings.get_profile(profile), max_examples=20, database=None)
    @given(st.integers(0, 2**60))
    def look(example: int) -> None:
        found.append(example)

    look()
    return found


def test_make_fuzz_explores_and_make_test_does_not() -> None:
    """The option chooses the profile, for the tests that draw examples alone."""
    assert (
        "-m hypothesis --hypothesis-profile fuzz -k ticks"
        in make("-n", "fuzz", "ARGS=-k ticks").stdout
    )
    assert "hypothesis" not in make("-n", "test").stdout


@pytest.mark.parametrize(
    ("chosen", "unknown"),
    [("nonsense", "nonsense"), ("postgres,comunity", "comunity"), ("", "no server")],
)
def test_an_unknown_server_is_said_before_the_lint(chosen: str, unknown: str) -> None:
    lines = make("--dry-run", "test").stdout.splitlines()
    [check] = [line for line in lines if "--collect-only" in line]
    assert lines.index(check) < lines.index("ruff check .")
    env = {k: v for k, v in os.environ.items() if k not in ("PGHOST", "PGSERVICE")}
    done = subprocess.run(
        [sys.executable, *check.split(">")[0].split()[1:]],
        cwd=PROJECT_DIR,
        env={**env, "TEST_SERVERS": chosen},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"names {unknown}" in done.stderr


def test_an_unfit_python_is_refused(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT_DIR / name, tmp_path)
    done = make("setup", "PYTHON=/bin/false", cwd=tmp_path)
    assert done.returncode != 0
    assert "/bin/false is not" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("command", ["url", "down", "psql"])
def test_commands_name_the_set_up_that_is_missing(tmp_path: Path, command: str) -> None:
    shutil.copy(PROJECT_DIR / "Makefile", tmp_path)
    done = make("-s", command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "make setup" in done.stderr
