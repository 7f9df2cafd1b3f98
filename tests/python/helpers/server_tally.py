"""The count of tests by server, in the last lines of a run.

Tests may run in several processes (pytest-xdist): the process of a test adds the server
to its report, and the main process counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator

import pytest
import servers
from servers import TestServer

NO_SERVER = "no database"
OUTCOMES = ("passed", "failed", "skipped")


class ServerTally:
    """A pytest plugin that counts."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, dict[str, float]] = defaultdict(
            lambda: dict.fromkeys((*OUTCOMES, "seconds"), 0)
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the server to a report."""
        report = yield
        report.server = server_name(item)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test for its server, and the time of its set-up to that."""
        counts = self._counts[getattr(report, "server", NO_SERVER)]
        counts["seconds"] += report.duration
        if report.when == "call" or report.outcome != "passed":
            counts[report.outcome] += 1

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print the counts by server, and why a usual one is missing."""
        if config.option.collectonly:
            return
        terminalreporter.section("servers")
        editions = {server.name: server.edition for server in servers.test_servers()}
        for name in (*editions, NO_SERVER):
            counts = self._counts[name]
            said = ", ".join(
                f"{int(counts[outcome])} {outcome}" for outcome in OUTCOMES
            )
            label = f"{name} ({editions[name]})" if name in editions else name
            terminalreporter.line(f"{label:<22} {said}, {counts['seconds']:.0f} s")
        for name in servers.USUAL:
            reason = servers.why_not(name)
            if reason is not None:
                terminalreporter.line(f"{name:<22} not run: {reason}")


def server_name(item: pytest.Item) -> str:
    """Return the name of the server that a test runs on."""
    callspec = getattr(item, "callspec", None)
    chosen = callspec.params.get("server") if callspec is not None else None
    return chosen.name if isinstance(chosen, TestServer) else NO_SERVER
