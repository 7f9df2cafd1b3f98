"""A private copy of the project with its policies, and questions to the server."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from rollup_project import CATALOG_STATE, DAY, PROJECT_DIR, RollupProject, fills

EDITION = """
    select
        case
            when not exists (
                select 1 from pg_extension where extname = 'timescaledb'
            ) then 'postgres'
            when current_setting('timescaledb.license', true) = 'timescale'
                then 'community'
            else 'apache'
        end
"""

# The transaction that wrote each job, and the whole catalog: a build must not change
# it.
JOB_VERSIONS = """
    select id, xmin::text, scheduled, config::text
    from _timescaledb_catalog.bgw_job
    where id >= 1000
    order by id
"""
RECORDED_VERSIONS = """
    select job_name, xmin::text, policy::text, enabled
    from ops.retention_jobs
    order by job_name
"""

DRIFT_TEST = "retention_jobs_agree_with_live_jobs.sql"

TICKS = """
version: 2
sources:
  - name: probe
    schema: probe
    tables:
      - name: ticks
        description: A table over timestamptz.
        config:
          meta:
            timescale:
              time_column: ts
              chunk_interval: 1 day
              columnstore: {after: 7 days, segment_by: [exchange], order_by: [ts desc]}
              unique_keys:
                - {name: ticks_key, columns: [exchange, ts]}
        columns:
          - {name: ts, data_type: timestamptz, description: When.,
             constraints: [{type: not_null}]}
          - {name: exchange, data_type: text, description: Where.}
          - {name: price, data_type: numeric, description: How much.}
"""


class HypertableProject(RollupProject):
    """The rollups' project with `models/ops`, the test of drift and `probe.ticks`."""

    def __init__(self, folder: Path, conninfo: dict[str, Any]) -> None:
        super().__init__(folder, conninfo)
        add_drift_test(self)
        (folder / "models/sources/_probe__sources.yml").write_text(TICKS)

    @property
    def edition(self) -> str:
        """The edition of the server."""
        [(edition,)] = self.query(EDITION)
        return str(edition)

    def declare(self, table: str = "fills", **settings: Any) -> None:
        """Set keys of a source's `meta.timescale`; None takes one out."""
        with self.edit_source(table) as source:
            block = source["config"]["meta"]["timescale"]
            for name, value in settings.items():
                if value is None:
                    block.pop(name, None)
                else:
                    block[name] = value

    def jobs(self, relation: str = "hyperliquid.fills") -> dict[str, dict[str, Any]]:
        """The server's own jobs of a table, by procedure."""
        if self.edition != "community":
            return {}
        rows = self.query(
            f"""
            select proc_name, job_id, schedule_interval::text, scheduled, config
            from timescaledb_information.jobs
            where
                job_id >= 1000
                and coalesce(
                    hypertable_schema || '.' || hypertable_name,
                    config ->> 'hypertable'
                ) = '{relation}'
            """
        )
        names = ("job_id", "schedule", "scheduled", "config")
        return {proc: dict(zip(names, rest, strict=True)) for proc, *rest in rows}

    def recorded(self) -> dict[str, tuple[dict[str, Any], bool]]:
        """What ops.retention_jobs holds."""
        return {
            name: (policy, enabled)
            for name, policy, enabled in self.query(
                "select job_name, policy, enabled from ops.retention_jobs"
            )
        }

    def ticks(self, days_ago: int, count: int = 4) -> None:
        """Insert some ticks of the day that began so many days before today."""
        self.execute(
            f"""
            insert into probe.ticks (ts, exchange, price)
            select
                date_trunc('day', now(), 'UTC') - interval '{days_ago} days'
                + n * interval '1 hour',
                'a',
                n
            from generate_series(1, {count}) as n
            """
        )

    def versions(self) -> list[list[tuple[Any, ...]]]:
        """Return everything that a build without changes must leave as it is."""
        found = [self.query(RECORDED_VERSIONS), self.query(CATALOG_STATE)]
        if self.edition == "community":
            found.append(self.query(JOB_VERSIONS))
        return found

    def count(self, relation: str) -> int:
        """The number of rows."""
        [(rows,)] = self.query(f"select count(*) from {relation}")
        return int(rows)

    def dimensions(self, relation: str) -> list[tuple[Any, ...]]:
        """The dimensions of a hypertable: column, span, partitions, now function."""
        schema, name = relation.split(".")
        return self.query(
            f"""
            select
                column_name::text,
                coalesce(integer_interval::text, time_interval::text),
                num_partitions, integer_now_func::text
            from timescaledb_information.dimensions
            where hypertable_schema = '{schema}' and hypertable_name = '{name}'
            order by dimension_number
            """
        )

    def add_hypertable(self, name: str, select: str, **options: Any) -> None:
        """Write a hypertable model; `timescale` in the options is its block."""
        block = {"timescale": options.pop("timescale")}
        config = {"materialized": "hypertable", "schema": "analytics", "meta": block}
        text = "".join(
            f"    {key}={_literal(value)},\n"
            for key, value in {**config, **options}.items()
        )
        self.add_model(name, f"{{{{ config(\n{text}) }}}}\n{select}\n")

    def drift(self) -> list[tuple[Any, ...]]:
        """What the test of drift finds, as (job, difference)."""
        return drift(self)


def add_drift_test(project: RollupProject) -> None:
    """Give a project `models/ops` and the test of drift."""
    shutil.copytree(PROJECT_DIR / "models/ops", project.folder / "models/ops")
    tests = project.folder / "tests/singular"
    tests.mkdir(exist_ok=True)
    # Without the models it waits for, which are not in this project.
    lines = (PROJECT_DIR / "tests/singular" / DRIFT_TEST).read_text().splitlines(True)
    kept = [line for line in lines if not line.startswith("-- depends_on:")]
    (tests / DRIFT_TEST).write_text("".join(kept))


def drift(project: RollupProject) -> list[tuple[Any, ...]]:
    """What the test of drift finds, as (job, difference)."""
    project.run("--select", "live_jobs")
    done = project.invoke("compile", "--select", DRIFT_TEST.removesuffix(".sql"))
    assert done.success, done.exception
    [compiled] = (project.folder / "target/compiled").rglob(DRIFT_TEST)
    return project.query(
        f"select job_name, difference from ({compiled.read_text()}) as found"
        " order by job_name"
    )


def recent_fills(days_ago: int, hours: range = range(2)) -> list[dict[str, Any]]:
    """Some fills of the day that began so many days before today."""
    today = int(time.time() * 1000) // DAY
    rows = fills(0, hours)
    shift = (today - days_ago) * DAY - rows[0]["time"] // DAY * DAY
    return [{**row, "time": row["time"] + shift} for row in rows]


def _literal(value: Any) -> str:
    """Return a value as Jinja writes it."""
    return json.dumps(value).replace("true", "True").replace("false", "False")
