"""Which server is meant, as the environment and the last ``make up`` say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from devdb import __main__ as commands
from pgio import connection as project


@pytest.fixture
def server_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ``server.json`` would be; no PG* variable is set."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    path = tmp_path / "server.json"
    monkeypatch.setattr(project, "SERVER_FILE", path)
    return path


def without_application(info: dict[str, str | int]) -> dict[str, str | int]:
    return {key: value for key, value in info.items() if key != "application_name"}


def test_defaults(server_file: Path) -> None:
    assert project.conninfo() == {
        "application_name": "vigil",
        "host": "127.0.0.1",
        "port": 54329,
        "user": "vigil",
        "dbname": "vigil",
    }


def test_the_embedded_server_and_overrides(
    server_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = {"host": "127.0.0.1", "port": 54331, "user": "vigil", "dbname": "vigil"}
    server_file.write_text(json.dumps(server))
    assert without_application(project.conninfo()) == server
    monkeypatch.setenv("PGDATABASE", "sandbox")
    monkeypatch.setenv("PGPORT", "5555")
    assert project.conninfo()["dbname"] == "sandbox"
    assert project.conninfo()["port"] == 5555
    monkeypatch.setenv("PGPORT", "abc")
    with pytest.raises(ValueError, match="PGPORT"):
        project.conninfo()


def test_pghost_leaves_the_rest_to_libpq(
    server_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_file.write_text(json.dumps({"host": "127.0.0.1", "port": 54331}))
    monkeypatch.setenv("PGHOST", "db.example")
    # What neither names is what dbt's profile takes.
    assert without_application(project.conninfo()) == {
        "user": "vigil",
        "dbname": "vigil",
    }
    monkeypatch.setenv("PGUSER", "ana")
    monkeypatch.setenv("PGDATABASE", "trades")
    assert without_application(project.conninfo()) == {}


def test_a_damaged_server_file_is_named(server_file: Path) -> None:
    server_file.write_text("{")
    with pytest.raises(ValueError, match="make up"):
        project.conninfo()


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "postgresql://vigil@127.0.0.1:54329/vigil"),
        ({"PGHOST": "db.example"}, "postgresql://vigil@db.example:5432/vigil"),
        (
            {"PGHOST": "::1", "PGUSER": "a b", "PGDATABASE": "x/y", "PGPORT": "1"},
            "postgresql://a%20b@[::1]:1/x%2Fy",
        ),
        (
            {"PGHOST": "/run/pg", "PGSSLMODE": "require"},
            "postgresql://vigil@:5432/vigil?sslmode=require&host=%2Frun%2Fpg",
        ),
        ({"PGSERVICE": "prod"}, "postgresql:///?service=prod"),
        (
            {"PGHOST": "db.example", "PGPASSWORD": "secret"},
            "postgresql://vigil@db.example:5432/vigil",
        ),
    ],
)
def test_the_url(
    server_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    url: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert commands.server_url() == url
