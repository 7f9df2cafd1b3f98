"""Making the server tree: what it is made from, and what stops it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devdb import debian
from devdb.errors import ServerError
from pgio.connection import PROJECT_DIR


@pytest.mark.parametrize(
    ("targets", "mirror"),
    [
        ("http://a.example/debian/ Debian\n", "http://a.example/debian/"),
        # Before the first `apt-get update` apt knows no labels.
        ("https://a.example/x/debian \n", "https://a.example/x/debian"),
        (
            "http://a.example/debian-security/ Debian-Security\n"
            "mirror+file:/etc/apt/mirrors/debian Debian\n"
            "http://b.example/debian/ Debian\n",
            "http://b.example/debian/",
        ),
    ],
)
def test_the_mirror_is_the_machines_own(targets: str, mirror: str) -> None:
    assert debian.debian_mirror(targets) == mirror


@pytest.mark.parametrize("targets", ["", "http://a.example/ubuntu/ Ubuntu\n"])
def test_without_a_mirror_docker_is_the_way(targets: str) -> None:
    with pytest.raises(ServerError, match=r"docker-compose\.yml"):
        debian.debian_mirror(targets)


def timescale(home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command behind `make timescale`, with no network to reach."""
    offline = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    return subprocess.run(
        [sys.executable, "-m", "devdb", "timescale"],
        cwd=PROJECT_DIR,
        env={**os.environ, **offline, "XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_in_its_place_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "vigil/servers/apache/mine"
    mine.mkdir(parents=True)
    done = timescale(tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "remove it" in done.stderr
    assert mine.is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_failure_is_one_line_and_leaves_no_server(tmp_path: Path) -> None:
    done = timescale(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("devdb: "), done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "vigil/servers/apache").exists()


def test_without_root_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ServerError, match="takes root"):
        debian.make_apache_tree()
    assert not list(tmp_path.iterdir())


def test_ci_and_docker_compose_name_one_image() -> None:
    found = set()
    for name in ("docker-compose.yml", ".github/workflows/ci.yml"):
        lines = (PROJECT_DIR / name).read_text(encoding="utf-8").splitlines()
        images = {line.split()[-1] for line in lines if "image: timescale/" in line}
        assert len(images) == 1, name
        found |= images
    assert len(found) == 1
    assert ":pg17" in found.pop()
