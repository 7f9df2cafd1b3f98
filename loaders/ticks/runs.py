"""Runs of consecutive trade ids, merged in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg

from pgio.integers import Integers


@dataclass(frozen=True)
class Runs:
    """Disjoint runs of consecutive ids, ascending.

    Attributes
    ----------
    first, last : ndarray of int64, shape (n,)
        First and last id of each run.
    first_us, last_us : ndarray of int64, shape (n,)
        Their times, µs since the epoch.
    """

    first: Integers
    last: Integers
    first_us: Integers
    last_us: Integers

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def none(cls) -> Runs:
        """Return no runs."""
        return cls(*(np.empty(0, dtype=np.int64) for _ in range(4)))

    @classmethod
    def of(cls, ids: Integers, times_us: Integers) -> Runs:
        """Find the runs of ascending distinct ids, with their times."""
        if len(ids) == 0:
            return cls.none()
        breaks = np.flatnonzero(np.diff(ids) > 1)
        start = np.concatenate(([0], breaks + 1))
        end = np.concatenate((breaks, [len(ids) - 1]))
        return cls(ids[start], ids[end], times_us[start], times_us[end])

    def merge(self, other: Runs) -> Runs:
        """Unite two sets of runs; those that touch or overlap become one.

        Examples
        --------
        >>> ids = np.array([1, 2, 3, 7])
        >>> merged = Runs.of(ids, ids * 10).merge(Runs.of(np.array([4, 5]), ids[:2]))
        >>> merged.first.tolist(), merged.last.tolist()
        ([1, 7], [5, 7])
        """
        if not len(self) or not len(other):
            return other if len(other) else self
        first = np.concatenate((self.first, other.first))
        order = np.argsort(first, kind="stable")
        first = first[order]
        last = np.concatenate((self.last, other.last))[order]
        first_us = np.concatenate((self.first_us, other.first_us))[order]
        last_us = np.concatenate((self.last_us, other.last_us))[order]
        reach = np.maximum.accumulate(last)
        # Index of the run with the greatest id so far.
        reaching = np.where(last == reach, np.arange(len(last)), 0)
        reaching = np.maximum.accumulate(reaching)
        is_start = np.concatenate(([True], first[1:] > reach[:-1] + 1))
        start = np.flatnonzero(is_start)
        end = np.concatenate((start[1:], [len(first)])) - 1
        return Runs(first[start], reach[end], first_us[start], last_us[reaching[end]])

    def gaps_before(self, firsts: Integers) -> tuple[Integers, Integers]:
        """Find the gaps that end where one of these runs begins.

        Parameters
        ----------
        firsts : ndarray of int64, shape (m,)
            First ids, some of which begin a run here.

        Returns
        -------
        tuple of ndarray
            The first ids after each gap, ascending, and the number of missing ids. No
            gap precedes the first run, because nothing before it is known.
        """
        after = np.flatnonzero(np.isin(self.first[1:], firsts)) + 1
        ids = self.first[after]
        return ids, ids - self.last[after - 1] - 1


def stored_runs(
    conn: psycopg.Connection[Any], stream: str, first: int, last: int
) -> Runs:
    """Read the runs that touch ``first`` … ``last``, and the one before them."""
    rows = conn.execute(
        """
        select
            seq_from,
            seq_to,
            (extract(epoch from ts_from) * 1000000)::bigint,
            (extract(epoch from ts_to) * 1000000)::bigint
        from ingestion.sequence_runs
        where
            stream = %(stream)s
            and seq_from <= %(last)s + 1
            and seq_from >= coalesce(
                (
                    select max(seq_from)
                    from ingestion.sequence_runs
                    where stream = %(stream)s and seq_from < %(first)s
                ),
                %(first)s
            )
        order by seq_from
        """,
        {"stream": stream, "first": first, "last": last},
    ).fetchall()
    return Runs(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def save_runs(
    conn: psycopg.Connection[Any], stream: str, stored: Runs, merged: Runs
) -> None:
    """Write the differences between the stored runs and the merged ones."""
    absorbed = stored.first[~np.isin(stored.first, merged.first)]
    if len(absorbed):
        conn.execute(
            "delete from ingestion.sequence_runs"
            " where stream = %s and seq_from = any(%s)",
            (stream, absorbed.tolist()),
        )
    known = dict(zip(stored.first.tolist(), stored.last.tolist(), strict=True))
    changed = [
        index
        for index, run in enumerate(
            zip(merged.first.tolist(), merged.last.tolist(), strict=True)
        )
        if known.get(run[0]) != run[1]
    ]
    if not changed:
        return
    columns = merged.first, merged.last, merged.first_us, merged.last_us
    conn.execute(
        """
        insert into ingestion.sequence_runs (stream, seq_from, seq_to, ts_from, ts_to)
        select
            %s,
            run.seq_from,
            run.seq_to,
            timestamptz 'epoch' + run.us_from * interval '1 microsecond',
            timestamptz 'epoch' + run.us_to * interval '1 microsecond'
        from
            unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
                as run (seq_from, seq_to, us_from, us_to)
        on conflict (stream, seq_from) do update set
            seq_to = excluded.seq_to,
            ts_to = excluded.ts_to
        """,
        (stream, *(column[changed].tolist() for column in columns)),
    )
