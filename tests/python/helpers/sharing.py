"""How pytest-xdist distributes tests over processes."""

from __future__ import annotations

import pytest
import servers
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The first compares the servers with each other, the other names editions in its cases.
UNDIVIDED = ("test_editions.py", "test_macros.py")


class ByServer(LoadScopeScheduling):
    """Tests of a module on one server stay together: they share fixtures.

    These are handed out in the order of a run in one process, which goes server by
    server, so that each process starts each server once.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._names = [server.name for server in servers.test_servers()]

    def _split_scope(self, nodeid: str) -> str:
        """Name what runs in one process: a module and, in most, one server."""
        module, _, test = nodeid.partition("::")
        if module.endswith(UNDIVIDED):
            return module
        parameters = f"-{test.partition('[')[2].removesuffix(']')}-"
        on = [name for name in self._names if f"-{name}-" in parameters]
        return " on ".join([module, *on])
