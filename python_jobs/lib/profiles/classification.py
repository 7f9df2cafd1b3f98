"""Classification by rules that an analyst keeps in a seed.

A rule is one or more rows of the same attribute and `rule_order`; all its conditions
must hold. Rules are tried in order, the first that holds gives the label, and the last
one has no condition: it is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from python_jobs.lib.profiles.metrics import METRICS
from python_jobs.lib.profiles.panel import Flags
from python_jobs.lib.profiles.returns import Floats, Ints

OPERATORS: dict[str, Callable[[Floats, float], Flags]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "!=": np.not_equal,
}
SeedRows = Sequence[Mapping[str, Any]]

FLAG_ATTRIBUTES = ("is_smart_money", "is_winner", "is_loser")
ATTRIBUTES = ("trader_class", "size_tier", "trading_style", *FLAG_ATTRIBUTES)


class RuleError(ValueError):
    """A rules seed that cannot be applied; the message names the row and the fix."""


@dataclass(frozen=True)
class Condition:
    """A comparison of one metric; a metric that is not defined never satisfies it."""

    metric: str
    operator: str
    threshold: float

    def holds(self, metrics: Mapping[str, Floats]) -> Flags:
        """Return for each trader whether the condition is met, shape (traders,)."""
        values = metrics[self.metric]
        return OPERATORS[self.operator](values, self.threshold) & ~np.isnan(values)


@dataclass(frozen=True)
class Rule:
    """A label and the conditions that must all hold for it."""

    label: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Rulebook:
    """The rules of every attribute, checked.

    Parameters
    ----------
    rules : mapping of str to tuple of Rule
        By attribute, in order; the last has no condition.
    outsiders : frozenset of str
        Trader classes excluded from signals: their flags are always false.
    """

    rules: Mapping[str, tuple[Rule, ...]]
    outsiders: frozenset[str]

    @classmethod
    def from_rows(cls, rules: SeedRows, classes: SeedRows) -> Rulebook:
        """Read and check the seeds.

        Parameters
        ----------
        rules : sequence of mappings
            `attribute, rule_order, label, metric, operator, threshold`, None where the
            seed is empty.
        classes : sequence of mappings
            `trader_class, leaves_signals`.

        Raises
        ------
        RuleError
            A value is unknown or missing, or a rule can never apply.
        """
        rows = sorted(rules, key=itemgetter("attribute", "rule_order"))
        known = {row["trader_class"] for row in classes}
        book: dict[str, tuple[Rule, ...]] = {}
        for attribute, group in groupby(rows, key=itemgetter("attribute")):
            if attribute not in ATTRIBUTES:
                raise _unknown("attribute", attribute, ATTRIBUTES, f"label {attribute}")
            book[attribute] = _read_attribute(attribute, list(group), known)
        for attribute in ATTRIBUTES:
            if attribute not in book:
                raise RuleError(
                    f"trader_class_rules: no rule for {attribute}; add at least a"
                    " default, a row with a label and an empty metric"
                )
        outsiders = [row["trader_class"] for row in classes if row["leaves_signals"]]
        return cls(rules=book, outsiders=frozenset(outsiders))

    def classify(self, metrics: Mapping[str, Floats]) -> dict[str, npt.NDArray[Any]]:
        """Apply every rule to every trader.

        Parameters
        ----------
        metrics : mapping of str to array of float64, shape (traders,)
            See `python_jobs.lib.profiles.metrics.METRICS`.

        Returns
        -------
        dict of str to array, shape (traders,)
            By attribute: labels as strings; for `FLAG_ATTRIBUTES`, bool.
        """
        chosen = {
            attribute: _first_match(self.rules[attribute], metrics)
            for attribute in ATTRIBUTES
        }
        labels: dict[str, npt.NDArray[Any]] = {
            attribute: np.array([rule.label for rule in self.rules[attribute]])[choice]
            for attribute, choice in chosen.items()
            if attribute not in FLAG_ATTRIBUTES
        }
        takes_part = np.array(
            [rule.label not in self.outsiders for rule in self.rules["trader_class"]]
        )[chosen["trader_class"]]
        for attribute in FLAG_ATTRIBUTES:
            is_true = np.array([rule.label == "true" for rule in self.rules[attribute]])
            labels[attribute] = is_true[chosen[attribute]] & takes_part
        return labels


def _first_match(rules: tuple[Rule, ...], metrics: Mapping[str, Floats]) -> Ints:
    """Return for each trader the position of the first rule that holds."""
    traders = len(next(iter(metrics.values())))
    is_open = np.ones(traders, np.bool_)
    choice = np.zeros(traders, np.int64)
    for number, rule in enumerate(rules):
        hit = is_open.copy()
        for condition in rule.conditions:
            hit &= condition.holds(metrics)
        choice[hit] = number
        is_open &= ~hit
    return choice


def _read_attribute(
    attribute: str, rows: SeedRows, classes: set[str]
) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for order, group in groupby(rows, key=itemgetter("rule_order")):
        where = f"{attribute}, rule_order {order}"
        members = list(group)
        labels = {row["label"] for row in members}
        if len(labels) > 1:
            raise RuleError(
                f"trader_class_rules: {where} has more than one label"
                f" ({', '.join(sorted(map(str, labels)))}); give each rule an order of"
                " its own"
            )
        label = members[0]["label"]
        if attribute == "trader_class" and label not in classes:
            raise _unknown("class", label, classes, where, "; add it to trader_classes")
        if attribute in FLAG_ATTRIBUTES and label not in ("true", "false"):
            raise _unknown("label", label, ("true", "false"), where)
        if rules and not rules[-1].conditions:
            raise RuleError(
                f"trader_class_rules: {where} is never reached, the rule before it has"
                " no condition; the default must come last"
            )
        is_default = len(members) == 1 and all(
            members[0][name] is None for name in ("metric", "operator", "threshold")
        )
        conditions = () if is_default else tuple(_read(row, where) for row in members)
        rules.append(Rule(label=label, conditions=conditions))
    if rules[-1].conditions:
        raise RuleError(
            f"trader_class_rules: {attribute} has no default; end it with a row that"
            " has a label and an empty metric, operator and threshold"
        )
    return tuple(rules)


def _read(row: Mapping[str, Any], where: str) -> Condition:
    metric, operator, threshold = row["metric"], row["operator"], row["threshold"]
    if metric not in METRICS:
        raise _unknown("metric", metric, METRICS, where)
    if operator not in OPERATORS:
        raise _unknown("operator", operator, OPERATORS, where)
    if threshold is None or not np.isfinite(float(threshold)):
        raise RuleError(f"trader_class_rules: {where} needs a number as threshold")
    return Condition(metric, operator, float(threshold))


def _unknown(
    kind: str, value: object, known: Any, where: str, way_out: str = ""
) -> RuleError:
    return RuleError(
        f"trader_class_rules: unknown {kind} {value!r} ({where}); known are"
        f" {', '.join(sorted(known))}{way_out}"
    )
