"""Runs one compiled Python model in dbt's own process."""

from __future__ import annotations

import ctypes
import linecache
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
from dbt.adapters.base.impl import PythonJobHelper
from dbt.events.types import JinjaLogInfo
from dbt_common.events.functions import fire_event
from dbt_common.exceptions import DbtRuntimeError

from dbt_pyjobs.changes import Changes, as_changes
from dbt_pyjobs.credentials import connect, project_dir
from dbt_pyjobs.schema_check import check_schema
from dbt_pyjobs.session import ON_RECORD, Relation, Session, lock_name
from dbt_pyjobs.staging import Outcome, Spec, drop_staging, stage
from dbt_pyjobs.tracebacks import project_traceback

#: How long another run of the same model may take before this one gives up.
_LOCK_TIMEOUT = "30s"


class JobCancelled(BaseException):
    """Raised inside a model's thread when dbt is interrupted."""


class Job(PythonJobHelper):
    """One model's run, from its start until dbt is done with the model.

    Parameters
    ----------
    model
        dbt's description of the model.
    credentials
        The profile's.
    """

    def __init__(self, model: dict[str, Any], credentials: Any) -> None:
        self.model = model
        self.name = model["name"]
        self._module_name = "dbt_model_" + model["unique_id"].replace(".", "_")
        self.credentials = credentials
        self.project = project_dir()
        self.is_cancelled = False
        self._is_running = False
        self._thread = threading.get_ident()
        self._spec: Spec | None = None
        self._session: Session | None = None
        self._connections: list[psycopg.Connection[Any]] = []

    def submit(self, compiled_code: str) -> Outcome:
        """Call the model and stage what it returns.

        Raises
        ------
        DbtRuntimeError
            Whatever went wrong, with the model's and the project's frames.
        """
        self._is_running = True
        try:
            return self._run(compiled_code)
        except DbtRuntimeError:
            raise
        except JobCancelled:
            raise self._cancelled() from None
        except Exception as error:
            if self.is_cancelled:
                raise self._cancelled() from None
            text = project_traceback(error, self.project)
            raise DbtRuntimeError(f"Python model {self.name!r}: {text}") from error
        finally:
            self._is_running = False

    def _run(self, compiled_code: str) -> Outcome:
        module = self._load(compiled_code)
        spec = self._spec = Spec.parse(module.job_spec)
        session = self._session = Session(
            self._open_connection, spec.consumer, spec.starts_over
        )
        self._lock(session.connection, spec)
        drop_staging(session.connection, spec)
        outcome = Outcome(
            has_records=session.has_table("ops.model_builds"),
            reason=spec.reason,
        )
        if not spec.replaces:
            check_schema(session.connection, spec, outcome)
        changes = None
        if not spec.is_empty_run:
            dbt = module.dbtObj(lambda name: Relation(name, session))
            changes = as_changes(module.model(dbt, session))
        if changes is None and spec.starts_over:
            # Nothing there and nothing new is an empty table.
            changes = Changes(rows=[])
        if changes is not None:
            if not spec.starts_over:
                outcome.reason = session.why_anew(changes)
                if outcome.reason not in (None, ON_RECORD):
                    text = f"all of it is computed again: {outcome.reason}"
                    fire_event(JinjaLogInfo(msg=f"{spec.consumer}: {text}"))
            stage(self._open_connection(), spec, changes, outcome)
        return outcome

    def _load(self, compiled_code: str) -> ModuleType:
        """Execute the compiled model as a module whose frames show the model's file."""
        path = self.project / self.model["original_file_path"]
        # dbt strips a file before it compiles it; the line numbers shall stay.
        lines = _leading_lines(path) * "\n" + compiled_code
        linecache.cache[str(path)] = (
            len(lines),
            None,
            lines.splitlines(keepends=True),
            str(path),
        )
        module = ModuleType(self._module_name)
        module.__file__ = str(path)
        # dataclasses and pickle look a class's module up by its name.
        sys.modules[self._module_name] = module
        if str(self.project) not in sys.path:
            # The model's own library, where the project is not installed.
            sys.path.append(str(self.project))
        exec(compile(lines, str(path), "exec", dont_inherit=True), module.__dict__)
        return module

    def _lock(self, connection: psycopg.Connection[Any], spec: Spec) -> None:
        """Keep another run of the same model out until this one is finished."""
        try:
            with connection.transaction():
                connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
                connection.execute(
                    "select pg_advisory_lock(hashtextextended(%s, 0))",
                    [lock_name(spec.consumer)],
                )
        except psycopg.errors.LockNotAvailable:
            raise DbtRuntimeError(
                f"Python model {spec.consumer!r} is being built by another run of dbt "
                f"(waited {_LOCK_TIMEOUT}): try again when that one is done"
            ) from None

    def _open_connection(self) -> psycopg.Connection[Any]:
        if self.is_cancelled:
            raise JobCancelled
        connection = connect(self.credentials, f"dbt {self.name}")
        self._connections.append(connection)
        return connection

    def _cancelled(self) -> DbtRuntimeError:
        return DbtRuntimeError(f"Python model {self.name!r}: cancelled")

    def cancel(self) -> None:
        """Stop the model from another thread: first its queries, then its code."""
        self.is_cancelled = True
        for connection in self._connections:
            if not connection.closed:
                connection.cancel()
        if threading.get_ident() == self._thread:
            return
        # An exception inside an import can leave Python's import lock held forever, and
        # dbt still has to import modules before it ends.
        while self._is_running and _is_importing(self._thread):
            time.sleep(0.01)
        if self._is_running:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread), ctypes.py_object(JobCancelled)
            )

    def close(self) -> None:
        """Drop the remaining staging tables and close all connections."""
        session = self._session
        sys.modules.pop(self._module_name, None)
        for connection in self._connections:
            if session is None or connection is not session.connection:
                connection.close()
        if session is not None and self._spec is not None:
            try:
                # After an error dbt's transaction may still lock them; the next run
                # then drops them.
                session.connection.execute("set lock_timeout = '1s'")
                drop_staging(session.connection, self._spec)
            except psycopg.Error:
                pass
            session.connection.close()


def _is_importing(thread: int) -> bool:
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leading_lines(path: Path) -> int:
    """Count the blank lines at the start of a file; 0 if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        # A model of an installed package: its path is relative to the package.
        return 0
    return text[: len(text) - len(text.lstrip())].count("\n")
