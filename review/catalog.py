"""All rules: every public function of a chapter, so that no list can lack one."""

from __future__ import annotations

from inspect import isfunction

from review import documentation, exposed, modeling, structure, testing
from review.rules import Rule

RULES: tuple[Rule, ...] = tuple(
    function
    for chapter in (modeling, testing, documentation, structure, exposed)
    for name, function in vars(chapter).items()
    if isfunction(function)
    and function.__module__ == chapter.__name__
    and not name.startswith("_")
)
