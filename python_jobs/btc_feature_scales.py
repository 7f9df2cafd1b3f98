"""Median and spread of each feature in the training windows, for each venue.

Scales are fitted once for a version and a venue and never changed, so vectors of one
version stay comparable, however much later they are computed.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from dbt.events.types import JinjaLogInfo
from dbt_common.events.functions import fire_event

from dbt_pyjobs import Changes
from python_jobs.lib.market.candles import Candles
from python_jobs.lib.market.options import EmbeddingOptions, interval_reader
from python_jobs.lib.market.scales import (
    SCALES_SCHEMA,
    read_training,
    scale_rows,
    training_span,
)


def model(dbt: Any, session: Any) -> Changes | None:
    """Fit the venues that have no scales of this version yet."""
    settings = dbt.config.meta_get("embedding")
    options = EmbeddingOptions.from_config(
        settings, interval_reader(session.connection)
    )
    least = int(settings["embedding_training_min_windows"])
    state = f"{options.version}, at least {least} windows"
    relation = dbt.ref("btc_ohlcv_1s")
    loads = session.unapplied_loads("market_data.btc_ticks", upstream=[relation])
    if dbt.is_incremental and not len(loads) and session.fingerprint == state:
        return None

    fitted = set()
    if dbt.is_incremental:
        rows = session.connection.execute(
            f"select distinct exchange from {dbt.this} where feature_version = %s",
            [options.version],
        )
        fitted = {exchange for (exchange,) in rows}
    candles = Candles(session.read, str(relation))
    tables = [SCALES_SCHEMA.empty_table()]
    for exchange, extent in candles.extents().items():
        if exchange in fitted:
            continue
        span = training_span(options, extent)
        if span is None:
            say(f"{exchange}: training range {options.training.name} is not loaded yet")
            continue
        features = read_training(candles, exchange, span, options)
        if len(features) < least:
            say(f"{exchange}: {len(features)} training windows of at least {least}")
            continue
        tables.append(scale_rows(options, exchange, span, features))
        say(f"{exchange}: fitted {options.version} to {len(features)} windows")
    return Changes(
        rows=pa.concat_tables(tables),
        loads=loads["load_id"].to_pylist(),
        fingerprint=state,
    )


def say(text: str) -> None:
    """Print a line into dbt's log."""
    fire_event(JinjaLogInfo(msg=f"btc_feature_scales: {text}"))
