"""What of `trader_cohorts` a run computes, what it takes over and what it removes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from python_jobs.lib.cohort_rows import COHORT_SCHEMA
from python_jobs.lib.profile_panel import to_ints
from python_jobs.lib.profile_queries import Read
from python_jobs.lib.profile_tables import (
    EPOCH,
    as_of_days,
    first_stale_day,
    scope_from,
)
from python_jobs.lib.profile_touched import MOST_TRADERS, read_stale, those
from python_jobs.lib.returns import Ints

MOST_KEYS = 2_000_000
"""Stored days of traders that a run replaces one by one; of more than that, and of more
than `MOST_TRADERS`, it computes all traders."""


@dataclass(frozen=True)
class Group:
    """Traders to compute, and the as-of days to compute them for.

    Attributes
    ----------
    traders : str
        SQL predicate on `user_address`.
    days : list of int
        Days since the epoch, ascending.
    """

    traders: str
    days: list[int]


@dataclass(frozen=True)
class CohortPlan:
    """What a run does.

    Attributes
    ----------
    groups : list of Group
        What is computed.
    scope : str or None
        SQL predicate on the stored rows that the computed ones replace.
    stale : pyarrow.Table or None
        `TOUCHED_SCHEMA`: the traders of the groups, with the day from which on their
        rows are replaced; None where that is all traders, and `scope` says it.
    deletes : pyarrow.Table or None
        Key of the stored rows of `stale` that are replaced.
    stored_day : int or None
        The last as-of day stored.
    new_days : list of int
        The as-of days after it, to which all but `stale` carry their row.
    """

    groups: list[Group]
    scope: str | None
    stale: pa.Table | None = None
    deletes: pa.Table | None = None
    stored_day: int | None = None
    new_days: Sequence[int] = ()


def plan_cohorts(
    read: Read,
    *,
    cohorts: object | None,
    fills: object,
    trader_daily: object,
    loads: pa.Table,
    span: tuple[int | None, int | None],
    step: int,
) -> CohortPlan:
    """Decide what has to be computed.

    Parameters
    ----------
    read : callable
        Runs a query and returns its rows as an Arrow table.
    cohorts : object or None
        The model's own table, None where nothing stored can be kept.
    fills, trader_daily : object
        What the model reads; `str()` is the name in SQL.
    loads : pyarrow.Table
        The loads to take in, of `session.unapplied_loads`.
    span : tuple of int or None
        First and last day of the data, days since the epoch.
    step : int
        Every how many days there is an as-of day.
    """
    stored = None if cohorts is None else _last_day(read, cohorts)
    if stored is None:
        return CohortPlan([Group("true", as_of_days(*span, None, step))], "true")
    stored_day = (stored - EPOCH).days
    stale = read_stale(
        read, fills=fills, trader_daily=trader_daily, loads=loads, stored_day=stored_day
    )
    late = stale.filter(pc.less_equal(stale["first_day"], stored_day))
    if len(stale) > MOST_TRADERS or _count_keys(late, stored_day, step) > MOST_KEYS:
        from_day = first_stale_day(stored, loads["time_from"])
        days = as_of_days(*span, from_day, step)
        return CohortPlan([Group("true", days)], scope_from(from_day))

    new_days = as_of_days(*span, stored_day + 1, step)
    in_time = stale.filter(pc.greater(stale["first_day"], stored_day))
    groups = [Group(those(in_time["user_address"]), new_days)]
    deletes = None
    if len(late):
        # Their history is computed day by day: kept apart from those that need it not.
        days = as_of_days(*span, pc.min(late["first_day"]).as_py(), step)
        groups.append(Group(those(late["user_address"]), days))
        deletes = _replaced_keys(read, cohorts, late, stored_day, step)
    return CohortPlan(
        [group for group in groups if group.days],
        scope=None,
        stale=stale,
        deletes=deletes,
        stored_day=stored_day,
        new_days=new_days,
    )


def carried_rows(
    read: Read, cohorts: object, plan: CohortPlan
) -> Iterator[pa.RecordBatch]:
    """Repeat the last stored row of every trader of whom nothing is new.

    Parameters
    ----------
    read : callable
        Runs a query and returns its rows as an Arrow table.
    cohorts : object
        The model's own table; `str()` is its name in SQL.
    plan : CohortPlan
        From `plan_cohorts`.

    Yields
    ------
    pyarrow.RecordBatch
        `COHORT_SCHEMA`; the members of one of `plan.new_days` after the other.
    """
    if plan.stale is None or plan.stored_day is None or not plan.new_days:
        return
    columns = ", ".join(
        f"{field.name}::numeric(38, 6) as {field.name}"
        if pa.types.is_decimal(field.type)
        else field.name
        for field in COHORT_SCHEMA
    )
    day = EPOCH + timedelta(days=plan.stored_day)
    last = read(
        f"select {columns} from {cohorts} where as_of_date = date '{day}'"
    ).cast(COHORT_SCHEMA)
    stale = plan.stale["user_address"].combine_chunks()
    kept = last.filter(pc.invert(pc.is_in(last["user_address"], value_set=stale)))
    for new_day in plan.new_days:
        dates = pa.array(np.full(len(kept), new_day, np.int32)).cast(pa.date32())
        yield from kept.set_column(0, COHORT_SCHEMA.field(0), dates).to_batches()


def first_days_of(users: pa.Array, stale: pa.Table | None) -> Ints | None:
    """Return the `first_day` of each of `users`, shape (traders,); None for all."""
    if stale is None:
        return None
    where = pc.index_in(users, value_set=stale["user_address"].combine_chunks())
    return to_ints(stale["first_day"].take(where))


def _last_day(read: Read, cohorts: object) -> date | None:
    last: date | None = read(f"select max(as_of_date) as day from {cohorts}")["day"][
        0
    ].as_py()
    return last


def _count_keys(late: pa.Table, stored_day: int, step: int) -> int:
    """Count the days of traders that `_replaced_keys` looks up, about."""
    return int(np.sum((stored_day - to_ints(late["first_day"])) // step + 1))


def _replaced_keys(
    read: Read, cohorts: object, late: pa.Table, stored_day: int, step: int
) -> pa.Table:
    """Find the stored rows of traders from their first new fill on.

    The key's index finds a day of a trader: no scan of all days, however many.
    """
    users, days = (
        sql.Literal(late[name].to_pylist()).as_string(None)
        for name in late.column_names
    )
    return read(
        "select c.as_of_date, c.user_address "
        f"from unnest({users}::text[], {days}::bigint[]) as late (user_address, day) "
        "cross join lateral generate_series("
        f"late.day + ({step} - late.day % {step}) % {step}, {stored_day}, {step}"
        f") as as_of (day) inner join {cohorts} as c "
        "on c.as_of_date = date 'epoch' + as_of.day::integer "
        "and c.user_address = late.user_address"
    )
