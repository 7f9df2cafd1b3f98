"""One vector per window of trades, version and venue, with the outcomes after it.

New loads recompute the windows whose seconds or labels they touch, and complete labels
that have become known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from dbt.events.types import JinjaLogInfo
from dbt_common.events.functions import fire_event

from dbt_pyjobs import Changes
from python_jobs.lib.market.candles import Candles, Span, load_spans, quote, stale_spans
from python_jobs.lib.market.embedding_rows import embedding_rows, scope
from python_jobs.lib.market.options import EmbeddingOptions, interval_reader
from python_jobs.lib.market.scales import read_scales


def model(dbt: Any, session: Any) -> Changes | None:
    """Embed the windows that new loads touch; all windows if the settings changed."""
    options = EmbeddingOptions.from_config(
        dbt.config.meta_get("embedding"), interval_reader(session.connection)
    )
    relation, scale_table = dbt.ref("btc_ohlcv_1s"), dbt.ref("btc_feature_scales")
    state = json.loads(session.fingerprint or "{}")
    is_same = dbt.is_incremental and state.get("settings") == options.kept
    known: dict[str, Span] = {}
    if is_same:
        known = {name: (first, last) for name, (first, last) in state["known"].items()}
    scales = read_scales(
        session.read(
            f"select * from {scale_table} "
            f"where feature_version = {quote(options.version)}"
        )
    )
    is_all_known = set(scales) <= set(known)
    upstream = [relation, scale_table]
    loads = session.unapplied_loads("market_data.btc_ticks", upstream=upstream)
    if is_same and is_all_known and not len(loads):
        return None

    candles = Candles(session.read, str(relation))
    loaded = load_spans(loads)
    # A venue that is new has all of its candles before it.
    found = candles.extents(loaded if is_all_known else None)
    extents = {
        name: _joined(known.get(name), found.get(name))
        for name in scales
        if name in known or name in found
    }
    stale = {
        name: stale_spans(loaded, known.get(name), extent, options.longest)
        for name, extent in extents.items()
    }
    skipped: Counter[str] = Counter()

    def created(exchange: str, span: Span) -> pa.Table:
        if not dbt.is_incremental:
            return pa.table({"second": [], "created": []})
        return session.read(
            "select extract(epoch from bucket)::bigint as second, "
            "(extract(epoch from created_at) * 1000000)::bigint as created "
            f"from {dbt.this} where {scope(options.version, {exchange: [span]})}"
        )

    def batches() -> Iterator[pa.RecordBatch]:
        until = {name: last for name, (_, last) in extents.items()}
        count = 0
        for batch in embedding_rows(
            candles, options, scales, stale, until, created, skipped
        ):
            count += batch.num_rows
            yield batch
        fire_event(
            JinjaLogInfo(
                msg=f"btc_embeddings: {count} windows of {options.version}; skipped "
                f"{skipped['empty']} with fewer than two trades, {skipped['flat']} flat"
            )
        )

    return Changes(
        rows=batches(),
        scope=scope(options.version, stale),
        loads=loads["load_id"].to_pylist(),
        fingerprint=options.fingerprint(extents),
        made_of=options.parameters | {"horizons": options.horizons},
    )


def _joined(before: Span | None, now: Span | None) -> Span:
    spans = [span for span in (before, now) if span is not None]
    return min(first for first, _ in spans), max(last for _, last in spans)
