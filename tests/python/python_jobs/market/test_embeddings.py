"""Embeddings through dbt: frozen scales, exact increments, labels, no waste."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from btc_candles import DAY, EVENING, HOUR, MIDNIGHT, between, random_candles
from embedding_project import SEARCH, EmbeddingProject

pytest_plugins = ["embedding_database"]


def vectors(project: EmbeddingProject) -> dict[tuple[object, ...], str]:
    return {key: row[1] for key, row in project.embeddings().items()}


def test_loads_in_any_helpings_give_the_rows_of_a_full_refresh(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    project.load(between(candles, EVENING, EVENING + 90 * 60))
    first = project.build()
    assert first["btc_feature_scales"] == "CREATED 14"
    # 90 minutes hold 86 whole windows; the last of them ends with the data.
    assert first["btc_embeddings"] == "CREATED 85"
    created = dict(
        project.rows("select bucket, created_at from signals.btc_embeddings")
    )

    project.load(between(candles, EVENING + 90 * 60, MIDNIGHT + 40 * 60))
    project.build()
    # After the gap, then what lies before it.
    project.load(between(candles, MIDNIGHT + 2 * HOUR, MIDNIGHT + 4 * HOUR))
    project.build()
    project.load(between(candles, MIDNIGHT + 40 * 60, MIDNIGHT + HOUR))
    # A few late trades change candles long gone by; others bring another venue.
    late = between(candles, EVENING + 1000, EVENING + 1060)
    doubled = pc.multiply(late["buy_volume"], 2.0)
    place = late.schema.get_field_index("buy_volume")
    project.load(late.set_column(place, "buy_volume", doubled))
    project.load(between(candles, EVENING, MIDNIGHT), exchange="coinbase")
    # A load of nothing has no time.
    project.rows(
        "insert into ingestion.load_log (relation, object, rows_read, rows_loaded,"
        " rows_duplicate, rows_quarantined, started_at, finished_at)"
        " values ('market_data.btc_ticks', 'none', 1, 0, 1, 0, now(), now())"
        " returning 1"
    )
    project.rows(
        "insert into ingestion.applied_loads (consumer, load_id) select"
        " 'market_data.btc_ohlcv_1s', max(load_id) from ingestion.load_log returning 1"
    )
    project.build()
    increments = project.embeddings()
    # What was made first keeps its time, whatever was completed since.
    again = dict(
        project.rows(
            "select bucket, created_at from signals.btc_embeddings"
            " where exchange = 'binance_spot'"
        )
    )
    assert {bucket: again[bucket] for bucket in created} == created
    scales = project.rows("select * from signals.btc_feature_scales order by 1, 2, 3")

    project.build("--full-refresh")
    assert project.embeddings() == increments
    assert {key[1] for key in increments} == {"binance_spot", "coinbase"}
    # Not even a full refresh fits anew.
    assert scales == project.rows(
        "select * from signals.btc_feature_scales order by 1, 2, 3"
    )
    # No window lies in the gap; those that overlap with an edge of it are there.
    gap = project.rows(
        "select extract(epoch from min(bucket))::int, extract(epoch from max(bucket))"
        "::int from signals.btc_embeddings where exchange = 'binance_spot'"
        f" and bucket between to_timestamp({MIDNIGHT + HOUR - 60})"
        f" and to_timestamp({MIDNIGHT + 2 * HOUR - 240})"
    )
    assert gap == [(MIDNIGHT + HOUR - 60, MIDNIGHT + 2 * HOUR - 240)]


def test_a_build_without_new_loads_writes_nothing(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    project.load(candles)
    project.build(select=SEARCH)
    before = {name: project.row_versions(name) for name in SEARCH}
    assert all(before.values())
    catalogue = "select max(xmin::text::bigint) from pg_proc"
    functions = project.value(catalogue)
    again = project.build(select=SEARCH)
    assert again["btc_feature_scales"] == "CHANGED 0 (nothing new)"
    assert again["btc_embeddings"] == "CHANGED 0 (nothing new)"
    assert {name: project.row_versions(name) for name in SEARCH} == before
    assert project.value(catalogue) == functions


def test_labels_are_filled_when_they_become_known(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    until = EVENING + 90 * 60
    project.load(between(candles, EVENING, until))
    project.build()
    early = project.embeddings()
    known = {
        name: project.value(
            "select count(*) from signals.btc_embeddings "
            f"where label_snapshot -> '{name}' <> 'null'"
        )
        for name in ("1 minute", "5 minutes", "15 minutes", "1 hour")
    }
    # 90 minutes less the window, the horizon, and the last second, still open.
    assert known == {"1 minute": 84, "5 minutes": 80, "15 minutes": 70, "1 hour": 25}
    project.load(between(candles, until, MIDNIGHT + HOUR))
    changed = project.build()["btc_embeddings"]
    late = project.embeddings()
    waiting = [key for key in early if early[key] != late[key]]
    assert len(waiting) == 60
    for key in waiting:
        assert early[key][:2] == late[key][:2]
        before, after = early[key][2], late[key][2]
        assert {k: v for k, v in before.items() if v}.items() <= after.items()
        assert None not in after.values() or key[0].timestamp() > MIDNIGHT - HOUR
    assert changed == f"CHANGED {len(late) - len(early) + len(waiting)}"


def test_label_values_are_those_of_the_candles(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    project.load(candles)
    project.build()
    frame = candles.to_pandas()
    for bucket, labels in project.rows(
        "select extract(epoch from bucket)::bigint, label_snapshot"
        f" from signals.btc_embeddings where bucket >= to_timestamp({MIDNIGHT - 900})"
        " order by bucket limit 40"
    ):
        end = bucket + 300
        start = frame[frame["second"] < end]["close"].iloc[-1]
        for name, horizon in (("1 minute", 60), ("15 minutes", 900)):
            seconds = frame["second"]
            after = frame[(seconds >= end) & (seconds < end + horizon)]["close"]
            if after.empty:
                assert labels[name] is None
                continue
            path = np.log([start, *after])
            assert labels[name]["log_return"] == pytest.approx(path[-1] - path[0])
            expected = np.sqrt((np.diff(path) ** 2).sum())
            assert labels[name]["volatility"] == pytest.approx(expected)


def test_the_future_changes_no_vector(
    project: EmbeddingProject, candles: pa.Table
) -> None:
    until = MIDNIGHT
    project.variables = {
        "embedding_training_range": {
            "name": "evening",
            "from": "2025-01-01T22:00:00Z",
            "to": "2025-01-01T23:30:00Z",
        }
    }
    project.load(between(candles, EVENING, until))
    project.build()
    before = vectors(project)
    # Another future, and a full refresh of everything that may be refreshed.
    project.load(random_candles(DAY // 8, seed=77, start=until, activity=0.5))
    project.build("--full-refresh")
    after = vectors(project)
    assert len(after) > len(before) + 100
    assert {key: after[key] for key in before} == before


def test_windows_without_two_trades_are_left_out_and_counted(
    project: EmbeddingProject, candles: pa.Table, capsys: pytest.CaptureFixture[str]
) -> None:
    one = between(candles, EVENING, EVENING + 2 * HOUR)
    quiet = pc.and_(
        pc.greater(one["second"], EVENING + 1200),
        pc.less(one["second"], EVENING + 3000),
    )
    lone = one.slice(0, 1)
    for name, value in (("second", EVENING + 2100), ("trade_count", 1.0)):
        column = pa.array([value])
        lone = lone.set_column(lone.schema.get_field_index(name), name, column)
    left = pa.concat_tables([one.filter(pc.invert(quiet)), lone]).sort_by("second")
    project.load(left)
    project.build()
    said = capsys.readouterr().out
    seconds, counts = left["second"].to_numpy(), left["trade_count"].to_numpy()
    first, last = seconds[0], seconds[-1]
    trades = [
        int(counts[(seconds >= begin) & (seconds < begin + 300)].sum())
        for begin in range(EVENING, MIDNIGHT, 60)
        if begin >= first and begin + 300 <= last
    ]
    few = sum(count < 2 for count in trades)
    assert trades.count(1) == 5
    assert few >= 25
    assert f"{len(trades) - few} windows of first_7_days-" in said
    assert f"skipped {few} with fewer than two trades, 0 flat" in said
    [(stored,)] = project.rows("select count(*) from signals.btc_embeddings")
    assert stored == len(trades) - few
