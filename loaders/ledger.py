"""Bookkeeping tables of the loader: offsets, load log, quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import psycopg
import pyarrow as pa
from psycopg.types.json import Jsonb

from loaders.chunk import BadRow
from loaders.errors import SetupError
from loaders.objects import Object
from pgio.copy_in import copy_batches

_TABLES = (
    "ingestion.applied_loads",
    "ingestion.load_log",
    "ingestion.quarantine",
    "ingestion.stream_offsets",
    "ops.retention_marks",
    "ops.schema_version",
)

#: Version of the table layout that this release needs: the last of `schema_migrations`
#: in macros/ops/migrations.
SCHEMA_VERSION = 6


@dataclass(frozen=True)
class Offset:
    """How much of a source is loaded: its row in `ingestion.stream_offsets`.

    Attributes
    ----------
    last_sequence
        For an object the number of rows or lines read; for a venue (source
        ``exchange:<name>``) its greatest trade id.
    last_ts
        Latest time loaded.
    state
        Other data needed to resume; for an object its ``size`` and ``etag``.
    """

    last_sequence: int | None
    last_ts: datetime | None
    state: Mapping[str, Any]

    def is_of(self, source: Object) -> bool:
        """Return whether the offset belongs to this version of the object."""
        version = self.state.get("size"), self.state.get("etag")
        return version == (source.size, source.etag)


@dataclass
class RowCount:
    """Rows of an object that were read.

    Attributes
    ----------
    rows
        All rows, of any kind.
    bad
        Refused rows; rows that are merely too old are not counted here.
    first_bad
        The first refused row of this run.
    """

    rows: int = 0
    bad: int = 0
    first_bad: BadRow | None = None

    def add(self, rows: int, bad: Sequence[BadRow]) -> None:
        """Add a batch."""
        wrong = [row for row in bad if not row.is_too_old]
        self.rows += rows
        self.bad += len(wrong)
        self.first_bad = self.first_bad or next(iter(wrong), None)


@dataclass
class LoadResult:
    """What happened to the rows of one transaction.

    Attributes
    ----------
    time_from, time_to
        Earliest and latest time of the stored rows.
    others
        Skipped rows of other instruments, counted by name.
    rows_late, kept_from
        Skipped rows that are older than the retention, and its start.
    """

    rows_read: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    rows_skipped: int = 0
    rows_conflicting: int = 0
    rows_replaced: int = 0
    time_from: Any = None
    time_to: Any = None
    others: Counter[str] = field(default_factory=Counter)
    rows_late: int = 0
    kept_from: datetime | None = None

    @property
    def rows_duplicate(self) -> int:
        """Rows equal to a stored row, or repeated in the object.

        Conflicting rows are not among them: they count as quarantined, or as loaded
        with ``--replace``.
        """
        not_stored = self.rows_quarantined + self.rows_skipped
        return self.rows_read - self.rows_loaded - not_stored

    def extend(self, count: int, first: Any, last: Any) -> None:
        """Add stored rows, with the range of their times."""
        self.rows_loaded += count
        if count:
            self.time_from = min(_not_null(self.time_from, first))
            self.time_to = max(_not_null(self.time_to, last))


def _not_null(*values: Any) -> list[Any]:
    """Leave the nulls out."""
    return [value for value in values if value is not None]


def check_tables(conn: psycopg.Connection[Any], *relations: str) -> None:
    """Check that the tables a load writes exist and have the layout of this release.

    Raises
    ------
    SetupError
        Names the missing tables and the command that creates them, or the two versions
        of the layout.
    """
    rows = conn.execute(
        "select name from unnest(%s::text[]) as name where to_regclass(name) is null",
        ([*relations, *_TABLES],),
    ).fetchall()
    if rows:
        missing = ", ".join(row[0] for row in rows)
        raise SetupError(
            f"missing in database {conn.info.dbname}: {missing}. "
            "Create them with: dbt run-operation create_sources"
        )
    _check_version(conn)


def _check_version(conn: psycopg.Connection[Any]) -> None:
    """Raise an error if the tables have the layout of another release."""
    row = conn.execute(
        "select version, release from ops.schema_version order by version desc limit 1"
    ).fetchone()
    version, release = row or (0, "")
    if version < SCHEMA_VERSION:
        raise SetupError(
            f"database {conn.info.dbname} has version {version} of the tables' layout, "
            f"this loader writes version {SCHEMA_VERSION}. Bring it up to date with: "
            "dbt run-operation create_sources"
        )
    if version > SCHEMA_VERSION:
        raise SetupError(
            f"database {conn.info.dbname} has version {version} of the tables' layout, "
            f"made by release {release} of Vigil; this loader knows version "
            f"{SCHEMA_VERSION}. Nothing was loaded. Use release {release} or later"
        )


def object_offsets(
    conn: psycopg.Connection[Any], uris: Sequence[str]
) -> dict[str, Offset]:
    """Return the offsets of objects by URI; new objects have none."""
    rows = conn.execute(
        """
        select source, last_sequence, last_ts, state
        from ingestion.stream_offsets
        where source = any(%s) and state ? 'etag'
        """,
        (list(uris),),
    ).fetchall()
    return {uri: Offset(sequence, ts, state) for uri, sequence, ts, state in rows}


def save_offset(conn: psycopg.Connection[Any], source: str, offset: Offset) -> None:
    """Store the offset of a source."""
    conn.execute(
        """
        insert into ingestion.stream_offsets (
            source, last_sequence, last_ts, state, updated_at
        )
        values (%s, %s, %s, %s, clock_timestamp())
        on conflict (source) do update set
            last_sequence = excluded.last_sequence,
            last_ts = excluded.last_ts,
            state = excluded.state,
            updated_at = excluded.updated_at
        """,
        (source, offset.last_sequence, offset.last_ts, Jsonb(offset.state)),
    )


def begin_load(conn: psycopg.Connection[Any]) -> tuple[int, datetime]:
    """Draw the id of a new load, and the server's time."""
    row = conn.execute(
        """
        select
            nextval(pg_get_serial_sequence('ingestion.load_log', 'load_id')),
            clock_timestamp()
        """
    ).fetchone()
    return cast("tuple[int, datetime]", row)


def quarantine(
    conn: psycopg.Connection[Any],
    load_id: int,
    relation: str,
    uri: str,
    bad: Sequence[BadRow],
) -> None:
    """Keep refused rows, with the reason."""
    batch = pa.RecordBatch.from_pydict(
        {
            "load_id": [load_id] * len(bad),
            "relation": [relation] * len(bad),
            "object": [uri] * len(bad),
            "row_number": [row.row_number for row in bad],
            "reason": [row.reason for row in bad],
            "raw": [row.raw for row in bad],
        }
    )
    copy_batches(conn, "ingestion.quarantine", [batch])


def log_load(
    conn: psycopg.Connection[Any],
    load_id: int,
    relation: str,
    source: Object,
    result: LoadResult,
    started_at: datetime | None = None,
) -> None:
    """Insert the load's row into `ingestion.load_log`.

    `started_at` defaults to the start of the transaction. `result.time_from` and
    `result.time_to` must be datetimes here, not milliseconds.
    """
    conn.execute(
        """
        insert into ingestion.load_log (
            load_id, relation, object, object_size, etag, rows_read, rows_loaded,
            rows_duplicate, rows_quarantined, rows_skipped, rows_conflicting,
            rows_replaced, time_from, time_to, started_at, finished_at
        )
        overriding system value
        values (
            %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
            coalesce(%s, now()), clock_timestamp()
        )
        """,
        (
            load_id,
            relation,
            source.uri,
            source.size,
            source.etag,
            result.rows_read,
            result.rows_loaded,
            result.rows_duplicate,
            result.rows_quarantined,
            result.rows_skipped,
            result.rows_conflicting,
            result.rows_replaced,
            result.time_from,
            result.time_to,
            started_at,
        ),
    )
