"""dbt-postgres adapter that runs Python models and finds the embedded server's port."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.postgres import connections, impl

from dbt_pyjobs.credentials import hint, redirect
from dbt_pyjobs.job import Job
from dbt_pyjobs.staging import Outcome

#: The default submission method of Python models.
METHOD = "in_process"


@dataclass
class PythonJobResponse(AdapterResponse):
    """dbt's response with what the materialization needs to finish.

    Attributes
    ----------
    outcome
        `Outcome` as a dictionary.
    """

    outcome: dict[str, Any] = field(default_factory=dict)


class PostgresConnectionManager(connections.PostgresConnectionManager):
    """Opens connections to the embedded server on the port that it listens on."""

    @classmethod
    def get_credentials(cls, credentials: Any) -> Any:
        """Return the credentials to open a connection with."""
        return redirect(credentials)

    @classmethod
    def open(cls, connection: Any) -> Any:
        """Open a connection; where nothing answers, say how to start the server."""
        try:
            return super().open(connection)  # type: ignore[no-untyped-call]
        except FailedToConnectError as error:
            text = f"{error.msg}{hint(connection.credentials)}"
            raise FailedToConnectError(text) from None


class PostgresAdapter(impl.PostgresAdapter):
    """dbt-postgres with the methods that dbt requires for Python models.

    The class must keep the name PostgresAdapter: dbt uses it to find the adapter's
    version.
    """

    ConnectionManager = PostgresConnectionManager

    def __init__(self, config: Any, mp_context: Any) -> None:
        super().__init__(config, mp_context)
        self._jobs: dict[int, Job] = {}

    @property
    def default_python_submission_method(self) -> str:
        """Name of the only submission method."""
        return METHOD

    @property
    def python_submission_helpers(self) -> dict[str, Any]:
        """Factory for each submission method.

        dbt calls it with model and credentials, then ``submit(code)`` on the result.
        """
        return {METHOD: self._new_job}

    def _new_job(self, parsed_model: dict[str, Any], credentials: Any) -> Job:
        job = Job(parsed_model, credentials)
        self._jobs[threading.get_ident()] = job
        return job

    def generate_python_submission_response(
        self, submission_result: Outcome
    ) -> PythonJobResponse:
        """Return the response that ``load_result('main')`` gives a materialization."""
        return PythonJobResponse(
            _message=f"STAGED {submission_result.rows}",
            code="STAGED",
            rows_affected=submission_result.rows,
            outcome=asdict(submission_result),
        )

    def post_model_hook(self, config: Any, context: Any) -> None:
        """Close a model's job when dbt is done with the model, failed or not."""
        job = self._jobs.pop(threading.get_ident(), None)
        if job is not None:
            job.close()
        super().post_model_hook(config, context)

    def cancel_open_connections(self) -> Any:
        """Cancel jobs with dbt's own queries, on Ctrl-C and fail-fast."""
        for job in list(self._jobs.values()):
            job.cancel()
        return super().cancel_open_connections()  # type: ignore[no-untyped-call]
