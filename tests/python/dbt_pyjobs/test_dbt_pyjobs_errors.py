"""Errors of Python models name the model, the column and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytestmark = pytest.mark.any_server

if TYPE_CHECKING:
    from pyjobs_project import PyJobsProject

pytest_plugins = ["pyjobs_project"]

KEYED = "materialized: incremental\nunique_key: id"
ONE = 'return pa.table({"id": [1]})'


@pytest.mark.parametrize(
    ("body", "columns", "config", "parts"),
    [
        (ONE, "id", KEYED, ["facts", "column id", "no data_type"]),
        (ONE, "id bigint; note text", KEYED, ["column 'note'", "not in the result"]),
        (
            'return pa.table({"id": [1], "x": [1]})',
            "id bigint",
            KEYED,
            ["column 'x'", "not declared in YAML"],
        ),
        (
            'return pa.table({"id": [1.5]})',
            "id bigint",
            KEYED,
            ["facts", "column 'id'", "double does not fit bigint"],
        ),
        (ONE, "id no_such_type", KEYED, ["facts", "no_such_type"]),
        (ONE, "id bigint", "materialized: incremental", ["facts", "unique_key"]),
        (
            ONE,
            "id bigint",
            "materialized: incremental\nunique_key: [id, day]",
            ["unique_key names day"],
        ),
        (
            'return pa.table({"id": [1, 2, 1]})',
            "id bigint",
            KEYED,
            ["facts", "not unique", "(id)=(1)"],
        ),
        (
            'return pa.table({"id": [1, None]})',
            "id bigint",
            KEYED,
            ["facts", "'id' of unique_key holds nulls"],
        ),
        (
            'return pa.table({"id": [1], "n": pa.nulls(1)})',
            "id bigint; n text!",
            KEYED,
            ["facts", "not-null", '"n"'],
        ),
        (
            'return pa.table({"id": [1], "doc": ["{"]})',
            "id bigint; doc jsonb",
            KEYED,
            ["facts", "invalid input syntax for type json", "line 1, column doc"],
        ),
        ("return 42", "id bigint", KEYED, ["facts", "returned int"]),
        ("return [1]", "id bigint", KEYED, ["facts", "yielded int"]),
    ],
)
def test_message(
    project: PyJobsProject, body: str, columns: str, config: str, parts: list[str]
) -> None:
    project.model("facts", body, columns, config)
    message = project.error()
    for part in parts:
        assert part in message
    assert project.tables() == set()


def test_traceback_shows_the_models_own_lines(project: PyJobsProject) -> None:
    library = project.folder / "shop_lib_for_test"
    library.mkdir()
    (library / "__init__.py").write_text("")
    (library / "prices.py").write_text("def parse(text):\n    return int(text)\n")
    project.model("facts", ONE, "id bigint", KEYED)
    model = project.folder / "models/facts.py"
    model.write_text(
        "\n\n"  # dbt strips these; the line numbers count them
        "import pyarrow as pa\n"
        "\n"
        "def model(dbt, session):\n"
        "    from shop_lib_for_test.prices import parse\n"
        "    return pa.table({'id': [parse('many')]})\n"
    )
    message = project.error()
    assert f'File "{model}", line 7, in model' in message
    assert "return pa.table({'id': [parse('many')]})" in message
    assert f'File "{library}/prices.py", line 2, in parse' in message
    assert "ValueError: invalid literal for int()" in message
    assert "dbt_pyjobs" not in message
    assert "site-packages" not in message


def test_traceback_of_a_generator(project: PyJobsProject) -> None:
    project.model(
        "facts",
        """
        def batches():
            yield pa.record_batch({"id": [1]})
            raise LookupError("no second batch")
        return batches()
        """,
        "id bigint",
        KEYED,
    )
    message = project.error()
    assert "in batches" in message
    assert "LookupError: no second batch" in message
    assert project.tables() == set()


def test_database_error_keeps_the_models_line(project: PyJobsProject) -> None:
    project.model(
        "facts", 'return session.read("select * from nowhere")', "id bigint", KEYED
    )
    message = project.error()
    assert 'session.read("select * from nowhere")' in message
    assert 'relation "nowhere" does not exist' in message
    assert "site-packages" not in message


def test_retry_after_a_failure(project: PyJobsProject) -> None:
    project.model("facts", ONE, "id bigint", KEYED)
    project.built()
    project.model("facts", "raise OSError('down')\nreturn None", "id bigint", KEYED)
    assert "OSError: down" in project.error()
    assert project.rows("select id from {s}.facts") == [(1,)]
    project.model("facts", 'return pa.table({"id": [2]})', "id bigint", KEYED)
    assert project.run(command="retry") == {"facts": ("success", "CHANGED 1")}
    assert project.tables() == {"facts"}


WIDER = 'return pa.table({"id": [2], "note": ["b"]})'


def test_new_columns_are_appended_when_asked(project: PyJobsProject) -> None:
    project.model("facts", ONE, "id bigint", KEYED)
    project.built()
    project.model("facts", WIDER, "note text; id bigint", KEYED)
    assert "on_schema_change to append_new_columns" in project.error()
    appended = KEYED + "\non_schema_change: append_new_columns"
    project.model("facts", WIDER, "note text!; id bigint", appended)
    assert "'note' is new and not_null" in project.error()
    project.model("facts", WIDER, "note text; id bigint", appended)
    assert project.built() == {"facts": "CHANGED 1"}
    assert project.rows("select * from {s}.facts order by id") == [(1, None), (2, "b")]


def test_columns_are_dropped_only_when_asked(project: PyJobsProject) -> None:
    project.model("facts", WIDER, "id bigint; note text", KEYED)
    project.built()
    narrower = 'return pa.table({"id": [2, 3]})'
    project.model("facts", narrower, "id bigint", KEYED + "\non_schema_change: fail")
    assert "'note' in the table but not in YAML" in project.error()
    project.model("facts", narrower, "id bigint", KEYED)
    assert project.built() == {"facts": "CHANGED 1"}
    assert project.rows("select * from {s}.facts order by id") == [(2, "b"), (3, None)]
    project.model(
        "facts", narrower, "id bigint", KEYED + "\non_schema_change: sync_all_columns"
    )
    assert project.built() == {"facts": "CHANGED 0"}
    assert project.rows("select * from {s}.facts order by id") == [(2,), (3,)]


def test_a_changed_type_or_key_is_refused(project: PyJobsProject) -> None:
    body = 'return pa.table({"id": [1], "n": [1]})'
    project.model("facts", body, "id bigint; n numeric(10, 2)", KEYED)
    project.built()
    project.model("facts", body, "id bigint; n numeric(10, 4)", KEYED)
    message = project.error()
    assert "column 'n' is numeric(10,2) in the table and numeric(10,4)" in message
    assert "--full-refresh" in message
    project.model(
        "facts",
        body,
        "id bigint; n numeric(10, 2)",
        "materialized: incremental\nunique_key: [id, n]",
    )
    assert "primary key is (id) and unique_key is (id, n)" in project.error()
    assert project.built("--full-refresh") == {"facts": "CREATED 1"}
