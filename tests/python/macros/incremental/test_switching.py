"""A model becomes anything else and back, on every edition, and is right each time."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from aggregate_project import AggregateProject, readings
from conftest import Database

HOUR = timedelta(hours=1)
KINDS = ("view", "table", "incremental", "materialized_view", "continuous_aggregate")

RELKIND = {
    "view": "v",
    "table": "r",
    "incremental": "r",
    "materialized_view": "m",
    "continuous_aggregate": "r",
}


def _tour() -> list[str]:
    """Return a walk over all kinds that takes every step from one to another once."""
    ahead = {kind: [k for k in reversed(KINDS) if k != kind] for kind in KINDS}
    stack, walk = [KINDS[0]], []
    while stack:
        if ahead[stack[-1]]:
            stack.append(ahead[stack[-1]].pop())
        else:
            walk.append(stack.pop())
    return walk[::-1]


def _star() -> list[str]:
    """Return a walk to the rollup and back from each other kind."""
    return [kind for other in KINDS[:-1] for kind in (other, KINDS[-1])] + [KINDS[0]]


def test_the_tour_takes_every_step() -> None:
    walk = _tour()
    assert sorted(pairwise(walk)) == sorted(permutations(KINDS, 2))


@pytest.mark.parametrize(
    ("time", "walk"), [("timestamptz", _tour()), ("integer", _star())]
)
def test_every_switch_leaves_the_right_relation_with_all_rows(
    tmp_path: Path, database: Database, time: str, walk: list[str]
) -> None:
    project = AggregateProject(tmp_path, database.conninfo, time)
    for step, kind in enumerate(walk):
        project.put(readings(step / 2, step / 2 + 40))
        project.write_rollup(materialized=kind)
        project.run()
        assert project.totals() == project.expected(HOUR), (step, kind)
        native = kind == "continuous_aggregate" and project.is_native
        relkind = "v" if native else RELKIND[kind]
        found = project.query(
            "select relname, relkind::text from pg_class"
            " where relnamespace = 'analytics'::regnamespace and relkind <> 'i'"
        )
        assert found == [("probe", relkind)], (step, kind)


@pytest.mark.parametrize("kind", ["incremental", "materialized_view"])
def test_what_a_rollup_became_goes_on_as_such(
    tmp_path: Path, database: Database, kind: str
) -> None:
    project = AggregateProject(tmp_path, database.conninfo)
    project.put(readings(0, 1))
    project.write_rollup()
    project.run()
    project.write_rollup(materialized=kind)
    for hour in (2, 3):
        project.put(readings(hour))
        project.run()
        assert project.totals() == project.expected(HOUR)


def test_the_record_of_a_rollup_goes_with_it(
    tmp_path: Path, database: Database
) -> None:
    project = AggregateProject(tmp_path, database.conninfo)
    project.put(readings(0, 1))
    project.write_rollup()
    project.run()
    project.write_rollup(materialized="table", value="-sum(value)")
    project.run()
    assert project.query("select 1 from ops.model_state") == []
    project.write_rollup()
    assert project.run()["probe"] != "REFRESH 0"
    assert project.totals() == project.expected(HOUR)
