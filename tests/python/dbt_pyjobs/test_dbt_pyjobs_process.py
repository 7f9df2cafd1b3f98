"""Python models in a dbt process of its own: interrupts, kills, rivals, connections."""

from __future__ import annotations

import json
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest
from dbt.adapters.exceptions.connection import FailedToConnectError
from waiting import PATIENCE_SECONDS, wait_until

from pgio.connection import DEFAULT_HOST, DEFAULT_PORT

pytestmark = pytest.mark.any_server

if TYPE_CHECKING:
    from pyjobs_project import PyJobsProject

pytest_plugins = ["pyjobs_project"]

KEYED = "materialized: incremental\nunique_key: id"

SLOW = {
    "python": "while True:\n    sum(range(1000))\nreturn None",
    "import": "import slow_module\nwhile True:\n    sum(range(1000))\nreturn None",
    "query": 'session.connection.execute("select pg_sleep(3600)")\nreturn None',
    "rows": """
        def batches():
            import time
            for i in range(10_000):
                yield pa.record_batch({"id": [i]})
                time.sleep(0.01)
        return batches()
    """,
}


SLOW_MODULE = """
import pathlib
import time

for _ in range(200):
    time.sleep(0.01)
pathlib.Path(__file__).with_suffix(".imported").touch()
"""


def connections(project: PyJobsProject, name: str) -> int:
    [(number,)] = project.rows(
        "select count(*) from pg_stat_activity where datname = current_database() "
        f"and application_name = 'dbt {name}'"
    )
    return int(number)


@pytest.mark.parametrize("kind", list(SLOW))
def test_interrupt_stops_the_model_and_leaves_nothing(
    project: PyJobsProject, kind: str
) -> None:
    project.model("slow", SLOW[kind], "id bigint", KEYED)
    (project.folder / "slow_module.py").write_text(SLOW_MODULE)
    process = project.start()
    # The writer's connection is the second one of a model that yields rows.
    wanted = 1 + (kind == "rows")
    wait_until(lambda: connections(project, "slow") >= wanted, process=process)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode != 0, output
    assert "Interrupted" in output
    assert "Traceback" not in output
    # An import is never left half-way: it would keep Python's import lock.
    imported = (project.folder / "slow_module.imported").exists()
    assert imported == (kind == "import")
    # The server notices a moment later that its client is gone.
    wait_until(lambda: connections(project, "slow") == 0)
    assert project.tables() == set()


def test_a_killed_run_is_no_obstacle(project: PyJobsProject) -> None:
    project.model("slow", 'return pa.table({"id": [1]})', "id bigint", KEYED)
    project.built()
    project.model("slow", SLOW["rows"], "id bigint", KEYED)
    process = project.start()
    wait_until(lambda: connections(project, "slow") == 2, process=process)
    process.kill()
    process.communicate()
    assert project.rows("select id from {s}.slow") == [(1,)]
    project.model("slow", 'return pa.table({"id": [2]})', "id bigint", KEYED)
    assert project.built() == {"slow": "CHANGED 1"}
    assert project.tables() == {"slow"}


def test_two_runs_of_one_model_take_turns(project: PyJobsProject) -> None:
    project.model(
        "facts",
        """
        import time
        time.sleep(2)
        return pa.table({"id": [1, 2]})
        """,
        "id bigint",
        KEYED,
    )
    project.built()
    first, second = project.start(), project.start()
    outputs = [
        process.communicate(timeout=PATIENCE_SECONDS)[0] for process in (first, second)
    ]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    assert all("CHANGED 0" in output for output in outputs)
    assert project.tables() == {"facts"}


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_a_second_build_waits_and_says_for_whom(
    project: PyJobsProject, ended_by: signal.Signals
) -> None:
    """Whatever models they build, and however the first one ends."""
    project.model("slow", SLOW["query"], "id bigint", KEYED)
    project.model("quick", 'return pa.table({"id": [1]})', "id bigint", KEYED)
    first = project.start("--select", "slow")
    wait_until(lambda: connections(project, "slow") == 1, process=first)
    # What reads only is not kept waiting.
    assert project.run("--select", "quick", command="compile")
    second = project.start("--select", "quick")
    assert second.stdout is not None
    waiting = next(line for line in second.stdout if "Waiting" in line)
    name = f"dbt run, process {first.pid} on {socket.gethostname()}"[:63]
    assert f"another build of {project.connection.info.dbname}: {name}" in waiting
    [(since, pid)] = project.rows(
        "select backend_start::timestamptz(0)::text, pid from pg_stat_activity"
        f" where application_name = '{name}'"
    )
    assert f"since {since} (server process {pid})" in waiting
    assert project.tables() == set()
    first.send_signal(ended_by)
    first.communicate(timeout=PATIENCE_SECONDS)
    output, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 0, output
    assert project.rows("select id from {s}.quick") == [(1,)]


def test_without_a_server_the_way_to_one_is_named(
    project: PyJobsProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        # Nothing listens on a port that is only bound.
        taken.bind((DEFAULT_HOST, 0))
        port = taken.getsockname()[1]
        (project.folder / ".vigil").mkdir()
        (project.folder / ".vigil/server.json").write_text(
            json.dumps({"host": DEFAULT_HOST, "port": port})
        )
        project.profile(DEFAULT_HOST, DEFAULT_PORT)
        project.model("facts", "return None", "id bigint", KEYED)
        for name in ("PGHOST", "PGPORT"):
            monkeypatch.delenv(name)
        for command in ("run", "compile"):
            with pytest.raises(FailedToConnectError, match="`make up` starts it"):
                project.run(command=command)
        monkeypatch.setenv("PGPORT", str(port))
        project.profile(DEFAULT_HOST, port)
        with pytest.raises(FailedToConnectError) as other:
            project.run()
        assert "make up" not in str(other.value)


def test_embedded_server_on_another_port_is_found(project: PyJobsProject) -> None:
    info = project.connection.info
    project.profile(DEFAULT_HOST, DEFAULT_PORT, application_name="found")
    project.model(
        "facts",
        'return session.read("select inet_server_port()::bigint as id")',
        "id bigint",
        KEYED,
    )
    state = project.folder / ".vigil"
    state.mkdir()
    (state / "server.json").write_text(
        json.dumps({"host": info.host, "port": info.port})
    )
    process = project.start(PGHOST=None, PGPORT=None)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output
    assert project.rows("select id from {s}.facts") == [(info.port,)]

    # A server the environment or the profile names is never replaced.
    (state / "server.json").write_text(json.dumps({"host": info.host, "port": 1}))
    project.profile(info.host, info.port)
    process = project.start(PGHOST=None, PGPORT=None)
    assert "CHANGED 0" in process.communicate(timeout=PATIENCE_SECONDS)[0]


def test_profile_settings_reach_the_models_connection(project: PyJobsProject) -> None:
    info = project.connection.info
    project.profile(
        info.host,
        info.port,
        role="pg_database_owner",
        search_path=f"{project.schema}, public",
        keepalives_idle=60,
        connect_timeout=5,
        sslmode="disable",
    )
    project.connection.execute(
        f"grant all on schema {project.schema} to pg_database_owner;"
        f"create table {project.schema}.marker as select 7::bigint as id"
    )
    project.connection.execute(
        f"grant select on {project.schema}.marker to pg_database_owner"
    )
    project.model(
        "facts",
        """
        return session.read(
            "select id, current_user::text as who, "
            "current_setting('application_name') as app from marker"
        )
        """,
        "id bigint; who text; app text",
        KEYED,
    )
    project.built()
    assert project.rows("select * from {s}.facts") == [
        (7, "pg_database_owner", "dbt facts")
    ]
