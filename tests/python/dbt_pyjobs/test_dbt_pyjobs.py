"""Python models through real dbt on the real server: tables, changes, bookkeeping."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from dbt.adapters.base import BaseAdapter
from dbt.adapters.factory import FACTORY
from dbt.adapters.postgres import impl
from dbt.cli.main import dbtRunner

from dbt_pyjobs.adapter import PostgresAdapter

pytestmark = pytest.mark.any_server

if TYPE_CHECKING:
    from pyjobs_project import PyJobsProject

pytest_plugins = ["pyjobs_project"]

KEYED = "materialized: incremental\nunique_key: id"


def versions(project: PyJobsProject, name: str) -> dict[int, tuple[str, str]]:
    """Return which row version (xmin, ctid) each id has: a rewritten row changes it."""
    rows = project.rows(f"select id, xmin::text, ctid::text from {{s}}.{name}")
    return {key: (xmin, ctid) for key, xmin, ctid in rows}


def test_table_is_made_from_yaml_and_swapped(project: PyJobsProject) -> None:
    project.model(
        "numbers",
        'return pa.table({"note": ["a", "", None], "id": [3, 1, 2]})',
        "id bigint!; note text",
        config="""
            materialized: table
            unique_key: id
            indexes: [{columns: [note], type: btree}]
        """,
    )
    assert project.built() == {"numbers": "CREATED 3"}
    assert project.rows("select id, note from {s}.numbers order by id") == [
        (1, ""),
        (2, None),
        (3, "a"),
    ]
    assert project.built() == {"numbers": "CREATED 3"}
    assert project.tables() == {"numbers"}
    indexes = project.rows(
        "select indexname, indexdef from pg_indexes "
        "where schemaname = '{s}' order by indexdef like '%UNIQUE%'"
    )
    assert [name for name, _ in indexes][1:] == ["numbers_pkey"]
    assert "(note)" in indexes[0][1]


def test_empty_first_build_is_an_empty_table(project: PyJobsProject) -> None:
    project.model("nothing", "return None", "id bigint; note text", KEYED)
    assert project.built() == {"nothing": "CREATED 0"}
    assert project.rows("select * from {s}.nothing") == []
    assert project.built() == {"nothing": "CHANGED 0 (nothing new)"}


def test_incremental_writes_only_what_differs(project: PyJobsProject) -> None:
    project.model(
        "facts",
        """
        if not dbt.is_incremental:
            return pa.table({"id": [1, 2, 3], "note": ["a", "b", None]})
        return iter([
            pa.record_batch({"id": [1, 2], "note": ["a", "B"]}),
            pa.record_batch({"id": [3, 4], "note": pa.array([None, "d"])}),
        ])
        """,
        "id bigint; note text",
        KEYED,
    )
    assert project.built() == {"facts": "CREATED 3"}
    before = versions(project, "facts")
    assert project.built() == {"facts": "CHANGED 2"}
    after = versions(project, "facts")
    assert after[1] == before[1]
    assert after[3] == before[3]
    assert after[2] != before[2]
    assert project.rows("select * from {s}.facts order by id") == [
        (1, "a"),
        (2, "B"),
        (3, None),
        (4, "d"),
    ]
    assert project.built() == {"facts": "CHANGED 0"}
    assert versions(project, "facts") == after
    assert project.tables() == {"facts"}


def test_deletes_and_scope(project: PyJobsProject) -> None:
    project.model(
        "facts",
        """
        if not dbt.is_incremental:
            return pa.table({"day": [1, 1, 2, 2], "id": [1, 2, 3, 4], "v": [1.5] * 4})
        return Changes(
            rows=pa.table({"day": [2, 3], "id": [3, 5], "v": [1.5, 2.5]}),
            # (2, 3) is in the rows as well, and equal: it stays as it is.
            deletes=pa.table({"id": [1, 3, 99], "day": [1, 2, 1]}),
            scope="day = 2",
        )
        """,
        "day integer; id bigint; v double precision",
        "materialized: incremental\nunique_key: [day, id]",
    )
    project.built()
    before = versions(project, "facts")
    # Gone: (1, 1) by name, (2, 4) by scope. New: (3, 5).
    assert project.built() == {"facts": "CHANGED 3"}
    assert project.rows("select day, id from {s}.facts order by 1, 2") == [
        (1, 2),
        (2, 3),
        (3, 5),
    ]
    assert versions(project, "facts")[3] == before[3]
    assert project.tables() == {"facts"}


def test_key_of_all_columns(project: PyJobsProject) -> None:
    project.model(
        "pairs",
        'return Changes(pa.table({"id": [1, 2 + int(dbt.is_incremental)]}), '
        'scope="true")',
        "id bigint",
        KEYED,
    )
    project.built()
    assert project.built() == {"pairs": "CHANGED 2"}
    assert project.rows("select id from {s}.pairs order by id") == [(1,), (3,)]


def test_loads_and_fingerprint(project: PyJobsProject) -> None:
    project.model(
        "taken",
        """
        loads = session.unapplied_loads("raw.things")
        ids = loads["load_id"].to_pylist()
        assert loads.schema.names == ["load_id", "time_from", "time_to", "rows_loaded"]
        if not ids and session.fingerprint == "rules 1 's":
            return None
        return Changes(
            rows=pa.table({"id": ids, "n": loads["rows_loaded"]}),
            loads=ids,
            fingerprint="rules 1 's",
        )
        """,
        "id bigint; n bigint",
        KEYED,
    )
    project.model(
        "after",
        """
        taken = dbt.ref("taken")
        loads = session.unapplied_loads("raw.things", upstream=[taken])
        ids = loads["load_id"].to_pylist()
        return Changes(pa.table({"id": pa.array(ids, pa.int64())}), loads=ids)
        """,
        "id bigint",
        KEYED,
    )
    add = (
        "insert into ingestion.load_log (relation, rows_loaded, time_from) "
        "values (%s, 10, now()) returning load_id"
    )
    state = "select fingerprint from ops.model_state where model = '{s}.taken'"
    applied = (
        "select array_agg(load_id order by load_id) from ingestion.applied_loads "
        "where consumer = '{s}.taken'"
    )

    def load(relation: str) -> int:
        row = project.connection.execute(add, [relation]).fetchone()
        assert row is not None
        return int(row[0])

    first = load("raw.things")
    load("raw.others")
    assert project.built() == {"taken": "CREATED 1", "after": "CREATED 1"}
    assert project.rows(applied) == [([first],)]
    assert project.rows(state) == [("rules 1 's",)]
    assert project.built()["taken"] == "CHANGED 0 (nothing new)"

    second = load("raw.things")
    # `after` must not run ahead of `taken`.
    assert project.built("--select", "after") == {"after": "CHANGED 0"}
    assert project.built() == {"taken": "CHANGED 1", "after": "CHANGED 1"}
    assert project.rows(applied) == [([first, second],)]

    project.connection.execute(
        "delete from ingestion.load_log where load_id = %s", [first]
    )
    assert project.built("--full-refresh")["taken"] == "CREATED 1"
    assert project.rows(applied) == [([second],)]
    assert project.rows("select id from {s}.taken") == [(second,)]


def test_a_model_computed_whole_says_why(
    project: PyJobsProject, capsys: pytest.CaptureFixture[str]
) -> None:
    builds = "select reason, made_of from ops.model_builds where model = '{s}.facts'"

    def build(rules: object, code: str = "1", *args: str) -> list[str]:
        project.model(
            "facts",
            f"""
            return Changes(
                pa.table({{"id": [1]}}),
                scope="true",
                fingerprint=str({rules!r}) + {code!r},
                made_of={{"rules": {rules!r}, "settings": {{"days": 14}}}},
            )
            """,
            "id bigint",
            KEYED,
        )
        capsys.readouterr()
        project.built(*args)
        lines = capsys.readouterr().out.splitlines()
        return [
            line.partition("computed again: ")[2]
            for line in lines
            if f"{project.schema}.facts: all of it is computed again" in line
        ]

    assert build([1]) == []
    assert project.rows(builds) == [
        ("first build", {"rules": [1], "settings": {"days": 14}})
    ]
    assert build([1]) == []
    assert build([1, 2]) == ["rules is [1, 2] instead of [1]"]
    assert build([1, 2], "2") == ["its code changed"]
    assert build(list(range(99)), "2") == ["rules changed"]
    assert build(list(range(99)), "2", "--full-refresh") == ["full refresh"]
    reasons = [reason for reason, _ in project.rows(builds)]
    assert reasons[1:] == [
        "rules is [1, 2] instead of [1]",
        "its code changed",
        "rules changed",
        "full refresh",
    ]

    # An earlier release built it: taken over when its mark is the same, else computed.
    forget = "delete from ops.model_builds"
    project.connection.execute(forget)
    assert build(list(range(99)), "2") == []
    assert [reason for reason, _ in project.rows(builds)] == ["on record"]
    project.connection.execute(forget)
    assert build([3]) == ["no record of what it was made of"]


def test_failed_finish_leaves_table_and_bookkeeping(project: PyJobsProject) -> None:
    body = """
        if not dbt.is_incremental:
            return Changes(pa.table({"id": [1]}), loads=[7], fingerprint="a")
        return Changes(
            pa.table({"id": [2]}), loads=[8], fingerprint="b", scope="no_such_column"
        )
    """
    project.model("facts", body, "id bigint", KEYED)
    project.built()
    assert "no_such_column" in project.error()
    kept = (
        "select load_id from ingestion.applied_loads where consumer = '{s}.facts' "
        "union all select ascii(fingerprint) from ops.model_state "
        "where model = '{s}.facts'"
    )
    assert project.rows(kept) == [(7,), (97,)]
    assert project.rows("select id from {s}.facts") == [(1,)]
    assert project.tables() == {"facts"}
    # The next run is not in the failed one's way.
    project.model("facts", body.replace("no_such_column", "true"), "id bigint", KEYED)
    assert project.built() == {"facts": "CHANGED 2"}
    assert project.rows(kept) == [(7,), (8,), (98,)]


@pytest.mark.parametrize("kind", ["table", "incremental"])
def test_a_failing_post_hook_takes_everything_back(
    project: PyJobsProject, kind: str
) -> None:
    config = f"materialized: {kind}\nunique_key: id"
    body = 'return Changes(pa.table({"id": [1]}), loads=[7], fingerprint="a")'
    project.model("facts", body, "id bigint", config)
    project.built()
    state = "select fingerprint from ops.model_state where model = '{s}.facts'"
    assert project.rows(state) == [("a",)]
    other = body.replace("[1]", "[2]").replace('"a"', '"b"').replace("7", "8")
    hook = 'post_hook: "select 1 / 0"'
    project.model("facts", other, "id bigint", f"{config}\n{hook}")
    assert "division by zero" in project.error()
    assert project.rows("select id from {s}.facts") == [(1,)]
    assert project.rows(state) == [("a",)]
    loads = "select load_id from ingestion.applied_loads where consumer = '{s}.facts'"
    assert project.rows(loads) == [(7,)]


def test_leftovers_of_a_killed_run_are_dropped(project: PyJobsProject) -> None:
    project.model("facts", 'return pa.table({"id": [1]})', "id bigint", KEYED)
    for suffix in ("tmp", "stage", "deletes"):
        project.connection.execute(
            f"create table {project.schema}.facts__dbt_{suffix} (other text)"
        )
    assert project.built() == {"facts": "CREATED 1"}
    assert project.tables() == {"facts"}


def test_empty_flag_calls_no_model(project: PyJobsProject) -> None:
    project.model(
        "facts",
        """
        if dbt.config.get("stop"):
            raise RuntimeError("the model was called")
        return pa.table({"id": [1, 2]})
        """,
        "id bigint",
        KEYED + "\nstop: '{{ flags.EMPTY }}'",
    )
    assert project.built("--empty") == {"facts": "CREATED 0"}
    assert project.built("--empty") == {"facts": "CHANGED 0 (--empty)"}
    project.model("facts", 'return pa.table({"id": [1, 2]})', "id bigint", KEYED)
    assert project.built() == {"facts": "CHANGED 2"}


def test_dbts_own_adapter_is_left_as_it_is(project: PyJobsProject) -> None:
    project.model("facts", 'return pa.table({"id": [1]})', "id bigint", KEYED)
    project.built()
    # What a profile's `type: postgres` means to dbt in this process.
    assert FACTORY.get_plugin_by_name("postgres").adapter is PostgresAdapter
    for name in (
        "default_python_submission_method",
        "python_submission_helpers",
        "generate_python_submission_response",
        "post_model_hook",
    ):
        assert getattr(impl.PostgresAdapter, name) is getattr(BaseAdapter, name)


def test_sql_models_keep_dbts_own_materializations(project: PyJobsProject) -> None:
    models = project.folder / "models"
    (models / "plain.sql").write_text(
        "{{ config(materialized='table') }} select 1::bigint as id, 'a' as note"
    )
    (models / "merged.sql").write_text(
        "{{ config(materialized='incremental', unique_key='id') }} "
        "select id, note from {{ ref('facts') }}"
    )
    project.model(
        "facts",
        'return dbt.ref("plain").to_arrow(columns=["id", "note"])',
        "id bigint; note text",
        KEYED,
    )
    first = project.built()
    assert first == {"plain": "SELECT 1", "facts": "CREATED 1", "merged": "SELECT 1"}
    second = project.built()
    assert second["facts"] == "CHANGED 0"
    assert project.rows("select * from {s}.merged") == [(1, "a")]
    manifest_parents = project.rows("select id, note from {s}.facts")
    assert manifest_parents == [(1, "a")]


def test_pre_hooks_are_seen_and_post_hooks_join(project: PyJobsProject) -> None:
    project.connection.execute(f"create table {project.schema}.log (note text)")
    project.model(
        "facts",
        """
        log = f"{dbt.this.schema}.log"
        return session.read(f"select count(*) as id from {log}")
        """,
        "id bigint",
        KEYED
        + """
pre_hook: "insert into {{ this.schema }}.log values ('before')"
post_hook: "insert into {{ this.schema }}.log select 'after ' || id from {{ this }}"
""",
    )
    project.built()
    assert project.rows("select note from {s}.log") == [("before",), ("after 1",)]


def test_grants_and_docs_are_kept(project: PyJobsProject) -> None:
    project.model(
        "facts",
        'return pa.table({"id": [1]})',
        "id bigint",
        KEYED
        + "\ngrants: {select: [pg_monitor]}"
        + "\npersist_docs: {relation: true, columns: true}",
    )
    yaml = project.folder / "models/facts.yml"
    yaml.write_text(
        yaml.read_text().replace("name: facts", "name: facts\n    description: Facts.")
    )
    for args in ([], [], ["--full-refresh"]):
        project.built(*args)
        assert project.rows(
            "select has_table_privilege('pg_monitor', '{s}.facts', 'select'), "
            "obj_description('{s}.facts'::regclass)"
        ) == [(True, "Facts.")]


def test_two_models_at_the_same_time(project: PyJobsProject) -> None:
    body = """
        import time
        from pathlib import Path
        deadline = time.monotonic() + 120
        others = (
            "select count(*) from pg_stat_activity "
            "where application_name = 'dbt {other}' and datname = current_database()"
        )
        # Neither goes on before the other has connected, and has seen it.
        for step in ("connected", "seen"):
            found = session.connection.execute(others).fetchone()
            Path("{folder}/{name}_" + step).touch()
            while not Path("{folder}/{other}_" + step).exists():
                assert time.monotonic() < deadline, "the other model never ran"
                time.sleep(0.05)
        assert found == (1,), found
        return (pa.record_batch({{"id": [i, i + 1]}}) for i in range(0, 1000, 2))
    """
    for name, other in (("left", "right"), ("right", "left")):
        text = body.format(name=name, other=other, folder=project.folder)
        project.model(name, text, "id bigint", KEYED)
    assert project.built() == {"left": "CREATED 1000", "right": "CREATED 1000"}


@pytest.mark.parametrize("first", ["table", "view"])
def test_a_model_that_was_sql_before(project: PyJobsProject, first: str) -> None:
    sql = project.folder / "models/facts.sql"
    sql.write_text(f"{{{{ config(materialized='{first}') }}}} select 5::bigint as id")
    project.built()
    sql.unlink()
    project.model("facts", 'return pa.table({"id": [1]})', "id bigint", KEYED)
    if first == "table":
        assert "primary key" in project.error()
    assert project.built("--full-refresh") == {"facts": "CREATED 1"}
    assert project.rows("select id from {s}.facts") == [(1,)]


def test_constraints_of_yaml(project: PyJobsProject) -> None:
    project.model("facts", 'return pa.table({"id": [1], "n": [3]})', "", KEYED)
    yaml = """
models:
  - name: facts
    config: {materialized: incremental, unique_key: id}
    constraints:
      - {type: primary_key, columns: [id]}
      - {type: check, name: small, expression: n < 5}
    columns:
      - {name: id, data_type: bigint, constraints: [{type: not_null}]}
      - {name: n, data_type: bigint, constraints: [{type: check, expression: n > 0}]}
"""
    (project.folder / "models/facts.yml").write_text(yaml)
    for args in ([], [], ["--full-refresh"]):
        project.built(*args)
        assert project.rows(
            "select conname, contype::text from pg_constraint "
            "where conrelid = '{s}.facts'::regclass and contype <> 'n' order by conname"
        ) == [("facts_n_check", "c"), ("facts_pkey", "p"), ("small", "c")]
    model = project.folder / "models/facts.py"
    model.write_text(model.read_text().replace("[3]", "[7]"))
    assert 'violates check constraint "small"' in project.error()
    assert project.rows("select n from {s}.facts") == [(3,)]


def test_docs_show_lineage_and_columns(project: PyJobsProject) -> None:
    (project.folder / "models/base.sql").write_text("select 1::bigint as id")
    project.model("facts", 'return dbt.ref("base").to_arrow()', "id bigint", KEYED)
    project.built()
    result = dbtRunner().invoke(["docs", "generate", *project.places()])
    assert result.success
    target = project.folder / "target"
    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest["nodes"]["model.throwaway.facts"]["depends_on"]["nodes"] == [
        "model.throwaway.base"
    ]
    catalog = json.loads((target / "catalog.json").read_text())
    facts = catalog["nodes"]["model.throwaway.facts"]
    assert facts["columns"]["id"]["type"] == "bigint"


def test_batches_are_written_as_they_come(project: PyJobsProject) -> None:
    project.model(
        "many",
        """
        import weakref

        def batches():
            alive = []
            for start in range(0, 1_000_000, 20_000):
                batch = pa.record_batch({"id": pa.array(range(start, start + 20_000))})
                alive.append(weakref.ref(batch))
                yield batch
                del batch
                assert sum(ref() is not None for ref in alive) < 10
        return batches()
        """,
        "id bigint",
        KEYED,
    )
    assert project.built() == {"many": "CREATED 1000000"}


def test_other_data_frames_come_through_the_arrow_interface(
    project: PyJobsProject,
) -> None:
    project.model(
        "frame",
        """
        import pandas as pd
        return Changes(rows=pd.DataFrame({"id": [1, 2], "note": ["a", None]}))
        """,
        "id bigint; note text",
        KEYED,
    )
    assert project.built() == {"frame": "CREATED 2"}


def test_quoted_column_names(project: PyJobsProject) -> None:
    project.model("odd", 'return pa.table({"Trade Id": [1], "n": [2]})', "", KEYED)
    (project.folder / "models/odd.yml").write_text(
        """
models:
  - name: odd
    config: {materialized: incremental, unique_key: [Trade Id]}
    columns:
      - {name: Trade Id, data_type: bigint, quote: true}
      - {name: N, data_type: bigint}
"""
    )
    assert project.built() == {"odd": "CREATED 1"}
    model = project.folder / "models/odd.py"
    model.write_text(model.read_text().replace("[2]", "[3]"))
    assert project.built() == {"odd": "CHANGED 1"}
    assert project.rows('select "Trade Id", n from {s}.odd') == [(1, 3)]
