"""All rules, in the order of dbt-project-evaluator's chapters.

Every public function of a chapter's module is a rule. There is no list, so no rule can
be missing from it.
"""

from __future__ import annotations

from inspect import isfunction
from types import ModuleType

from review import documentation, governance, modeling, performance, structure, testing
from review.rules import Rule


def _rules(chapter: ModuleType) -> list[Rule]:
    """Return the public functions that a module defines, in that order."""
    return [
        function
        for name, function in vars(chapter).items()
        if isfunction(function)
        and function.__module__ == chapter.__name__
        and not name.startswith("_")
    ]


_CHAPTERS = (modeling, testing, documentation, structure, performance, governance)
RULES: tuple[Rule, ...] = tuple(rule for each in _CHAPTERS for rule in _rules(each))
