"""A project with two small hypertables of readings and whatever rollups a test writes.

One table's time is a timestamptz, the other's an integer of milliseconds: a test runs
on both by naming the kind of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import yaml
from rollup_project import RollupProject, is_native, row_versions

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
TIMES = ("timestamptz", "integer")
TABLES = {
    "timestamptz": ("readings_ts", "ts", "timestamptz", None),
    "integer": ("readings_ms", "time", "bigint", "ms"),
}
Reading = tuple[datetime, str, int]


class AggregateProject(RollupProject):
    """A dbt project on a database of its own, with raw readings and no models.

    Attributes
    ----------
    time
        Kind of the raw table's time: ``timestamptz`` or ``integer``.
    table, time_column, unit
        The raw table that goes with it, its time column and that one's unit.
    """

    def __init__(
        self, folder: Path, conninfo: dict[str, Any], time: str = "timestamptz"
    ) -> None:
        super().__init__(folder, conninfo)
        for path in (self.folder / "models/rollups").iterdir():
            path.unlink()
        tables = [_source_table(kind) for kind in TIMES]
        source = {"name": "probe", "schema": "probe", "tables": tables}
        document = {"version": 2, "sources": [source]}
        (self.folder / "models/sources/_probe__sources.yml").write_text(
            yaml.safe_dump(document)
        )
        self.time = time
        self.table, self.time_column, _, self.unit = TABLES[time]
        self.create_sources()

    @property
    def is_native(self) -> bool:
        """Whether rollups are continuous aggregates of the server here."""
        return is_native(self)

    def write_rollup(
        self,
        name: str = "probe",
        *,
        bucket: str = "1 hour",
        below: str | None = None,
        value: str | None = None,
        materialized: str = "continuous_aggregate",
        settings: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> None:
        """Write a model: readings, or a rollup `below`, by bucket and sensor."""
        column = "bucket" if below else self.time_column
        value = value or ("sum(total)" if below else "sum(value)")
        origin = f"ref('{below}')" if below else f"source('probe', '{self.table}')"
        timescale = {"bucket": "bucket", "bucket_interval": bucket, **(settings or {})}
        kept = {
            "materialized": materialized,
            "unique_key": ["bucket", "sensor"],
            "meta": {"timescale": timescale},
            **config,
        }
        unit = f", unit='{self.unit}'" if self.unit else ""
        # In a rollup of a rollup `bucket` alone would be the column it reads.
        self.add_model(
            name,
            f"{{{{ config(**{kept!r}) }}}}\n"
            f"select {{{{ time_bucket('{bucket}', '{column}'{unit}) }}}} as bucket,"
            f" sensor, {value} as total\n"
            f"from {{{{ {origin} }}}}\n"
            f"where {{{{ rollup_filter('{column}') }}}}\n"
            "group by 1, 2\n",
        )

    def put(self, readings: Iterable[Reading], *, logged: bool = True) -> None:
        """Insert readings, with their load unless not `logged`."""
        rows = list(readings)
        moments = [moment for moment, _, _ in rows]
        with psycopg.connect(**self.conninfo) as conn:
            load_id = _log(conn, f"probe.{self.table}", moments) if logged else None
            conn.cursor().executemany(
                f"insert into probe.{self.table} ({self.time_column}, sensor, value,"
                " load_id) values (%s, %s, %s, %s)",
                [(self.at(moment), *rest, load_id) for moment, *rest in rows],
            )

    def at(self, moment: datetime) -> Any:
        """Return a moment as the raw table writes it."""
        if self.unit is None:
            return moment
        return int((moment - EPOCH) / timedelta(milliseconds=1))

    def totals(self, name: str = "probe") -> dict[tuple[datetime, str], int]:
        """Return a rollup's content by bucket and sensor."""
        rows = self.query(f"select bucket, sensor, total from analytics.{name}")
        return {(self.moment(bucket), key): int(total) for bucket, key, total in rows}

    def moment(self, bucket: Any) -> datetime:
        """Return a bucket as a moment."""
        if self.unit is None:
            found: datetime = bucket.astimezone(UTC)
            return found
        return EPOCH + timedelta(milliseconds=bucket)

    def expected(self, width: timedelta) -> dict[tuple[datetime, str], int]:
        """Return the expected content of a rollup, computed from the raw rows."""
        totals: dict[tuple[datetime, str], int] = {}
        for time, sensor, value in self.query(
            f"select {self.time_column}, sensor, value from probe.{self.table}"
        ):
            moment = self.moment(time)
            key = (moment - (moment - EPOCH) % width, sensor)
            totals[key] = totals.get(key, 0) + value
        return totals

    def unmoved(self, name: str = "probe") -> list[tuple[Any, ...]]:
        """Return values that a rebuild or a rewritten row of a rollup changes."""
        oid = self.query(f"select 'analytics.{name}'::regclass::oid")
        return oid + row_versions(self, [name])

    def span(self, interval: str) -> Any:
        """Return a human interval as a job's config holds it."""
        if self.unit is None:
            return interval
        [(found,)] = self.query(
            f"select (extract(epoch from interval '{interval}') * 1000)::bigint"
        )
        return found

    def jobs(self, relation: str = "probe") -> dict[str, tuple[int, dict[str, Any]]]:
        """Return the server's jobs for a rollup: id and config by procedure."""
        if not self.is_native:
            return {}
        found = self.query(
            "select proc_name, job_id, config from timescaledb_information.jobs"
            f" where hypertable_schema = 'analytics' and hypertable_name = '{relation}'"
        )
        return {name: (job_id, config) for name, job_id, config in found}

    def aggregate(self, name: str = "probe") -> dict[str, Any]:
        """Return the row of `timescaledb_information.continuous_aggregates`."""
        [(row,)] = self.query(
            "select to_jsonb(found) from timescaledb_information.continuous_aggregates"
            f" as found where view_schema = 'analytics' and view_name = '{name}'"
        )
        return dict(row)


MakeProject = Callable[[str], AggregateProject]


def readings(*hours: float, sensor: str = "a", value: int = 1) -> list[Reading]:
    """Readings so many hours after the first noon."""
    return [(NOON + timedelta(hours=hour), sensor, value) for hour in hours]


def _source_table(kind: str) -> dict[str, Any]:
    name, column, data_type, unit = TABLES[kind]
    timescale = {"time_column": column, "chunk_interval": "1 day"}
    return {
        "name": name,
        "config": {
            "meta": {
                "timescale": timescale
                | ({"time_unit": unit} if unit is not None else {})
            }
        },
        "columns": [
            {
                "name": column,
                "data_type": data_type,
                "constraints": [{"type": "not_null"}],
            },
            {"name": "sensor", "data_type": "text"},
            {"name": "value", "data_type": "bigint"},
            {"name": "load_id", "data_type": "bigint"},
        ],
    }


def _log(conn: psycopg.Connection[Any], relation: str, moments: list[datetime]) -> int:
    found = conn.execute(
        "insert into ingestion.load_log (relation, object, rows_read, rows_loaded,"
        " rows_duplicate, rows_quarantined, time_from, time_to, started_at,"
        " finished_at)"
        " values (%s, 'test', %s, %s, 0, 0, %s, %s, now(), now()) returning load_id",
        (
            relation,
            *(len(moments), len(moments)),
            *(min(moments, default=None), max(moments, default=None)),
        ),
    ).fetchone()
    assert found is not None
    return int(found[0])
