"""A Spark session without log output and leftover files."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loaders.errors import SetupError
from runners.java import java_for_spark

#: No log is needed: errors are raised as exceptions with the worker's traceback.
_LOG_CONFIG = """\
rootLogger.level = off
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n
# Otherwise it says that it sets a level.
logger.python.name = org.apache.spark.api.python.PythonGatewayServer
logger.python.level = off
"""

#: Rows that Spark hands to Python at once.
_BATCH_ROWS = 50_000


@contextmanager
def spark_session(master: str | None, memory: str = "2g") -> Iterator[Any]:
    """Run Spark for the length of a ``with``.

    Parameters
    ----------
    master
        ``local[2]``, ``spark://host:7077``, ``yarn``, …; None takes what
        ``spark-submit`` or Spark's own configuration says.
    memory
        Heap of the driver, which is all of Spark where the master is local.

    Yields
    ------
    pyspark.sql.SparkSession

    Raises
    ------
    SetupError
        pyspark or Java is missing, or Spark does not start.
    """
    # pyspark warns of the pandas version, although nothing here uses pandas.
    warnings.filterwarnings("ignore", "PySpark does not yet", FutureWarning)
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise SetupError(
            "pyspark is missing: `make spark`, or pip install '.[spark]'"
        ) from None
    with tempfile.TemporaryDirectory(prefix="vigil-spark-") as name:
        scratch = Path(name)
        # Workers run what the driver runs.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.appName("vigil")
        if master is not None:
            builder = builder.master(master)
        for key, value in _settings(scratch, master, memory).items():
            builder = builder.config(key, value)
        try:
            with java_for_spark(scratch):
                session = builder.getOrCreate()
        except PySparkException as error:
            line = str(error).strip().splitlines()[0]
            raise SetupError(f"Spark does not start: {line}") from error
        try:
            yield session
        finally:
            session.stop()


def _settings(scratch: Path, master: str | None, memory: str) -> dict[str, str]:
    log_config = scratch / "log4j2.properties"
    log_config.write_text(_LOG_CONFIG)
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": (
            f"-Dlog4j2.configurationFile={log_config.as_uri()}"
        ),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_BATCH_ROWS),
        # Results between two steps are few large cells, not many small ones.
        "spark.sql.inMemoryColumnarStorage.batchSize": "8",
        "spark.sql.session.timeZone": "UTC",
    }
    if master is not None and master.startswith("local"):
        settings |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(scratch / "local"),
        }
    return settings
