"""Build a model's table with Spark from the loads in the load log."""

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
    """Return a model's table; dbt creates an empty one if it does not exist.

    Raises
    ------
    SetupError
        The table has rows, and ``full_refresh`` is False.
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
    """Let dbt create the table: its YAML has the columns, types, keys and indexes."""
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


def build_positions(spark: Any, destination: Destination, source: LoadedObjects) -> int:
    """Fold all fills of the loaded objects into the table; return the row count.

    Raises
    ------
    SetupError
        The objects do not have as many fills as the loads stored.
    """
    with spark_positions(spark, source.objects) as result:
        if result.fills != source.rows:
            raise SetupError(
                f"the objects hold {result.fills:,} distinct fills, the loads brought "
                f"{source.rows:,}: nothing was written. An object was replaced after "
                "it was loaded, or two traders share a trade id: dbt folds what the "
                "table has"
            )
        return destination.replace(result.batches(), source.loads, RULES)


def build_embeddings(spark: Any, destination: Destination) -> int:
    """Embed all windows of all candles into the table; return the row count.

    Raises
    ------
    SetupError
        No venue has scales of the version that the settings give.
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
        # Read the loads before the candles: later loads are left to dbt.
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
