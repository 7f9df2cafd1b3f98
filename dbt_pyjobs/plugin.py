"""Make dbt use this package's adapter for profiles with ``type: postgres``.

The type stays ``postgres`` because other programs identify adapters by it: MetricFlow's
command line refuses unknown types.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from dbt.adapters.factory import FACTORY
from dbt.plugins.manager import dbtPlugin
from dbt_common.exceptions import DbtBaseException, DbtRuntimeError

from dbt_pyjobs.build_lock import COMMANDS, only_build


class PythonJobsPlugin(dbtPlugin):
    """The plugin that dbt loads."""

    def initialize(self) -> None:
        """Replace the adapter class before dbt creates the adapter."""
        try:
            postgres: Any = FACTORY.get_plugin_by_name("postgres")
        except DbtRuntimeError:
            # Another project in the same environment uses another adapter.
            return
        from dbt.task.runnable import GraphRunnableTask

        from dbt_pyjobs.adapter import PostgresAdapter

        postgres.adapter = PostgresAdapter
        task: Any = GraphRunnableTask
        # dbt initializes plugins with each command; a process may run several.
        if not hasattr(task.execute_with_hooks, "__wrapped__"):
            task.execute_with_hooks = _one_at_a_time(task.execute_with_hooks)


def _one_at_a_time(execute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Run one build of a database at a time, and end on Ctrl-C without a traceback."""

    @functools.wraps(execute)
    def execute_with_hooks(self: Any, selected_uids: Any) -> Any:
        credentials, command = self.config.credentials, self.args.which
        takes_turns = credentials.type == "postgres" and command in COMMANDS
        try:
            with only_build(credentials, command) if takes_turns else nullcontext():
                return execute(self, selected_uids)
        except KeyboardInterrupt:
            raise DbtBaseException("Interrupted.") from None

    return execute_with_hooks
