"""Fixtures: a database server as Terraform makes it, with tables and an archive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import recovery_server
import servers
import terraform_server
from recovery_aws import running_aws
from recovery_server import DatabaseServer
from runbook import commands

from devdb.errors import ServerError
from devdb.trees import Tree


def trees() -> list[object]:
    """Return the Debians to run on: those chosen, otherwise the first there is."""
    reason = recovery_server.why_not()
    chosen = [server.tree for server in servers.test_servers() if server.tree]
    found = chosen or [terraform_server.debian_tree()]
    if reason is None and None in found:
        reason = "there is no Debian with PostgreSQL 17: `make timescale`, as root"
    if reason is not None:
        return [pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(tree, id=tree.name) for tree in found if tree is not None]


@pytest.fixture(scope="session", params=trees())
def instance(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabaseServer]:
    """The server; each test repairs what it damages."""
    tree: Tree = request.param
    folder = tmp_path_factory.mktemp(tree.name)
    with running_aws(folder) as aws:
        try:
            server = DatabaseServer(tree, aws, folder)
        except ServerError as error:
            pytest.skip(f"no pgBackRest for {tree.name}: {error}")
        try:
            server.begin()
            server.set_up()
            server.make_database()
            server.done(commands("set-up-archive"))
            server.done(commands("back-up-full"))
            yield server
        finally:
            server.lose_volume()
