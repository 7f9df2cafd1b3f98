"""The columns that YAML describes are those that a build makes, and the reverse.

A build of an empty database makes every relation, whatever its rows would be; an
ephemeral model is no relation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import servers
from simulated import WITHOUT_TESTS
from whole_project import run_dbt

KINDS = ("model", "seed", "snapshot")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where an empty database was built, and dbt's manifest of it."""
    conninfo = make_database()
    target = tmp_path_factory.mktemp("columns")
    env = servers.environment(conninfo)
    # The scorecards, too.
    build = ("build", *WITHOUT_TESTS, "--select", "package:vigil", "--write-json")
    done = run_dbt(env, *build, target=target)
    assert done.success, done.said
    return conninfo, json.loads((target / "manifest.json").read_text())


def _differences(
    conn: psycopg.Connection[Any], manifest: dict[str, Any]
) -> Iterator[str]:
    """Say where columns, their types or comments are not as YAML says."""
    nodes = [
        node
        for node in (*manifest["nodes"].values(), *manifest["sources"].values())
        if node["resource_type"] in (*KINDS, "source")
        and node["config"].get("materialized") != "ephemeral"
    ]
    for node in nodes:
        name = node.get("alias") or node["identifier"]
        found = {
            row[0]: row[1:]
            for row in conn.execute(
                "select attname, atttypid, col_description(attrelid, attnum)"
                " from pg_attribute where attrelid = to_regclass("
                " quote_ident(%s) || '.' || quote_ident(%s))"
                " and attnum > 0 and not attisdropped",
                (node["schema"], name),
            )
        }
        relation = f"{node['schema']}.{name}"
        declared = node["columns"]
        if not found:
            yield f"{relation} is not there"
            continue
        yield from (f"{relation}.{c} is in no YAML" for c in found.keys() - declared)
        yield from (f"{relation}.{c} is in YAML only" for c in declared.keys() - found)
        for column in found.keys() & declared.keys():
            oid, comment = found[column]
            wanted = declared[column]["data_type"]
            same = "select to_regtype(%s)::oid = %s"
            # dbt takes the types of most columns of seeds from their values.
            if wanted and conn.execute(same, (wanted, oid)).fetchone() != (True,):
                yield f"{relation}.{column} is not {wanted}"
            if not comment:
                yield f"{relation}.{column} has no comment in the database"


def test_columns_are_those_of_the_yaml(
    built: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    conninfo, manifest = built
    with psycopg.connect(**conninfo) as conn:
        assert sorted(_differences(conn, manifest)) == []


def test_columns_that_differ_are_found(
    built: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    conninfo, manifest = built
    columns = manifest["nodes"]["model.vigil.trader_profiles"]["columns"]
    changed = {**columns, "seeded": columns["user_address"]}
    changed["user_address"] = {**columns["user_address"], "data_type": "bigint"}
    del changed["volume"]
    seeded = json.loads(json.dumps(manifest))
    seeded["nodes"]["model.vigil.trader_profiles"]["columns"] = changed
    seeded["sources"]["source.vigil.hyperliquid.fills"]["identifier"] = "nothing"
    with psycopg.connect(**conninfo) as conn:
        conn.execute("comment on column analytics.trader_profiles.fill_count is null")
        assert sorted(_differences(conn, seeded)) == [
            "analytics.trader_profiles.fill_count has no comment in the database",
            "analytics.trader_profiles.seeded is in YAML only",
            "analytics.trader_profiles.user_address is not bigint",
            "analytics.trader_profiles.volume is in no YAML",
            "hyperliquid.nothing is not there",
        ]
        conn.rollback()
