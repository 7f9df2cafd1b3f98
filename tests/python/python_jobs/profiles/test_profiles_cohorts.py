"""Cohorts over time: they see no future, and end where the profiles are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from trader_panels import DAY, Rows, panel_of, random_rows, seed

from python_jobs.lib.profiles.classification import FLAG_ATTRIBUTES, Rulebook
from python_jobs.lib.profiles.cohort_rows import COHORT_SCHEMA, cohort_rows
from python_jobs.lib.profiles.figures import ProfileOptions
from python_jobs.lib.profiles.points import changes
from python_jobs.lib.profiles.tables import (
    PROFILE_COLUMNS,
    as_of_days,
    fingerprint,
    first_stale_day,
    profile_rows,
    scope_from,
)
from python_jobs.lib.profiles.touched import first_changed_day

OPTIONS = ProfileOptions()
DAYS = list(range(DAY, DAY + 60))


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return Rulebook.from_rows(seed("trader_class_rules"), seed("trader_classes"))


def cohorts(rows: tuple[Rows, ...], book: Rulebook, days: list[int]) -> Rows:
    batches = cohort_rows(panel_of(*rows), OPTIONS, book, days)
    return pa.Table.from_batches(batches, COHORT_SCHEMA).to_pylist()


def profiles(rows: tuple[Rows, ...], book: Rulebook) -> pa.Table:
    panel = panel_of(*rows)
    return profile_rows(panel, changes(panel, np.array([DAY + 999])), OPTIONS, book)


def test_net_pnl_that_is_not_known_is_null():
    rules = [row for row in seed("trader_class_rules") if row["metric"] is None]
    for row in rules:
        if row["attribute"] == "is_loser":
            row["label"] = "true"
    book = Rulebook.from_rows(rules, seed("trader_classes"))
    daily = [
        {"user_address": "a", "day": DAY, "net_pnl": 5.0},
        {"user_address": "a", "day": DAY + 1, "net_pnl": float("nan")},
    ]
    found = cohorts((daily, [], []), book, DAYS[:3])
    assert [row["net_pnl"] for row in found] == [5, None, None]


def test_the_last_cohort_is_what_the_profiles_say(rulebook: Rulebook):
    rows = random_rows(traders=200)
    last = {
        row["user_address"]: row
        for row in cohorts(rows, rulebook, DAYS)
        if row["as_of_date"] == date.fromtimestamp(0) + (DAYS[-1] * date.resolution)
    }
    members = {
        row["user_address"]: row
        for row in profiles(rows, rulebook).to_pylist()
        if any(row[name] for name in FLAG_ATTRIBUTES)
    }
    assert members
    assert last.keys() == members.keys()
    for user, row in last.items():
        for name in (*FLAG_ATTRIBUTES, "trader_class", "sharpe_ratio", "confidence"):
            assert row[name] == members[user][name], (user, name)


@pytest.mark.parametrize("cut", [DAY + 20, DAY + 41])
def test_cutting_the_data_off_changes_no_earlier_cohort(rulebook: Rulebook, cut: int):
    tape = random_rows(traders=200)
    before = tuple(
        [r for r in rows if r.get("day", r.get("closed_ms")) < cut + 1] for rows in tape
    )
    days = [day for day in DAYS if day <= cut]
    whole = cohorts(tape, rulebook, days)
    assert whole
    by_user = lambda row: (row["as_of_date"], row["user_address"])  # noqa: E731
    assert sorted(cohorts(before, rulebook, days), key=by_user) == sorted(
        whole, key=by_user
    )


def test_starting_late_gives_the_same_rows(rulebook: Rulebook):
    rows = random_rows(traders=100)
    late = cohorts(rows, rulebook, DAYS[30:])
    first = min(row["as_of_date"] for row in late)
    whole = cohorts(rows, rulebook, DAYS)
    assert late == [row for row in whole if row["as_of_date"] >= first]


def test_rows_come_in_order_of_day_however_few_are_made_at_once(
    rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
):
    rows = random_rows(traders=60)
    whole = cohorts(rows, rulebook, DAYS)
    assert whole == sorted(whole, key=lambda row: row["as_of_date"])
    monkeypatch.setattr("python_jobs.lib.profiles.cohort_rows.ROWS_AT_ONCE", 100)
    batches = list(cohort_rows(panel_of(*rows), OPTIONS, rulebook, DAYS))
    assert len(batches) > 10
    assert pa.Table.from_batches(batches).to_pylist() == whole
    assert cohorts(rows, rulebook, []) == cohorts(rows, rulebook, [DAY - 1]) == []


def test_no_outsider_is_ever_in_a_cohort(rulebook: Rulebook):
    found = cohorts(random_rows(traders=200), rulebook, DAYS)
    assert not {row["trader_class"] for row in found} & rulebook.outsiders


def test_profiles_store_money_exactly_and_counts_as_integers(rulebook: Rulebook):
    daily, *others = random_rows(traders=5)
    for row in daily:
        row["taker_volume"] = 0.1
    table = profiles((daily, *others), rulebook)
    users = [row["user_address"] for row in daily]
    expected = [
        sum(Decimal(str(r["maker_volume"])) + Decimal("0.1") for r in daily
            if r["user_address"] == user)
        for user in table["user_address"].to_pylist()
    ]  # fmt: skip
    assert len(set(users)) == len(expected) == 5
    assert table["volume"].to_pylist() == expected
    assert pa.types.is_int64(table["closed_positions"].type)
    assert table.column_names == list(PROFILE_COLUMNS)
    assert not np.isnan(table["sharpe_ratio"].drop_null().to_numpy()).any()


def test_as_of_days_are_counted_from_the_epoch():
    assert as_of_days(10, 14, None, 1) == [10, 11, 12, 13, 14]
    assert as_of_days(10, 20, None, 7) == [14]
    assert as_of_days(8, 21, 15, 7) == [21]
    assert as_of_days(10, 14, 99, 1) == []
    assert as_of_days(None, None, None, 1) == []
    with pytest.raises(ValueError, match="cohort_step_days"):
        as_of_days(10, 14, None, 0)


@pytest.mark.parametrize(
    ("stored", "changed", "expected"),
    [(None, 8, None), (19, 8, 8), (4, 8, 5), (4, None, 5)],
)
def test_stale_days_begin_at_the_first_changed_or_after_the_last_stored(
    stored: int | None, changed: int | None, expected: int | None
):
    read = lambda _: pa.table({"day": pa.array([stored], pa.int32())})  # noqa: E731
    assert first_stale_day(read, "t.trader_cohorts", changed) == expected


def test_a_load_changes_curves_from_the_last_day_before_it_on():
    times = [datetime(1970, 1, 9, 0, 1, tzinfo=UTC), None]
    loads = pa.table({"time_from": pa.array(times, pa.timestamp("us", "UTC"))})
    read = lambda query: pa.table({"day": [5] if "< 691200000" in query else []})  # noqa: E731
    assert first_changed_day(read, "t.trader_daily", loads) == 5
    nothing = lambda _: pa.table({"day": pa.nulls(1, pa.int64())})  # noqa: E731
    assert first_changed_day(nothing, "t.trader_daily", loads) == 8
    assert first_changed_day(nothing, "t.trader_daily", loads.slice(1)) is None


def test_the_scope_is_from_the_first_stale_day_on():
    assert scope_from(None) == "true"
    assert scope_from(8) == "as_of_date >= date '1970-01-09'"


def test_the_fingerprint_follows_rules_and_settings():
    rules, classes = seed("trader_class_rules"), seed("trader_classes")
    base = fingerprint(rules, classes, OPTIONS)
    assert fingerprint(rules[::-1], classes, ProfileOptions()) == base
    assert fingerprint(rules, classes, ProfileOptions(sharpe_min_days=15)) != base
    assert fingerprint(rules[1:], classes, OPTIONS) != base
    assert fingerprint(rules, classes[1:], OPTIONS) != base
