"""Python models in a dbt process of its own: interrupts, kills, rivals, connections."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest
from waiting import PATIENCE_SECONDS, wait_until

from devdb.conninfo import DEFAULT_HOST, DEFAULT_PORT

pytestmark = pytest.mark.any_server

if TYPE_CHECKING:
    from pyjobs_project import PyJobsProject

pytest_plugins = ["pyjobs_project"]

KEYED = "materialized: incremental\nunique_key: id"

SLOW = {
    "python": "while True:\n    sum(range(1000))\nreturn None",
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
    process = project.start()
    # The writer's connection is the second one of a model that yields rows.
    wanted = 1 + (kind == "rows")
    wait_until(lambda: connections(project, "slow") >= wanted, process=process)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode != 0, output
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
