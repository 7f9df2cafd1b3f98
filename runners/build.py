"""From the database's books to a model's table, with Spark in between."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import psycopg
import yaml

from dbt_pyjobs.session import Session
from loaders.errors import SetupError
from pgio.connection import PROJECT_DIR, connect
from pgio.copy_out import read_table
from python_jobs.lib.fold.positions import RULES
from python_jobs.lib.market.candles import Candles, quote
from python_jobs.lib.market.options import EmbeddingOptions, interval_reader
from python_jobs.lib.market.scales import read_scales
from runners.destination import Destination
from runners.loaded_objects import LoadedObjects
from runners.spark_embeddings import CANDLES, Embedder, spark_embeddings
from runners.spark_positions import spark_positions

_SCALES = "signals.btc_feature_scales"


def open_destination(
    connection: psycopg.Connection[Any], model: str, full_refresh: bool
) -> Destination:
    """Return a model's table; dbt makes an empty one where there is none.

    Raises
    ------
    SetupError
        The table has rows that may not be replaced.
    """
    destination = Destination(connection, model)
    if not destination.exists:
        _make_table(model)
    if not destination.is_empty and not full_refresh:
        raise SetupError(
            f"{model} has rows: `dbt build` goes on from there, "
            "--full-refresh replaces them"
        )
    return destination


def _make_table(model: str) -> None:
    """Let dbt make a table: columns, types, keys and indexes are in its YAML."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "--quiet"),
            *("run", "--empty", "--select", model.partition(".")[2]),
        ],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"dbt cannot make {model}: {done.stdout}{done.stderr}")


def build_positions(
    spark: Any,
    destination: Destination,
    source: LoadedObjects,
    partitions: int | None = None,
) -> int:
    """Fold all fills of the loaded objects into their table; return the rows.

    Raises
    ------
    SetupError
        The objects do not hold the fills that the loads brought.
    """
    with spark_positions(spark, source.objects, partitions) as result:
        if result.fills != source.rows:
            raise SetupError(
                f"the objects hold {result.fills:,} distinct fills, the loads brought "
                f"{source.rows:,}: nothing was written. An object was replaced after "
                "it was loaded, or two traders share a trade id: dbt folds what the "
                "table has"
            )
        return destination.replace(result.batches(), source.loads, RULES)


def build_embeddings(spark: Any, destination: Destination) -> int:
    """Embed all windows of all candles into their table; return the rows.

    Raises
    ------
    SetupError
        No venue has scales of the version that the settings stand for.
    """
    connection = destination.connection
    options = EmbeddingOptions.from_config(_variables(), interval_reader(connection))
    scales = read_scales(
        read_table(
            connection,
            f"select * from {_SCALES} where feature_version = {quote(options.version)}",
        )
    )
    if not scales:
        raise SetupError(
            f"{_SCALES} has none of {options.version}: "
            "dbt run --select +btc_feature_scales"
        )
    session = Session(
        lambda: connect(autocommit=True), destination.model, starts_over=True
    )
    try:
        # Before the candles are read: what comes later is left to dbt.
        loads = session.unapplied_loads(
            "market_data.btc_ticks", upstream=[CANDLES, _SCALES]
        )
    finally:
        session.connection.close()
    candles = Candles(functools.partial(read_table, connection), CANDLES)
    found = candles.extents()
    extents = {name: found[name] for name in scales if name in found}
    with spark_embeddings(spark, Embedder(options, scales, extents)) as rows:
        return destination.replace(
            rows, loads["load_id"].to_pylist(), options.fingerprint(extents)
        )


def _variables() -> dict[str, Any]:
    """Return the variables of ``dbt_project.yml``."""
    project = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    return dict(project["vars"])
