"""dbt's commands in this process, without its loggers.

Both format every debug message, which takes a tenth of a command's time.
"""

from __future__ import annotations

from collections.abc import Iterable

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt_common.events.base_types import EventMsg

SHOWN = ("info", "warn", "error")


def invoke(args: Iterable[str]) -> tuple[dbtRunnerResult, str]:
    """Run a command; return its result, and what it says on the terminal."""
    lines: list[str] = []

    def keep(event: EventMsg) -> None:
        if event.info.level in SHOWN:
            lines.append(event.info.msg)

    without_loggers = ("--log-level", "none", "--log-level-file", "none")
    command = [*args, *without_loggers, "--no-use-colors"]
    done = dbtRunner(callbacks=[keep]).invoke(command)
    said = "\n".join(lines)
    # pytest shows it with a test that fails.
    print(said)
    return done, said
