"""A private copy of the project's raw tables and rollups, on a database of its own.

Tests change the copy (a column's type, a rollup's query) and run dbt on it in this
process. Fills are inserted by SQL, as the loader does: rows and their load together.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import parses
import psycopg
import servers
import yaml
from dbt_in_process import invoke

from pgio.connection import PROJECT_DIR

COPIED = ("macros", "models/sources", "models/rollups", "tests/generic")
DAY = 86_400_000
START = 1_735_689_600_000  # 2025-01-01 00:00 UTC, ms

ROLLUPS = ("trader_daily", "coin_daily", "trader_coin_daily")
#: The same three as release 0.2 had them: each reads the fills by itself.
APART = PROJECT_DIR / "tests/python/fixtures/rollups"

CATALOG_STATE = """
    select
        (select max(xmin::text::bigint) from pg_class),
        (select max(xmin::text::bigint) from pg_attribute),
        (select max(xmin::text::bigint) from pg_description),
        (select count(*) from pg_class)
"""

FILL_COLUMNS = (
    *("time", "user_address", "coin", "px", "sz", "side", "dir", "start_position"),
    *("closed_pnl", "fee", "fee_token", "crossed", "oid", "tid", "event_index"),
    "twap_id",
)


class RollupProject:
    """A dbt project with the repository's macros, sources and rollups.

    Attributes
    ----------
    folder
        The project, free to edit.
    conninfo
        Arguments for `psycopg.connect`.
    said
        What the last command of dbt printed.
    writes_artifacts
        Whether dbt writes its JSON files, for `--state` or `retry` to read: that takes
        half the time of a small run.
    keeps_contracts
        Whether rollups are under contract: most tests change columns, not the YAML.
    is_chained
        Whether the rollups are the repository's, two of which are made of the third. By
        default they are three of one source, which tests change one by one.
    """

    writes_artifacts = False
    keeps_contracts = False
    is_chained = False

    def __init__(self, folder: Path, conninfo: dict[str, Any]) -> None:
        self.folder = folder
        self.conninfo = conninfo
        self.said = ""
        for name in COPIED:
            shutil.copytree(PROJECT_DIR / name, folder / name)
        shutil.copy(PROJECT_DIR / "models/_groups.yml", folder / "models")
        self.leave_out_metrics()
        # Those of ticks have a project of their own: see candle_project.
        shutil.rmtree(folder / "models/rollups/market")
        if not self.keeps_contracts:
            self.leave_out_other_rollups()
        if not (self.is_chained or self.keeps_contracts):
            shutil.copytree(APART, folder / "models/rollups", dirs_exist_ok=True)
        project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
        project["model-paths"] = ["models"]
        for key in ("seed-paths", "snapshot-paths", "docs-paths", "seeds", "snapshots"):
            project.pop(key, None)
        if not self.keeps_contracts:
            del project["models"]["vigil"]["rollups"]["+contract"]
            del project["models"]["vigil"]["marts"]["+contract"]
        (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
        self.write_profile("vigil", "analytics")
        parses.take_over(folder / "target", conninfo, type(self))

    def write_profile(self, name: str, schema: str) -> None:
        """Write the profile that leads dbt to the database."""
        output = {
            "type": "postgres",
            "host": self.conninfo["host"],
            "port": int(self.conninfo["port"]),
            "user": self.conninfo["user"],
            "password": self.conninfo.get("password", ""),
            "dbname": self.conninfo["dbname"],
            "schema": schema,
            "threads": 2,
        }
        profile = {name: {"target": "dev", "outputs": {"dev": output}}}
        (self.folder / "profiles.yml").write_text(yaml.safe_dump(profile))

    def invoke(self, *args: str) -> Any:
        """Run dbt; return its result object, whatever it says."""
        places = ("--project-dir", "--profiles-dir", "--log-path")
        named = [part for place in places for part in (place, str(self.folder))]
        named += ["--target-path", str(self.folder / "target")]
        named.append("--write-json" if self.writes_artifacts else "--no-write-json")
        done, self.said = invoke([*args, *named])
        parses.keep(self.folder / "target", self.conninfo, type(self))
        return done

    def run(self, *args: str, command: str = "run") -> dict[str, str]:
        """Run dbt, which must succeed; return the message by node name."""
        done = self.invoke(command, *args)
        assert done.success, done.exception or [r.message for r in done.result]
        return {r.node.name: r.message for r in done.result if r.node.name}

    def error(self, *args: str, command: str = "run") -> str:
        """Run dbt, which must fail; return everything it says about it, on one line."""
        done = self.invoke(command, *args)
        assert not done.success
        messages = [str(done.exception)] if done.exception else []
        messages += [r.message or "" for r in done.result or ()]
        return " ".join(" ".join(messages).split())

    def create_sources(self) -> None:
        """Make the raw tables, nothing else."""
        done = self.invoke("run-operation", "create_sources")
        assert done.success, done.exception

    def edit_source(self, table: str) -> SourceEdit:
        """Open the YAML of a source table for a change, in a `with` block."""
        return SourceEdit(self.folder / "models/sources", table)

    def edit_model(self, name: str, old: str, new: str) -> None:
        """Replace a piece of a rollup's SQL."""
        path = self.folder / "models/rollups" / f"{name}.sql"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def leave_out_metrics(self) -> None:
        """Remove metrics and unit tests: they need models that are not here."""
        for path in (self.folder / "models").rglob("*__*.yml"):
            if path.stem.endswith(("__unit_tests", "__metrics")):
                path.unlink()

    def leave_out_other_rollups(self) -> None:
        """Remove the other rollups that read the fills: they only cost time here."""
        path = self.folder / "models/rollups/_rollups__models.yml"
        content = yaml.safe_load(path.read_text())
        content["models"] = [m for m in content["models"] if m["name"] in ROLLUPS]
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        for model in path.parent.glob("*.sql"):
            if model.stem not in ROLLUPS:
                model.unlink()

    def chain_rollups(self) -> None:
        """Replace the three separate rollups by the repository's."""
        for name in ROLLUPS:
            shutil.copy(
                PROJECT_DIR / f"models/rollups/{name}.sql",
                self.folder / "models/rollups",
            )

    def add_model(self, name: str, text: str) -> None:
        """Write one more model beside the rollups."""
        (self.folder / "models/rollups" / f"{name}.sql").write_text(text)

    def write_yaml(self, name: str, **properties: Any) -> None:
        """Write the YAML of a model."""
        model = {"name": name, **properties}
        (self.folder / f"models/rollups/{name}.yml").write_text(
            yaml.safe_dump({"version": 2, "models": [model]})
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with psycopg.connect(**self.conninfo, autocommit=True) as conn:
            return conn.execute(sql).fetchall()

    def execute(self, sql: str) -> None:
        """Run a statement."""
        with psycopg.connect(**self.conninfo, autocommit=True) as conn:
            conn.execute(sql)

    def load(self, fills: Iterable[dict[str, Any]]) -> int:
        """Insert fills and their load in one transaction; return the load's id."""
        rows = list(fills)
        with psycopg.connect(**self.conninfo) as conn:
            load_id = insert_load(conn, rows)
        return load_id


class ChainedProject(RollupProject):
    """A project with the repository's rollups."""

    is_chained = True


class SourceEdit:
    """The YAML of one source table, written back at the end of the block."""

    def __init__(self, folder: Path, table: str) -> None:
        [self.path] = [
            path
            for path in folder.glob("*.yml")
            if f"name: {table}" in path.read_text()
        ]
        self.table = table

    def __enter__(self) -> dict[str, Any]:
        self.document = yaml.safe_load(self.path.read_text())
        tables = [t for s in self.document["sources"] for t in s["tables"]]
        found: dict[str, Any] = next(t for t in tables if t["name"] == self.table)
        return found

    def __exit__(self, *_: object) -> None:
        self.path.write_text(yaml.safe_dump(self.document))


def insert_load(conn: psycopg.Connection[Any], rows: list[dict[str, Any]]) -> int:
    """Write fills and the `load_log` row that belongs to them; return its id."""
    times = [row["time"] for row in rows]
    found = conn.execute(
        """
        insert into ingestion.load_log (
            relation, object, rows_read, rows_loaded, rows_duplicate, rows_quarantined,
            time_from, time_to, started_at, finished_at
        )
        values (
            'hyperliquid.fills', 'test', %(n)s, %(n)s, 0, 0,
            to_timestamp(%(low)s / 1000.0), to_timestamp(%(high)s / 1000.0),
            now(), now()
        )
        returning load_id
        """,
        {
            "n": len(rows),
            "low": min(times, default=None),
            "high": max(times, default=None),
        },
    ).fetchone()
    assert found is not None
    names = ", ".join(FILL_COLUMNS)
    places = ", ".join(f"%({name})s" for name in FILL_COLUMNS)
    with conn.cursor() as cursor:
        cursor.executemany(
            f"insert into hyperliquid.fills ({names}, load_id)"
            f" values ({places}, {int(found[0])})",
            [dict.fromkeys(FILL_COLUMNS) | row for row in rows],
        )
    return int(found[0])


def fills(day: int, hours: Iterable[int], per_hour: int = 8) -> list[dict[str, Any]]:
    """Both sides of some trades in each of these hours of a day, always the same."""
    rows = []
    for hour in hours:
        for number in range(per_hour):
            seed = (day * 24 + hour) * per_hour + number
            common = {
                "time": START + day * DAY + hour * 3_600_000 + number * 60_000,
                "coin": ("BTC", "ETH", "@142", "#12")[seed % 4],
                "px": f"{100 + seed % 17}.25",
                "sz": f"{1 + seed % 5}.5",
                "oid": seed,
                "tid": seed + 1,
                "fee": "0.01",
                "fee_token": "USDC",
            }
            for side in "BA":
                user = (seed * 7 + ord(side)) % 11
                rows.append(
                    common
                    | {
                        "user_address": f"0x{user:040x}",
                        "side": side,
                        "dir": "Net Child Vaults" if seed % 13 == 0 else "Open Long",
                        "crossed": (side == "B") == (seed % 2 == 0),
                        "start_position": str(seed % 7 - 3),
                        "closed_pnl": str(seed % 9 - 4),
                    }
                )
    return rows


def is_native(project: RollupProject) -> bool:
    """Tell whether rollups are TimescaleDB's own continuous aggregates here."""
    [(found,)] = project.query(
        "select to_regclass('timescaledb_information.jobs') is not null"
        " and current_setting('timescaledb.license', true) = 'timescale'"
    )
    return bool(found)


def storage(project: RollupProject, name: str) -> str:
    """Return the relation that holds a rollup's rows."""
    return servers.storage(project.query, f"analytics.{name}")


def row_versions(
    project: RollupProject, names: Iterable[str] = ROLLUPS, where: str = "true"
) -> list[tuple[Any, ...]]:
    """Return `ctid` and writing transaction of every row of every rollup."""
    return project.query(
        " union all ".join(
            f"select '{name}', tableoid::text, ctid::text, xmin::text"
            f" from {storage(project, name)} where {where}"
            for name in names
        )
    )


def index_definitions(project: RollupProject, name: str) -> list[str]:
    """Return the columns of a rollup's indexes, without those the server adds."""
    found = project.query(
        "select indexdef from pg_indexes"
        " where format('%I.%I', schemaname, tablename)::regclass"
        f" = '{storage(project, name)}'::regclass"
        " and indexname ~ '_dbt_[0-9a-f]{20}$'"
    )
    return sorted(row[0].partition(" USING ")[2] for row in found)
