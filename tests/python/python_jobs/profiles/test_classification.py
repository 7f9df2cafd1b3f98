"""The rules seed: what a rule means, and what is said about one that makes no sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from trader_panels import seed

from python_jobs.lib.profiles.classification import ATTRIBUTES, Rulebook, RuleError
from python_jobs.lib.profiles.metrics import METRICS

CLASSES = [
    {"trader_class": "good", "leaves_signals": False},
    {"trader_class": "bad", "leaves_signals": False},
    {"trader_class": "vault", "leaves_signals": True},
]
Row = tuple[str, int, str, str | None, str | None, float | None]

DEFAULTS: list[Row] = [
    ("trader_class", 99, "bad", None, None, None),
    ("size_tier", 99, "small", None, None, None),
    ("trading_style", 99, "unknown", None, None, None),
    ("is_smart_money", 99, "false", None, None, None),
    ("is_winner", 99, "false", None, None, None),
    ("is_loser", 99, "false", None, None, None),
]


def rulebook(*rows: Row, defaults: list[Row] = DEFAULTS) -> Rulebook:
    names = ("attribute", "rule_order", "label", "metric", "operator", "threshold")
    table = [dict(zip(names, row, strict=True)) for row in (*rows, *defaults)]
    return Rulebook.from_rows(table, CLASSES)


def metrics(**values: list[float]) -> dict[str, Any]:
    count = len(next(iter(values.values())))
    everything = {name: np.full(count, np.nan) for name in METRICS}
    return everything | {name: np.array(v, float) for name, v in values.items()}


def test_the_first_rule_that_holds_wins():
    book = rulebook(
        ("size_tier", 1, "whale", "volume", ">=", 100),
        ("size_tier", 2, "large", "volume", ">=", 10),
    )
    labels = book.classify(metrics(volume=[5, 10, 99, 100]))
    assert labels["size_tier"].tolist() == ["small", "large", "large", "whale"]


def test_conditions_of_one_rule_must_all_hold():
    book = rulebook(
        ("trader_class", 1, "good", "net_pnl", ">", 0),
        ("trader_class", 1, "good", "sharpe_ratio", ">=", 2),
    )
    labels = book.classify(metrics(net_pnl=[1, 1, 0], sharpe_ratio=[2, 1.9, 3]))
    assert labels["trader_class"].tolist() == ["good", "bad", "bad"]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("<", [True, False, False]),
        ("<=", [True, True, False]),
        (">", [False, False, True]),
        (">=", [False, True, True]),
        ("=", [False, True, False]),
        ("!=", [True, False, True]),
    ],
)
def test_operators_and_null_never_holds(operator: str, expected: list[bool]):
    book = rulebook(("is_winner", 1, "true", "net_pnl", operator, 0))
    labels = book.classify(metrics(net_pnl=[-1, 0, 1, float("nan")]))
    assert labels["is_winner"].tolist() == [*expected, False]


def test_a_class_that_leaves_signals_has_no_flags():
    book = rulebook(
        ("trader_class", 1, "vault", "transfer_share", ">", 0.5),
        ("is_smart_money", 1, "true", "net_pnl", ">", 0),
    )
    labels = book.classify(metrics(net_pnl=[1, 1], transfer_share=[0, 1]))
    assert labels["trader_class"].tolist() == ["bad", "vault"]
    assert labels["is_smart_money"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("size_tier", 1, "x", "karma", ">", 1), r"unknown metric 'karma' \(size_tier"),
        (("size_tier", 1, "x", "volume", "~", 1), "unknown operator '~'"),
        (("trader_class", 1, "guru", "volume", ">", 1), "unknown class 'guru'"),
        (("hair_colour", 1, "x", "volume", ">", 1), "unknown attribute 'hair_colour'"),
        (("is_winner", 1, "yes", "volume", ">", 1), "unknown label 'yes'"),
        (("size_tier", 1, "x", "volume", ">", None), "needs a number as threshold"),
        (("size_tier", 1, "x", None, None, None), "size_tier, rule_order 99 is never"),
        (("size_tier", 1, "x", None, ">", 1), "unknown metric None"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(row: Row, message: str):
    with pytest.raises(RuleError, match=message):
        rulebook(row)


def test_two_labels_in_one_rule_are_refused():
    with pytest.raises(RuleError, match=r"more than one label \(a, b\)"):
        rulebook(
            ("size_tier", 1, "a", "volume", ">", 1),
            ("size_tier", 1, "b", "net_pnl", ">", 1),
        )


def test_an_unknown_class_names_the_way_out():
    with pytest.raises(RuleError, match="known are bad, good, vault; add it to"):
        rulebook(("trader_class", 1, "guru", "volume", ">", 1))


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_every_attribute_needs_rules_and_a_default(attribute: str):
    rest = [row for row in DEFAULTS if row[0] != attribute]
    with pytest.raises(RuleError, match=f"no rule for {attribute}"):
        rulebook(defaults=rest)
    label = {"trader_class": "good"}.get(attribute, "true")
    with pytest.raises(RuleError, match=f"{attribute} has no default"):
        rulebook((attribute, 1, label, "volume", ">", 1), defaults=rest)


def test_an_empty_seed_is_refused():
    with pytest.raises(RuleError, match="no rule for trader_class"):
        Rulebook.from_rows([], CLASSES)


def test_no_traders_no_labels():
    labels = rulebook().classify(metrics(volume=[]))
    assert {name: len(values) for name, values in labels.items()} == dict.fromkeys(
        ATTRIBUTES, 0
    )


def test_the_seeds_of_the_project_apply():
    book = Rulebook.from_rows(seed("trader_class_rules"), seed("trader_classes"))
    assert {"vault", "market_maker", "insufficient_data"} <= book.outsiders
    unknown = book.classify(metrics(volume=[0.0]))
    assert not unknown["is_smart_money"][0]
    assert unknown["trading_style"][0] == "unknown"
