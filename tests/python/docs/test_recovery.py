"""Backups by pgBackRest and what is restored of them, by the commands of the runbook.

The server is Terraform's, on a copy of a Debian; its backups go to an S3 over TLS, with
the credentials of an instance.
"""

from __future__ import annotations

import importlib
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from recovery_server import DatabaseServer
from runbook import WITHOUT_TESTS, commands
from simulated import BUILT_FROM_FILLS, simulate
from terraform_server import FILES

pytest_plugins = ["recovery_instance"]
pytestmark = pytest.mark.slow

PARTS = ("first", "second", "third")

# Fills by load, whatever its number: how many, and all of each.
CONTENT = """
    select concat_ws(' ', regexp_replace(l.object, '.*/', ''), count(*), md5(string_agg(
        (f.time, f.user_address, f.coin, f.side, f.tid, f.oid, f.px, f.sz, f.fee)::text,
        ',' order by f.time, f.user_address, f.coin, f.side, f.tid, f.oid
    )))
    from hyperliquid.fills as f inner join ingestion.load_log as l using (load_id)
    where l.object like '%/loads/%'
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


@pytest.fixture(scope="module")
def history(
    instance: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> History:
    """Load three times, after a full backup, with an incremental one in between."""
    folder = tmp_path_factory.mktemp("tape")
    files = sorted(
        simulate(folder, "--fills", "9000", "--days", "6").glob("parquet/*.parquet")
    )
    server, history = instance, History(instance, folder / "loads")
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


def load_all(history: History, part: str = "") -> None:
    """Run the load again, as the runbook has it: of all parts, or of one."""
    history.server.client(
        "vigil_loader", commands("load-again"), FILLS=str(history.tape / part)
    )


def return_to_first_history(history: History, moment: str) -> None:
    """Restore to a moment before the server was first restored."""
    history.server.done(
        commands("restore-to-another-moment"),
        MOMENT=history.moments[moment],
        TIMELINE="1",
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
    return_to_first_history(history, "second")
    assert server.ask(CONTENT) == history.of("first", "second")
    server.done(commands("open-for-writing"))
    load_all(history)
    assert server.ask(CONTENT) == history.everything


def test_backups_are_listed_and_their_archive_works(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = history.server
    server.done(commands("back-up-differential"))
    said = server.done(commands("check-archive"))
    assert "status: ok" in said
    for kind in ("full backup", "incr backup", "diff backup"):
        assert kind in said
    # What the alarm on the age of backups reads.
    monkeypatch.syspath_prepend(str(FILES))
    vigil_aws = importlib.import_module("vigil_aws")
    info = server.done(
        "runuser -u postgres -- pgbackrest --stanza=vigil --output=json info"
    )
    age = vigil_aws.backup_age(json.loads(info), time.time())
    assert age is not None
    assert 0 <= age < 600


@pytest.mark.any_server
def test_every_file_of_the_repository_is_whole(history: History) -> None:
    history.server.done(commands("verify-backups"))


def test_a_copy_beside_the_server_writes_nothing_to_the_archive(
    history: History, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On another machine with the same repository."""
    server = history.server
    copy = server.beside(tmp_path_factory.mktemp("copy"))
    # One server at a time has the port.
    server.done("pg_ctlcluster 17 vigil stop -m fast")
    try:
        copy.begin()
        copy.done("vigil-bootstrap cluster settings")
        copy.done(commands("restore-a-copy"), MOMENT=history.moments["first"])
        assert copy.ask(CONTENT) == history.of("first")
        assert copy.ask("show archive_mode") == ["off"]
        copy.ask("create table scratch ()")
    finally:
        copy.lose_volume()
        server.done(commands("start-after-a-crash"))
    assert server.ask("select to_regclass('scratch')") == [""]


def tables(server: DatabaseServer) -> dict[str, str]:
    """Return of each table built how many rows it has, and all of them."""
    return {
        table: server.ask(
            "select concat_ws(' ', count(*), md5(string_agg(t::text, '|' order by"
            f" t::text))) from {table} as t"
        )[0]
        for table in BUILT_FROM_FILLS
    }


def load_and_build(history: History, part: str = "") -> None:
    """Do both, each as the role whose work it is."""
    load_all(history, part)
    history.server.client("vigil_transformer", commands("build"), **WITHOUT_TESTS)


def test_dbt_goes_on_after_a_restore(history: History) -> None:
    """What is built in the end is what a build from nothing makes of all the loads."""
    server = history.server
    return_to_first_history(history, "first")
    server.done(commands("open-for-writing"))
    load_and_build(history, "first")
    [moment] = server.ask("select clock_timestamp()")
    load_and_build(history, "second")
    server.done(commands("restore-to-a-moment"), MOMENT=moment)
    assert server.ask(CONTENT) == history.of("first")
    server.done(commands("open-for-writing"))
    load_and_build(history)
    restored = tables(server)
    server.done("runuser -u postgres -- dropdb --force vigil")
    server.make_database()
    load_and_build(history)
    assert server.ask(CONTENT) == history.everything
    assert restored == tables(server)
    assert all(not line.startswith("0 ") for line in restored.values()), restored
