"""The rules of `python -m review`: the project keeps them, and each can be broken.

Every rule is also applied to the project's own manifest with one thing changed in
memory that it is to find.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pgio.connection import PROJECT_DIR
from review.catalog import RULES
from review.manifest import Manifest
from review.parse import parse
from review.references import hard_coded
from review.rules import EXCEPTIONS, Rule, apply, read_exceptions

Content = dict[str, Any]
_BY_NAME = {rule.__name__: rule for rule in RULES}


@pytest.fixture(scope="module")
def content() -> Content:
    parsed = parse(PROJECT_DIR)
    assert parsed.warnings == []
    assert parsed.manifest is not None
    return parsed.manifest


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule: Rule, content: Content) -> None:
    verdict = apply(rule, Manifest(content), read_exceptions(PROJECT_DIR / EXCEPTIONS))
    assert verdict.problems == []
    assert verdict.checked > 0


def _model(content: Content, name: str) -> Content:
    node: Content = content["nodes"][f"model.vigil.{name}"]
    return node


def _source(content: Content, name: str) -> Content:
    node: Content = content["sources"][f"source.vigil.{name}"]
    return node


def _reads(child: Content, *parents: Content) -> None:
    child["depends_on"]["nodes"] += [parent["unique_id"] for parent in parents]


def _drop_tests(content: Content, model: str, *kinds: str) -> None:
    """Take away the tests of a model, those of some kinds or all."""
    key = _model(content, model)["unique_id"]
    for name, node in list(content["nodes"].items()):
        kind = (node.get("test_metadata") or {}).get("name")
        is_test = node["resource_type"] == "test"
        is_of_kind = is_test and (not kinds or kind in kinds)
        if is_of_kind and key in node["depends_on"]["nodes"]:
            del content["nodes"][name]


def _rollup_beside_source(content: Content) -> None:
    _reads(_model(content, "coin_hourly"), _model(content, "coin_daily"))


def _mart_on_source(content: Content) -> None:
    _reads(_model(content, "asset_signals"), _source(content, "hyperliquid.fills"))


def _named_relation(content: Content) -> None:
    _model(content, "asset_signals")["raw_code"] += "\ncross join hyperliquid.fills"


def _two_sources(content: Content) -> None:
    _reads(
        _model(content, "trader_coin_daily"), _source(content, "market_data.btc_ticks")
    )


def _joined_again(content: Content) -> None:
    _reads(_model(content, "tick_gaps"), _model(content, "coin_daily"))
    _reads(_model(content, "asset_signals"), _model(content, "tick_gaps"))


def _reads_nothing(content: Content) -> None:
    _model(content, "tick_gaps")["depends_on"]["nodes"] = []
    for exposure in content["exposures"].values():
        exposure["depends_on"]["nodes"] = []


def _source_read_twice(content: Content) -> None:
    runs = _source(content, "ingestion.sequence_runs")
    _reads(_model(content, "asset_signals"), runs)


def _staging_on_rollup(content: Content) -> None:
    staging = _model(content, "stg_hyperliquid__fills")
    _reads(staging, _model(content, "coin_daily"))


def _staging_on_staging(content: Content) -> None:
    staging = _model(content, "stg_hyperliquid__fills")
    _reads(staging, _model(content, "stg_market_data__btc_ticks"))


def _many_parents(content: Content) -> None:
    minutes = ("btc_ohlcv_1s", "btc_ohlcv_1m", "btc_ohlcv_5m")
    more = ("trader_daily", "tick_gaps", *minutes)
    _reads(_model(content, "asset_signals"), *(_model(content, n) for n in more))


def _no_key(content: Content) -> None:
    _drop_tests(content, "trader_win_rates", "is_primary_key", "unique")


def _key_may_be_null(content: Content) -> None:
    _drop_tests(content, "live_jobs", "not_null")


def _another_key(content: Content) -> None:
    _model(content, "coin_daily")["config"]["unique_key"] = ["day"]


def _source_without_key(content: Content) -> None:
    del _source(content, "hyperliquid.fills")["config"]["meta"]["timescale"]


def _source_without_age(content: Content) -> None:
    _source(content, "hyperliquid.fills")["freshness"] = None


def _undescribed_model(content: Content) -> None:
    _model(content, "tick_gaps")["description"] = " "


def _undescribed_unit_test(content: Content) -> None:
    next(iter(content["unit_tests"].values()))["description"] = None


def _undescribed_table(content: Content) -> None:
    _source(content, "hyperliquid.fills")["description"] = ""


def _undescribed_source(content: Content) -> None:
    for table in ("fills", "asset_ctxs", "funding_rates"):
        _source(content, f"hyperliquid.{table}")["source_description"] = ""


def _undescribed_column(content: Content) -> None:
    _model(content, "asset_signals")["columns"]["coin"]["description"] = ""


def _no_columns(content: Content) -> None:
    _model(content, "asset_signals")["columns"] = {}


def _untyped_column(content: Content) -> None:
    _model(content, "asset_signals")["columns"]["coin"]["data_type"] = None


def _undescribed_macro(content: Content) -> None:
    content["macros"]["macro.vigil.is_trade"]["description"] = ""


def _undescribed_argument(content: Content) -> None:
    macro = content["macros"]["macro.vigil.time_bucket"]
    macro["arguments"][0]["description"] = ""


def _argument_that_is_not(content: Content) -> None:
    content["macros"]["macro.vigil.time_bucket"]["arguments"][0]["name"] = "widht"


def _argument_of_a_test(content: Content) -> None:
    del content["macros"]["macro.vigil.test_is_candle"]["arguments"][0]


def _unknown_type(content: Content) -> None:
    macro = content["macros"]["macro.vigil.time_bucket"]
    macro["arguments"][0]["type"] = "boolean"


def _staging_of_another_name(content: Content) -> None:
    _model(content, "stg_hyperliquid__fills")["name"] = "stg_fills"


def _step_of_another_name(content: Content) -> None:
    _model(content, "int_signals__flows")["name"] = "int_flows"


def _prefixed_mart(content: Content) -> None:
    _model(content, "asset_signals")["name"] = "fct_asset_signals"


def _staging_of_another_source(content: Content) -> None:
    staging = _model(content, "stg_hyperliquid__fills")
    staging["original_file_path"] = "models/staging/market_data/fills.sql"


def _python_among_sql(content: Content) -> None:
    model = _model(content, "trader_profiles")
    model["original_file_path"] = "models/marts/traders/trader_profiles.py"


def _source_elsewhere(content: Content) -> None:
    fills = _source(content, "hyperliquid.fills")
    fills["original_file_path"] = "models/staging/hyperliquid/_sources.yml"


def _described_elsewhere(content: Content) -> None:
    model = _model(content, "asset_signals")
    model["patch_path"] = "vigil://models/marts/traders/_traders__models.yml"


def _chain_of_views(content: Content) -> None:
    chain = ("btc_ohlcv_100ms", "btc_ohlcv_1s", "btc_feature_scales", "btc_embeddings")
    for name in (*chain, "btc_similar_windows"):
        _model(content, name)["config"]["materialized"] = "view"


def _exposed_view(content: Content) -> None:
    _model(content, "asset_signals")["config"]["materialized"] = "view"


def _no_contract(content: Content) -> None:
    _model(content, "asset_signals")["config"]["contract"]["enforced"] = False


def _exposed_private_model(content: Content) -> None:
    _model(content, "asset_signals")["access"] = "private"


def _no_group(content: Content) -> None:
    _model(content, "asset_signals")["group"] = None


_EXPOSED = "exposures_of_other_than_stored_public_models"
SEEDS: list[tuple[str, Callable[[Content], None], str]] = [
    ("direct_source_reads", _rollup_beside_source, "coin_hourly: reads coin_daily"),
    ("direct_source_reads", _mart_on_source, "asset_signals: reads hyperliquid."),
    ("hard_coded_references", _named_relation, "asset_signals: names hyperliquid.f"),
    (
        "multiple_sources_joined",
        _two_sources,
        "trader_coin_daily: reads hyperliquid.fills",
    ),
    ("rejoining_of_upstream_concepts", _joined_again, "tick_gaps: serves asset_signal"),
    ("root_models", _reads_nothing, "tick_gaps: reads nothing"),
    ("source_fanout", _source_read_twice, "sequence_runs: is read by asset_signals"),
    ("direct_source_reads", _staging_on_rollup, "fills: reads coin_daily"),
    ("direct_source_reads", _staging_on_staging, "fills: reads stg_market_"),
    ("unused_sources", _reads_nothing, "sequence_runs: is read by no model"),
    ("too_many_joins", _many_parents, "asset_signals: reads 7 relations"),
    ("missing_primary_key_tests", _no_key, "trader_win_rates: "),
    ("missing_primary_key_tests", _key_may_be_null, "live_jobs: "),
    ("missing_primary_key_tests", _another_key, "unique_key (day) is not tested"),
    ("missing_source_keys", _source_without_key, "fills: declares no key"),
    ("sources_without_freshness", _source_without_age, "fills: has no freshness"),
    ("undocumented_nodes", _undescribed_model, "tick_gaps: has no description"),
    ("undocumented_nodes", _undescribed_unit_test, "has no description"),
    ("undocumented_nodes", _undescribed_table, "fills: has no description"),
    ("undocumented_nodes", _undescribed_source, "fills: has no description"),
    ("undocumented_columns", _undescribed_column, "asset_signals.coin: has no desc"),
    ("undocumented_columns", _no_columns, "asset_signals: declares no columns"),
    ("untyped_columns", _untyped_column, "asset_signals.coin: has no data_type"),
    ("undocumented_macros", _undescribed_macro, "is_trade: has no description"),
    ("undocumented_macros", _undescribed_argument, "time_bucket("),
    ("macro_arguments", _argument_that_is_not, "time_bucket: takes ["),
    ("macro_arguments", _argument_of_a_test, "test_is_candle: takes ['model']"),
    ("macro_arguments", _unknown_type, " is boolean, no type of dbt's"),
    ("model_naming_conventions", _staging_of_another_name, "stg_hyperliquid__fills"),
    ("model_naming_conventions", _step_of_another_name, "to be called int_signals__"),
    ("model_naming_conventions", _prefixed_mart, "has the prefix of another layer"),
    ("model_directories", _staging_of_another_source, "not in models/staging/hyper"),
    ("model_directories", _python_among_sql, "is python, and lies in models/marts"),
    ("source_directories", _source_elsewhere, "fills: is declared in models/staging"),
    ("test_directories", _described_elsewhere, "asset_signals: is described in"),
    ("chained_views", _chain_of_views, "summary: stands on a chain of 5"),
    (_EXPOSED, _exposed_view, "asset_signals: is view"),
    ("public_models_without_contract", _no_contract, "asset_signals: is public and"),
    (_EXPOSED, _exposed_private_model, "is private"),
    ("models_without_group", _no_group, "asset_signals: belongs to no group"),
]


@pytest.mark.parametrize(
    ("rule", "seed", "message"), SEEDS, ids=[f"{s[0]}-{s[1].__name__}" for s in SEEDS]
)
def test_a_seeded_violation_is_caught(
    rule: str, seed: Callable[[Content], None], message: str, content: Content
) -> None:
    seeded = copy.deepcopy(content)
    seed(seeded)
    exceptions = read_exceptions(PROJECT_DIR / EXCEPTIONS)
    problems = apply(_BY_NAME[rule], Manifest(seeded), exceptions).problems
    assert any(message in problem for problem in problems), problems


def test_every_rule_has_a_seeded_violation() -> None:
    assert {rule for rule, _, _ in SEEDS} == set(_BY_NAME)


def test_exceptions_are_of_rules_there_are() -> None:
    assert set(read_exceptions(PROJECT_DIR / EXCEPTIONS)) <= set(_BY_NAME)


def test_an_exception_covers_what_it_names_only(content: Content) -> None:
    seeded = copy.deepcopy(content)
    _undescribed_model(seeded)
    _undescribed_unit_test(seeded)
    rule = _BY_NAME["undocumented_nodes"]
    excepted = {rule.__name__: {"tick_gaps": "It speaks for itself."}}
    verdict = apply(rule, Manifest(seeded), excepted)
    assert verdict.excepted == 1
    assert len(verdict.problems) == 1
    assert "tick_gaps" not in verdict.problems[0]


def test_an_exception_that_nothing_breaks_is_a_problem(content: Content) -> None:
    rule = _BY_NAME["undocumented_nodes"]
    excepted = {rule.__name__: {"tick_gaps": "It was not described once."}}
    [problem] = apply(rule, Manifest(content), excepted).problems
    assert "keeps the rule" in problem


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    (tmp_path / "exceptions.yml").write_text("chained_views:\n  coin_daily:\n")
    with pytest.raises(ValueError, match="chained_views, coin_daily has no reason"):
        read_exceptions(tmp_path / "exceptions.yml")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("select * from {{ source('hyperliquid', 'fills') }}", []),
        ("select * from hyperliquid.fills", ["hyperliquid.fills"]),
        ('select * from a join "Raw"."Fills" using (b)', ["Raw.Fills"]),
        ("select * from a\ncross join lateral raw.fills as b", ["raw.fills"]),
        ("select * from raw.fills_of('BTC')", []),
        ("select * from pg_catalog.pg_class", []),
        ("select * from timescaledb_information.jobs", []),
        ("-- taken from raw.fills\nselect 'from raw.fills' from a /* from b.c */", []),
        ("select a.b is distinct from\n    c.d, extract(epoch from c.d) from c", []),
        ("select exists (select from raw.fills)", ["raw.fills"]),
    ],
)
def test_references_are_told_from_what_looks_like_them(
    code: str, found: list[str]
) -> None:
    assert hard_coded({"language": "sql", "raw_code": code}, set()) == found


def test_references_in_python_are_those_to_relations_there_are() -> None:
    code = 'def model(dbt, session):\n    session.arrow("select 1 from {}")\n'
    known = {"hyperliquid.fills"}
    for relation, found in (("hyperliquid.fills", True), ("numpy.random", False)):
        node = {"language": "python", "raw_code": code.replace("{}", relation)}
        assert hard_coded(node, known) == ([relation] if found else [])
