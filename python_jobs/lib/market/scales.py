"""Feature scales: fitted once for each version and venue, then only read."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from python_jobs.lib.market.candles import Candles, Span, within_spans
from python_jobs.lib.market.features import FEATURES
from python_jobs.lib.market.grid import SECONDS_PER_DAY, Floats
from python_jobs.lib.market.options import EmbeddingOptions
from python_jobs.lib.market.vectors import Scales, day_offsets, training_features

SCALES_SCHEMA = pa.schema(
    [
        ("feature_version", pa.string()),
        ("exchange", pa.string()),
        ("feature", pa.string()),
        ("position", pa.int16()),
        ("median", pa.float64()),
        ("iqr", pa.float64()),
        ("scale", pa.float64()),
        ("training_name", pa.string()),
        ("training_from", pa.timestamp("us", tz="UTC")),
        ("training_to", pa.timestamp("us", tz="UTC")),
        ("window_count", pa.int64()),
        ("parameters", pa.string()),
        ("fitted_at", pa.timestamp("us", tz="UTC")),
    ]
)


def training_span(options: EmbeddingOptions, extent: Span) -> Span | None:
    """Return the seconds that a venue's training windows lie in.

    Parameters
    ----------
    options : EmbeddingOptions
        Settings with the training range.
    extent : tuple of int
        First and last second with a candle of the venue.

    Returns
    -------
    tuple of int or None
        None while the data do not cover the configured range.
    """
    first, last = extent
    training = options.training
    if training.begin is not None and training.end is not None:
        return (training.begin, training.end) if last >= training.end else None
    return first, min(last, first + training.days * SECONDS_PER_DAY)


def read_training(
    candles: Candles, exchange: str, span: Span, options: EmbeddingOptions
) -> Floats:
    """Compute the features of all windows that lie in a span, day by day."""
    begin, end = span
    blocks = [np.empty((0, len(FEATURES)))]
    for day in candles.days(exchange, span):
        grid = candles.grid(exchange, day, SECONDS_PER_DAY + options.window)
        starts = day + day_offsets(options.step)
        inside = within_spans(starts, [(begin, max(begin, end - options.window + 1))])
        blocks.append(training_features(grid, inside - day, options))
    return np.concatenate(blocks)


def scale_rows(
    options: EmbeddingOptions, exchange: str, span: Span, features: Floats
) -> pa.Table:
    """Fit a venue's scales and lay them out as rows of `SCALES_SCHEMA`."""
    scales = Scales.fit(features)
    count = len(FEATURES)
    begin, end = (datetime.fromtimestamp(second, UTC) for second in span)
    parameters = orjson.dumps(options.parameters, option=orjson.OPT_SORT_KEYS).decode()
    columns = {
        "feature_version": [options.version] * count,
        "exchange": [exchange] * count,
        "feature": list(FEATURES),
        "position": list(range(1, count + 1)),
        "median": scales.median,
        "iqr": scales.iqr,
        "scale": scales.scale,
        "training_name": [options.training.name] * count,
        "training_from": [begin] * count,
        "training_to": [end] * count,
        "window_count": [len(features)] * count,
        "parameters": [parameters] * count,
        "fitted_at": [datetime.now(UTC)] * count,
    }
    return pa.table(columns, schema=SCALES_SCHEMA)


def read_scales(rows: pa.Table) -> dict[str, Scales]:
    """Turn stored rows of one version into scales by venue.

    Raises
    ------
    ValueError
        A venue's rows are not those of `FEATURES`.
    """
    by_venue: dict[str, Scales] = {}
    ordered = rows.sort_by([("exchange", "ascending"), ("position", "ascending")])
    for exchange in ordered["exchange"].unique().to_pylist():
        mine = ordered.filter(pc.equal(ordered["exchange"], exchange))
        if tuple(mine["feature"].to_pylist()) != FEATURES:
            raise ValueError(
                f"signals.btc_feature_scales: {exchange} has not one row for each "
                "feature; delete that venue's rows of this feature_version and build"
            )
        by_venue[exchange] = Scales(
            *(np.asarray(mine[name].to_numpy()) for name in ("median", "iqr", "scale"))
        )
    return by_venue
