"""How classes differ without the rules for traders with a known curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg

from pgio.copy_out import read_table
from python_jobs.lib.profiles.classification import FLAG_ATTRIBUTES, Rulebook
from python_jobs.lib.profiles.metrics import METRICS
from python_jobs.lib.profiles.panel import to_floats
from python_jobs.lib.profiles.queries import read_rules

PROFILES = "select * from analytics.trader_profiles"
RULES = "reference.trader_class_rules"
CLASSES = "reference.trader_classes"

COLUMNS = [
    ("figure", ""),
    ("traders", ",d"),
    ("with another value", ",d"),
    ("share", ".1%"),
    ("true with curves", ",d"),
    ("true without", ",d"),
]


def compare_classes(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Classify all traders again without the rules that need `mtm_known_share`.

    Returns
    -------
    list of tuple
        Rows of `COLUMNS` for the class and each flag; empty without profiles.
    """
    rules, classes = read_rules(conn, RULES, CLASSES)
    of_curves = {
        (rule["attribute"], rule["rule_order"])
        for rule in rules
        if rule["metric"] == "mtm_known_share"
    }
    others = [
        rule
        for rule in rules
        if (rule["attribute"], rule["rule_order"]) not in of_curves
    ]
    figures = ("trader_class", *FLAG_ATTRIBUTES)
    profiles = read_table(conn, PROFILES)
    if not len(profiles):
        return []
    metrics = {name: to_floats(profiles[name]) for name in METRICS}
    without = Rulebook.from_rows(others, classes).classify(metrics)
    rows: list[tuple[Any, ...]] = []
    for name in figures:
        stored = profiles[name].to_numpy()
        changed = int(np.sum(stored != without[name]))
        counts = (
            (int(stored.sum()), int(without[name].sum()))
            if name in FLAG_ATTRIBUTES
            else (None, None)
        )
        rows.append((name, len(profiles), changed, changed / len(profiles), *counts))
    return rows
