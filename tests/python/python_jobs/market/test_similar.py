"""Similar windows: planted ones are found, none overlaps, no look-ahead."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from btc_candles import MIDNIGHT, random_candles
from embedding_project import SEARCH, EmbeddingProject
from psycopg.conninfo import make_conninfo

from pgio.connection import PROJECT_DIR

pytest_plugins = ["embedding_database"]


HOUR = 3600
WINDOW = 300
PLANTED = (40 * 60, 100 * 60, 200 * 60)
END = 240 * 60
PRICES = ("open", "high", "low", "close")
STEP_15 = {"embedding_step": "15 seconds"}


def planted(copies: tuple[int, ...] = PLANTED) -> pa.Table:
    """Four hours of noise, into which one window of a steep run-up is put again."""
    noise = random_candles(END, seed=21)
    pattern = random_candles(WINDOW, seed=8, activity=0.9)
    age = pc.subtract(pattern["second"], MIDNIGHT).to_numpy()
    for number, begin in enumerate(copies):
        second = noise["second"]
        inside = pc.and_(
            pc.greater_equal(second, MIDNIGHT + begin),
            pc.less(second, MIDNIGHT + begin + WINDOW),
        )
        copy = {name: pattern[name].to_numpy() for name in pattern.schema.names}
        # Much the same, at another price: a move of 1 %, first slow, then fast.
        level = (1 + 0.1 * number) * np.exp(0.01 * (age / WINDOW) ** 3)
        for name in PRICES:
            copy[name] = copy[name] * level
        copy["notional"] = copy["notional"] * level
        copy["sell_volume"] = copy["sell_volume"] * (0.1 + 0.01 * number)
        copy["second"] = MIDNIGHT + begin + age
        fresh = pa.table(copy, schema=pattern.schema)
        noise = pa.concat_tables([noise.filter(pc.invert(inside)), fresh])
    return noise.sort_by("second")


def similar(
    project: EmbeddingProject, second: int, k: int = 10, **named: Any
) -> list[tuple[Any, ...]]:
    """Return rank, seconds since midnight, distance and what followed."""
    arguments = "".join(f", {name} => {value}" for name, value in named.items())
    return project.rows(
        "select neighbour_rank,"
        f" extract(epoch from neighbour_bucket)::int - {MIDNIGHT}, distance,"
        " what_followed from signals.similar_windows("
        f"to_timestamp({MIDNIGHT + second}), {k}{arguments})"
    )


def index(project: EmbeddingProject) -> tuple[dict[str, Any], int] | None:
    """Return what the index was built as, and its identity."""
    found = project.rows(
        "select obj_description(oid, 'pg_class'), oid::int from pg_class"
        " where relname = 'btc_embeddings_feature_vector_nearest'"
    )
    return (json.loads(found[0][0]), found[0][1]) if found else None


def test_planted_windows_are_the_nearest(project: EmbeddingProject) -> None:
    project.load(planted())
    project.build(select=SEARCH)
    for exact in ("false", "true"):
        found = similar(project, PLANTED[-1], k=5, is_exact=exact)
        assert {begin for _, begin, *_ in found[:2]} == set(PLANTED[:2])
        # Far nearer than anything that was not planted.
        assert found[1][2] < 0.5 * found[2][2]
    # The middle one knows of the first only.
    found = similar(project, PLANTED[1], k=3)
    assert found[0][1] == PLANTED[0]
    assert all(begin + WINDOW <= PLANTED[1] for _, begin, *_ in found)


def test_the_models_pass_their_tests_and_show_what_the_function_says(
    project: EmbeddingProject,
) -> None:
    project.load(planted())
    project.load(random_candles(3 * HOUR, seed=4), exchange="kraken")
    project.variables = {"similar_windows_count": 6}
    built = project.dbt("build", "--select", *SEARCH)
    assert "btc_similar_windows_summary_weighs_by_similarity" in built
    rows = project.rows(
        "select exchange, bucket, neighbour_rank, neighbour_bucket, similarity,"
        " what_followed from signals.btc_similar_windows order by 1, 2, 3"
    )
    assert len(rows) == 2 * 60 * 6
    for exchange, bucket, rank, neighbour, similarity, followed in rows[::13]:
        seconds = int(bucket.timestamp()) - MIDNIGHT
        again = similar(project, seconds, 6, exchange=f"'{exchange}'")[rank - 1]
        assert int(neighbour.timestamp()) - MIDNIGHT == again[1]
        assert (similarity, followed) == (pytest.approx(1 - again[2]), again[3])
    # One summary by hand.
    exchange, bucket = rows[-1][:2]
    mine = [row for row in rows if row[:2] == (exchange, bucket)]
    weight = np.array([row[4] for row in mine])
    returns = np.array([row[5]["5 minutes"]["log_return"] for row in mine])
    expected = (weight * returns).sum() / weight.sum()
    hits = weight[np.sign(returns) == np.sign(expected)].sum() / weight.sum()
    [summary] = project.rows(
        "select neighbour_count, expected_return, hit_rate, effective_sample_size"
        " from signals.btc_similar_windows_summary where horizon = '5 minutes'"
        f" and exchange = '{exchange}' and bucket = '{bucket}'"
    )
    effective = weight.sum() ** 2 / (weight**2).sum()
    assert summary == pytest.approx((6, expected, hits, effective))


def test_neighbours_do_not_overlap_and_are_ordered(project: EmbeddingProject) -> None:
    project.variables = STEP_15
    project.load(random_candles(3 * HOUR, seed=6))
    project.build()
    assert index(project) is None
    for second in range(HOUR, 2 * HOUR, 615):
        found = similar(project, second, k=8)
        assert found == similar(project, second, k=8, is_exact="true")
        assert [rank for rank, *_ in found] == list(range(1, len(found) + 1))
        assert all(a[2] <= b[2] for a, b in pairwise(found))
        begins = sorted(begin for _, begin, *_ in found)
        assert all(b - a >= WINDOW for a, b in pairwise([*begins, second]))
        assert len(found) == 8
    # Asked for more than there are, it gives what there is.
    few = similar(project, 20 * 60, k=50)
    assert 2 <= len(few) <= 4


def test_what_followed_is_what_was_known(project: EmbeddingProject) -> None:
    project.load(random_candles(5 * HOUR, seed=12))
    project.build()
    known = {False: 0, True: 0}
    for second in (2 * HOUR, 3 * HOUR + 120):
        for _, begin, _, followed in similar(project, second, k=15):
            [(labels,)] = project.rows(
                "select label_snapshot from signals.btc_embeddings"
                f" where bucket = to_timestamp({MIDNIGHT + begin})"
            )
            horizons = {"1 minute": 60, "5 minutes": 300, "15 minutes": 900}
            for name, horizon in (horizons | {"1 hour": HOUR}).items():
                is_known = begin + WINDOW + horizon <= second + WINDOW
                known[is_known] += 1
                assert labels[name] is not None
                assert followed[name] == (labels[name] if is_known else None)
    assert all(known.values())


def test_the_index_finds_what_an_exact_search_finds(project: EmbeddingProject) -> None:
    project.variables = STEP_15
    project.load(random_candles(60 * HOUR, seed=31))
    # Another venue's windows are in the index as well; the search leaves them out.
    project.load(random_candles(6 * HOUR, seed=32), exchange="kraken")
    project.build()
    built = index(project)
    assert built is not None
    rows = project.value("select count(*) from signals.btc_embeddings")
    assert rows > 15_000
    assert built[0] == {"method": "ivfflat", "lists": rows // 1000, "rows": rows}
    # The planner takes it, with the filter of the function.
    plan = project.rows(
        "explain select bucket from signals.btc_embeddings where"
        " exchange = 'binance_spot' and feature_version = (select max(feature_version)"
        " from signals.btc_feature_scales)"
        f" and bucket <= to_timestamp({MIDNIGHT + 50 * HOUR})"
        " order by feature_vector <=> (select feature_vector"
        " from signals.btc_embeddings limit 1) limit 352"
    )
    assert any("btc_embeddings_feature_vector_nearest" in line for (line,) in plan)
    hits = asked = 0
    for second in range(30 * HOUR, 59 * HOUR, 4500):
        exact = similar(project, second, exchange="'binance_spot'", is_exact="true")
        found = similar(project, second, exchange="'binance_spot'")
        assert len(found) == len(exact) == 10
        assert all(begin + WINDOW <= second for _, begin, *_ in found)
        hits += len({row[1] for row in exact} & {row[1] for row in found})
        asked += 10
    assert hits / asked >= 0.95


def test_the_index_is_built_when_it_is_worth_it_and_again_when_doubled(
    project: EmbeddingProject,
) -> None:
    project.variables = {"embedding_step": "5 seconds"}
    candles = random_candles(4 * HOUR, seed=13)
    seconds = [0, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]
    parts = [
        candles.filter(
            pc.and_(
                pc.greater_equal(candles["second"], MIDNIGHT + begin),
                pc.less(candles["second"], MIDNIGHT + end),
            )
        )
        for begin, end in pairwise(seconds)
    ]
    states = []
    for part in parts:
        project.load(part)
        project.build()
        states.append(index(project))
    none, first, same, doubled = states
    assert none is None
    assert first is not None
    assert first == same
    assert doubled is not None
    assert first[0]["rows"] < 1440 <= 2 * first[0]["rows"] <= doubled[0]["rows"]
    assert doubled[0] == {"method": "ivfflat", "lists": 2, "rows": doubled[0]["rows"]}
    assert doubled[1] != first[1]

    # Nothing new: nothing built. Another method: at once.
    assert project.build()["btc_embeddings"] == "CHANGED 0 (nothing new)"
    assert index(project) == doubled
    exact = similar(project, 3 * HOUR, is_exact="true")
    project.variables |= {"embedding_index": "hnsw"}
    project.build()
    built = index(project)
    assert built is not None
    assert built[0]["method"] == "hnsw"
    assert similar(project, 3 * HOUR) == exact
    project.variables |= {"embedding_index": "none"}
    project.build()
    assert index(project) is None
    assert similar(project, 3 * HOUR) == exact
    project.variables |= {"embedding_index": "btree"}
    done = project.invoke("run", "--select", "btc_embeddings")
    messages = [r.message for r in done.result if r.message]
    assert any("index method 'btree'" in message for message in messages)


def test_questions_without_an_answer_are_refused(project: EmbeddingProject) -> None:
    project.load(random_candles(2 * HOUR, seed=2))
    project.load(random_candles(2 * HOUR, seed=3), exchange="kraken")
    project.build()
    for call, message in (
        ("to_timestamp(0), 3", "no window of any venue begins at 1970-01-01"),
        (f"to_timestamp({MIDNIGHT + HOUR}), 3", "{binance_spot,kraken}"),
        (f"to_timestamp({MIDNIGHT + HOUR}), 0", "k is 0, it must be at least 1"),
        (f"to_timestamp({MIDNIGHT + HOUR}), 3, 'nyse'", "no window of nyse begins"),
    ):
        with pytest.raises(Exception, match="similar_windows: ") as caught:
            project.rows(f"select * from signals.similar_windows({call})")
        assert message in str(caught.value)
    # pgvector's rule for lists, on both sides of a million rows.
    for rows, lists in ((999, 1), (1_999, 1), (1_000_000, 1_000), (4_000_000, 2_000)):
        inline = f"{{{{ vector_index_lists({rows}) }}}}"
        [node] = project.invoke("compile", "--inline", inline).result.results
        assert node.node.compiled_code == str(lists)
    # The settings of the search stay inside it.
    [(before,)] = project.rows("select current_setting('ivfflat.probes', true)")
    assert before in (None, "", "1")


def test_the_search_from_python_finds_the_window_itself(
    project: EmbeddingProject,
) -> None:
    project.load(random_candles(2 * HOUR, seed=17))
    project.build()
    page = (PROJECT_DIR / "docs" / "embeddings.md").read_text("utf-8")
    [code] = re.findall(r"^```python nearest.py\n(.*?)^```$", page, re.S | re.M)
    done = subprocess.run(
        [sys.executable, "-c", code, make_conninfo(**project.conninfo)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.rsplit(maxsplit=2) for line in done.stdout.splitlines()]
    newest = project.value("select max(bucket) from signals.btc_embeddings")
    assert len(lines) == 10
    assert lines[0][:2] == [str(newest), "binance_spot"]
    distances = [float(distance) for _, _, distance in lines]
    assert distances == sorted(distances)
    assert distances[0] < 1e-6 < distances[1]
