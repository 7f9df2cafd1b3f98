"""Backups by pgBackRest and what is restored of them, by the commands of the runbook.

The server is Terraform's, on a copy of a Debian; its backups go to an S3 over TLS, with
the credentials of an instance.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import recovery_server
import servers
import terraform_server
from recovery_server import DatabaseServer
from runbook import commands
from simulated import simulate

from devdb.errors import ServerError
from devdb.trees import Tree

NO_SERVER = recovery_server.why_not()
PARTS = ("first", "second", "third")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NO_SERVER is not None, reason=str(NO_SERVER)),
]


def trees() -> list[object]:
    """Return the Debians to run on: those chosen, otherwise the first there is."""
    chosen = [server.tree for server in servers.test_servers() if server.tree]
    found = chosen or [terraform_server.debian_tree()]
    missing = "there is no Debian with PostgreSQL 17: `make timescale`, as root"
    return [
        pytest.param(tree, id=tree.name)
        if tree is not None
        else pytest.param(None, id="none", marks=pytest.mark.skip(reason=missing))
        for tree in found
    ]


# Fills by load, whatever its number: how many, and all of each.
CONTENT = """
    select concat_ws(' ', regexp_replace(l.object, '.*/', ''), count(*), md5(string_agg(
        (f.time, f.user_address, f.coin, f.side, f.tid, f.oid, f.px, f.sz, f.fee)::text,
        ',' order by f.time, f.user_address, f.coin, f.side, f.tid, f.oid
    )))
    from hyperliquid.fills as f inner join ingestion.load_log as l using (load_id)
    group by l.object order by 1
"""


@dataclass
class History:
    """Three loads, moments between them, and backups.

    Attributes
    ----------
    server
        What they were loaded on.
    tape
        Folder of folders, one for each load.
    content
        Of each load: a line for each object.
    moments
        After the load of that name.
    """

    server: DatabaseServer
    tape: Path
    content: dict[str, list[str]] = field(default_factory=dict)
    moments: dict[str, str] = field(default_factory=dict)

    def of(self, *parts: str) -> list[str]:
        """Return what there is when these loads are there, and no other."""
        return sorted(line for part in parts for line in self.content[part])

    @property
    def everything(self) -> list[str]:
        """Return what there is when all was loaded."""
        return self.of(*PARTS)


def rows(content: list[str]) -> int:
    """Return how many rows a content is."""
    return sum(int(line.split()[1]) for line in content)


@pytest.fixture(scope="module", params=trees())
def instance(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabaseServer]:
    """A server with the tables and an archive."""
    tree: Tree = request.param
    folder = tmp_path_factory.mktemp(tree.name)
    with recovery_server.running_aws(folder) as aws:
        try:
            server = DatabaseServer(tree, aws, folder)
        except ServerError as error:
            pytest.skip(f"no pgBackRest for {tree.name}: {error}")
        try:
            server.begin()
            server.set_up()
            server.client("vigil_transformer", "dbt run-operation create_sources")
            server.make_roles()
            server.done(commands("set-up-archive"))
            yield server
        finally:
            server.lose_volume()


@pytest.fixture(scope="module")
def history(
    instance: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> History:
    """Load three times, with a full backup before and an incremental one between."""
    folder = tmp_path_factory.mktemp("tape")
    files = sorted(
        simulate(folder, "--fills", "9000", "--days", "6").glob("parquet/*.parquet")
    )
    server, history = instance, History(instance, folder / "loads")
    server.done(commands("back-up-full"))
    for number, part in enumerate(PARTS):
        (history.tape / part).mkdir(parents=True)
        for file in files[number::3]:
            shutil.move(file, history.tape / part)
        before = server.ask(CONTENT)
        load = f"python -m loaders.load_to_db fills '{history.tape / part}'"
        server.client("vigil_loader", load)
        loaded = set(server.ask(CONTENT)) - set(before)
        history.content[part] = sorted(loaded)
        [history.moments[part]] = server.ask("select clock_timestamp()")
        if part == "second":
            server.done(commands("back-up-incremental"))
    return history


def load_all(history: History) -> None:
    """Run the load again, as the runbook has it."""
    history.server.client(
        "vigil_loader", commands("resume-the-load"), FILLS=str(history.tape)
    )


def test_restore_to_a_moment(
    history: History, record_property: pytest.RecordProperty
) -> None:
    server = history.server
    before = server.ask(CONTENT)
    server.done(commands("restore-to-a-moment"), MOMENT=history.moments["first"])
    at = server.ask(CONTENT)
    assert at == history.of("first")
    said = server.done(commands("look-around"))
    assert f"{len(at)} | {rows(at):>11}" in said, said
    refused = server.run("runuser -u postgres -- psql -d vigil -c 'create table t ()'")
    assert "read-only transaction" in refused.stderr
    server.done(commands("open-for-writing"))
    load_all(history)
    after = server.ask(CONTENT)
    assert after == history.everything
    figures = f"{rows(before)} before, {rows(at)} at, {rows(after)} after"
    record_property("rows", figures)
    print(figures)


def test_restore_to_a_later_moment_of_the_first_history(history: History) -> None:
    server = history.server
    server.done(
        commands("restore-to-another-moment"),
        MOMENT=history.moments["second"],
        TIMELINE="1",
    )
    assert server.ask(CONTENT) == history.of("first", "second")
    server.done(commands("open-for-writing"))
    load_all(history)
    assert server.ask(CONTENT) == history.everything


def test_backups_are_listed_and_their_archive_works(history: History) -> None:
    server = history.server
    server.done(commands("back-up-differential"))
    said = server.done(commands("check-archive"))
    assert "status: ok" in said
    for kind in ("full backup", "incr backup", "diff backup"):
        assert kind in said
