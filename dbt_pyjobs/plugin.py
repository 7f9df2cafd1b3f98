"""Teaches dbt-postgres to run Python models, and to find the embedded server.

dbt-postgres leaves three members of its adapter undefined that other adapters fill to
run Python models; the plugin fills them. Everything else dbt does with a Python model
(parsing, lineage, docs, compiled code) is its own.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from dbt.adapters.base.impl import PythonJobHelper
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.events.types import MainEncounteredError, MainStackTrace
from dbt.plugins.manager import dbtPlugin

from dbt_pyjobs.build_lock import COMMANDS, only_build
from dbt_pyjobs.credentials import hint, redirect
from dbt_pyjobs.job import Job
from dbt_pyjobs.staging import Outcome

#: The submission method a model gets without asking.
METHOD = "in_process"

_jobs: dict[int, Job] = {}
_jobs_lock = threading.Lock()


class PythonJobsPlugin(dbtPlugin):
    """What dbt loads; see the module's text."""

    def initialize(self) -> None:
        """Fill in dbt-postgres, once per process, whatever the number of dbt runs."""
        try:
            from dbt.adapters.postgres.connections import PostgresConnectionManager
            from dbt.adapters.postgres.impl import PostgresAdapter
            from dbt.cli import requires
            from dbt.task.runnable import GraphRunnableTask
        except ImportError:
            # A project on another adapter in the same environment.
            return
        # What it is given it declares as methods of an instance.
        adapter: Any = PostgresAdapter
        if METHOD in getattr(adapter, "_python_jobs", ()):
            return
        adapter._python_jobs = (METHOD,)
        adapter.python_submission_helpers = {METHOD: InProcessJobHelper}
        adapter.default_python_submission_method = METHOD
        adapter.generate_python_submission_response = _response
        _wrap_post_model_hook(adapter)
        _wrap_cancel_open(PostgresConnectionManager)
        _wrap_get_credentials(PostgresConnectionManager)
        _wrap_open(PostgresConnectionManager)
        _wrap_execute_with_hooks(GraphRunnableTask)
        _wrap_fire_event(requires)


class InProcessJobHelper(PythonJobHelper):
    """dbt's interface to a Python job."""

    def __init__(self, parsed_model: dict[str, Any], credential: Any) -> None:
        self._job = Job(parsed_model, redirect(credential))

    def submit(self, compiled_code: str) -> Outcome:
        """Run the model; its job stays open until dbt is done with the model."""
        with _jobs_lock:
            _jobs[threading.get_ident()] = self._job
        return self._job.run(compiled_code)


@dataclass
class PythonJobResponse(AdapterResponse):
    """dbt's response with what the materialization needs to finish.

    Attributes
    ----------
    outcome
        `Outcome` as a dictionary.
    """

    outcome: dict[str, Any] = field(default_factory=dict)


def _response(adapter: Any, outcome: Outcome) -> PythonJobResponse:
    del adapter
    return PythonJobResponse(
        _message=f"STAGED {outcome.rows}",
        code="STAGED",
        rows_affected=outcome.rows,
        outcome=asdict(outcome),
    )


def _wrap_post_model_hook(adapter: Any) -> None:
    """Close a model's job when dbt is done with the model, failed or not."""
    original = adapter.post_model_hook

    def post_model_hook(self: Any, config: Any, context: Any) -> None:
        with _jobs_lock:
            job = _jobs.pop(threading.get_ident(), None)
        if job is not None:
            job.close()
        original(self, config, context)

    adapter.post_model_hook = post_model_hook


def _wrap_cancel_open(manager: Any) -> None:
    """Cancel the jobs where dbt cancels its own queries, on Ctrl-C and fail-fast."""
    original = manager.cancel_open

    def cancel_open(self: Any) -> Any:
        with _jobs_lock:
            jobs = list(_jobs.values())
        for job in jobs:
            job.cancel()
        return original(self)

    manager.cancel_open = cancel_open


def _wrap_get_credentials(manager: Any) -> None:
    """Redirect the credentials dbt-postgres opens a connection with."""
    original = manager.get_credentials.__func__

    def get_credentials(cls: Any, credentials: Any) -> Any:
        return redirect(original(cls, credentials))

    manager.get_credentials = classmethod(get_credentials)


def _wrap_open(manager: Any) -> None:
    """Say how to start the embedded server where dbt finds none."""
    original = manager.open.__func__

    def open_connection(cls: Any, connection: Any) -> Any:
        try:
            return original(cls, connection)
        except FailedToConnectError as error:
            raise FailedToConnectError(
                f"{error.msg}{hint(connection.credentials)}"
            ) from None

    manager.open = classmethod(open_connection)


def _wrap_execute_with_hooks(task: Any) -> None:
    """Let builds of a database take turns, from their start to their end."""
    original = task.execute_with_hooks

    def execute_with_hooks(self: Any, selected_uids: Any) -> Any:
        credentials = self.config.credentials
        if credentials.type != "postgres" or self.args.which not in COMMANDS:
            return original(self, selected_uids)
        with ExitStack() as stack:
            try:
                stack.enter_context(only_build(redirect(credentials), self.args.which))
            except psycopg.OperationalError as error:
                raise FailedToConnectError(f"{error}{hint(credentials)}") from None
            return original(self, selected_uids)

    task.execute_with_hooks = execute_with_hooks


def _wrap_fire_event(requires: Any) -> None:
    """Have a command that Ctrl-C ended say so, without dbt's traceback."""
    original = requires.fire_event

    def fire_event(event: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(sys.exc_info()[1], KeyboardInterrupt):
            if isinstance(event, MainStackTrace):
                return
            if isinstance(event, MainEncounteredError):
                event = MainEncounteredError(exc="Interrupted.")
        original(event, *args, **kwargs)

    requires.fire_event = fire_event
