"""The quickstart, command by command, on a bucket as it describes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from servers import environment
from simulated import simulate

from pgio.connection import PROJECT_DIR

pytestmark = pytest.mark.any_server


QUICKSTART = PROJECT_DIR / "docs" / "quickstart.md"
METRICS = PROJECT_DIR / "docs" / "metrics.md"
BLOCK = re.compile(r"^```(\w+)(?: ([\w.-]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)

#: Commands that are not run, and why.
NOT_RUN = {
    "docker": "needs Docker",
    "administrator": "makes a database on a server of one's own",
}
#: Queries that find nothing in a bucket without a flaw.
NO_ROWS = {"refused"}


def blocks(language: str, path: Path = QUICKSTART) -> list[tuple[str, str]]:
    """Name and text of the blocks of a language, in order."""
    found = BLOCK.findall(path.read_text("utf-8"))
    return [(name, text) for kind, name, text in found if kind == language]


@dataclass(frozen=True)
class Walk:
    """A shell that goes through the page; variables it exports stay."""

    env: dict[str, str]
    conninfo: dict[str, Any]
    folder: Path

    def run(self, text: str, left_out: str = "unit_test") -> str:
        """Run a block in the project, after the exports of those before it.

        Builds leave out dbt's resources of some types: all run in `test_editions`.
        """
        kept = self.folder / "exports"
        script = f". {kept}\nset -e\n{text}\nexport -p > {kept}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=PROJECT_DIR,
            env=self.env | {"DBT_EXCLUDE_RESOURCE_TYPES": left_out},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.conninfo) as conn:
            return conn.execute(query).fetchall()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Fill ``my-bucket``; the value is the endpoint of its server."""
    folder = tmp_path_factory.mktemp("bucket")
    simulate(
        folder / "fills",
        *("--fills", "40000", "--days", "20", "--seed", "11", "--format", "parquet"),
    )
    subprocess.run(
        [
            *(sys.executable, "-m", "simulation", "ticks", folder / "ticks"),
            *("--ticks", "30000", "--days", "9", "--venues", "binance_spot"),
            *("--repeats", "5", "--seed", "7"),
        ],
        cwd=PROJECT_DIR,
        check=True,
        capture_output=True,
    )
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    s3 = boto3.resource(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    made = s3.create_bucket(Bucket="my-bucket")
    for kind, root in (
        ("fills", folder / "fills/parquet"),
        ("asset_ctxs", folder / "fills/asset_ctxs"),
        ("funding", folder / "fills/funding"),
        ("ticks", folder / "ticks/ticks"),
    ):
        for path in root.rglob("*"):
            if path.is_file():
                made.upload_file(str(path), f"{kind}/{path.relative_to(root)}")
    yield endpoint
    server.stop()


@pytest.fixture(scope="module")
def walk(
    bucket: str,
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Walk:
    folder = tmp_path_factory.mktemp("walk")
    (folder / "exports").touch()
    config = folder / "aws"
    config.write_text(
        "[profile vigil]\n"
        f"endpoint_url = {bucket}\nregion = us-east-1\n"
        "aws_access_key_id = test\naws_secret_access_key = test\n"
    )
    conninfo = make_database()
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= environment(conninfo)
    env |= {
        "AWS_CONFIG_FILE": str(config),
        "AWS_EC2_METADATA_DISABLED": "true",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return Walk(env, conninfo, folder)


def test_every_block_of_commands_has_a_name() -> None:
    named = [name for kind in ("sh", "sql") for name, _ in blocks(kind)]
    assert all(named)
    assert set(NOT_RUN) <= set(named)


@pytest.mark.slow
def test_the_walk(walk: Walk) -> None:
    """From the first block to the last, queries where they stand on the page."""
    ran = []
    for kind, name, text in BLOCK.findall(QUICKSTART.read_text("utf-8")):
        if kind == "sh" and name not in NOT_RUN:
            left_out = "test unit_test" if name == "moving" else "unit_test"
            output = walk.run(_in_this_clone(text), left_out)
            ran.append(name)
            if name == "credentials":
                assert "s3://my-bucket/fills/20250701.parquet" in output
            if name == "moving":
                assert output.count(" 0 loaded") >= 4, output
        elif kind == "sql":
            assert bool(walk.rows(text)) == (name not in NO_ROWS), name
            ran.append(name)
    assert len(ran) >= 15

    for _, text in blocks("sql", METRICS):
        assert walk.rows(text) == [], text

    [(_, cron)] = blocks("cron")
    walk.run(_as_installed(cron.split(maxsplit=5)[5]))
    lines = dict(blocks("ini"))["vigil.service"].splitlines()
    starts = [line.partition("=")[2] for line in lines if line.startswith("ExecStart=")]
    assert len(starts) == 5
    for command in starts:
        walk.run(_as_installed(command))


def _in_this_clone(text: str) -> str:
    """Leave out what makes the environment: the tests' own is not to be changed."""
    text = text.replace("make up\n", f"{sys.executable} -m devdb up\n")
    text = text.replace("make docs\n", _MAKE_DOCS)
    return text.replace(". .venv/bin/activate\n", "")


_MAKE_DOCS = """
dbt --quiet run-operation create_sources
dbt docs generate --static
python -m report.docs_page "$DBT_TARGET_PATH/static_index.html"
"""


def _as_installed(text: str) -> str:
    """Name the programs of this clone; leave out data tests, which ran on the page."""
    text = text.replace("unit_test", "unit_test test")
    text = text.replace("/srv/vigil/.venv/bin/", f"{Path(sys.executable).parent}/")
    text = text.replace("cd /srv/vigil && . .venv/bin/activate", "true")
    return text.replace("target/hourly.lock", "$DBT_TARGET_PATH/hourly.lock")


def test_make_docs_is_what_the_walk_runs_for_it() -> None:
    makefile = (PROJECT_DIR / "Makefile").read_text("utf-8")
    recipe = makefile.partition("\ndocs: ")[2].partition("\n\n")[0]
    for command in _MAKE_DOCS.strip().replace('"', "").splitlines():
        command = command.replace("$DBT_TARGET_PATH", "target")
        assert command.removeprefix("python ") in recipe


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # It looks whether programs are there and may be run.
    for name, text in blocks("ini"):
        here = re.sub(r"/srv/vigil/\.venv/bin/\w+", "/bin/true", text)
        (tmp_path / name).write_text(here.replace("User=vigil\n", ""))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert said == []


def test_links_lead_somewhere() -> None:
    for page in (QUICKSTART, METRICS):
        for link in re.findall(
            r"\]\((?!https:)([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")
        ):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
