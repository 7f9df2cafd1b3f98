"""How pytest-xdist distributes tests over processes."""

from __future__ import annotations

import pytest
import servers
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The first compares the servers with each other, the other names editions in its cases.
UNDIVIDED = ("test_editions.py", "test_macros.py")
# These read one database, `report_database`, which takes half a minute to build.
ON_ONE_DATABASE = (
    *("test_dashboards.py", "test_query_metrics.py"),
    *("test_report.py", "test_report_page.py"),
)


class ByServer(LoadScopeScheduling):
    """Tests that share fixtures stay together, on one server.

    These are handed out in the order of a run in one process, which goes server by
    server, so that each process starts each server once.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._names = [server.name for server in servers.test_servers()]

    def _split_scope(self, nodeid: str) -> str:
        """Name what runs in one process: modules and, in most, one server."""
        module, _, test = nodeid.partition("::")
        if module.endswith(ON_ONE_DATABASE):
            module = "report_database"
        if module.endswith(UNDIVIDED):
            return module
        parameters = f"-{test.partition('[')[2].removesuffix(']')}-"
        on = [name for name in self._names if f"-{name}-" in parameters]
        return " on ".join([module, *on])
