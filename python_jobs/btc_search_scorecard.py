"""Do similar windows predict anything? One row per venue, horizon, target, baseline.

Computed whole, whenever it is asked for (`make evaluate`).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from dbt.events.types import JinjaLogInfo
from dbt_common.events.functions import fire_event

from dbt_pyjobs import Changes
from python_jobs.lib.market.candles import Candles, quote
from python_jobs.lib.market.options import EmbeddingOptions, interval_reader
from python_jobs.lib.scorecards.forecast_skill import LEAST_WINDOWS, with_q_values
from python_jobs.lib.scorecards.search_scores import Settings, scorecard
from python_jobs.lib.scorecards.search_windows import read_history


def model(dbt: Any, session: Any) -> Changes:
    """Evaluate the windows of every venue that has scales of the version in use."""
    options = EmbeddingOptions.from_config(
        dbt.config.meta_get("embedding"), interval_reader(session.connection)
    )
    settings = Settings(
        options.step,
        options.window,
        options.horizons,
        int(dbt.config.meta_get("neighbours")),
    )
    candles = Candles(session.read, str(dbt.ref("btc_ohlcv_1s")))
    embeddings = str(dbt.ref("btc_embeddings"))
    if not session.has_table(embeddings):
        raise ValueError(f"{embeddings} is not built yet: run `dbt build` first")
    venues = session.read(
        "select exchange, extract(epoch from max(training_to))::bigint as training_to "
        f"from {dbt.ref('btc_feature_scales')} "
        f"where feature_version = {quote(options.version)} "
        "group by exchange order by exchange"
    ).to_pylist()
    rows: list[dict[str, Any]] = []
    for venue in venues:
        history = read_history(
            session.read_batches,
            candles,
            embeddings,
            venue["exchange"],
            options.version,
            options.window,
            options.horizons,
        )
        found = list(scorecard(history, settings, venue["training_to"]))
        fewest = min(row["window_count"] for row in found)
        if fewest < LEAST_WINDOWS:
            _say(
                f"{venue['exchange']} has {fewest} windows to evaluate, "
                f"{settings.spacing // 60} minutes apart, after its training range; "
                f"{LEAST_WINDOWS} are needed: load more days, or set "
                "embedding_training_range or embedding_training_days to a shorter one"
            )
        key = {"exchange": venue["exchange"], "feature_version": options.version}
        rows += [{**key, **row} for row in found]
    if not venues:
        _say(
            "no venue has windows to evaluate: load ticks and run `dbt build`; scales "
            f"take {dbt.config.meta_get('embedding')['embedding_training_days']} days"
        )
    return Changes(pa.Table.from_pylist(with_q_values(rows)) if rows else [])


def _say(text: str) -> None:
    fire_event(JinjaLogInfo(msg=f"btc_search_scorecard: {text}"))
