"""How rules are written and applied, and how exceptions to them work.

A rule is a function over a manifest. For each thing that it checks it yields the
thing's name and a problem, or None. So the checks can be counted, and a rule without
checks is noticed. Most rules check nodes one by one: `each` makes a rule of a function
that checks one node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import yaml

from review.manifest import Manifest, Node, label

Checks = Iterator[tuple[str, str | None]]
Rule = Callable[[Manifest], Checks]
# The reason, by rule and by the name of the exception.
Exceptions = Mapping[str, Mapping[str, str]]

# In the folder of the project.
EXCEPTIONS = Path("review", "exceptions.yml")


@dataclass(frozen=True)
class Verdict:
    """The result of a rule.

    Attributes
    ----------
    checked
        How many things it checked.
    excepted
        How many of them break it and are excepted with a reason.
    problems
        What to mend: breaches without a reason, and reasons without a breach.
    """

    checked: int
    excepted: int
    problems: list[str]


def each(
    *kinds: str,
) -> Callable[[Callable[[Manifest, Node], str | None]], Rule]:
    """Make a rule of a function that returns the problem of a node, or None."""

    def made(judge: Callable[[Manifest, Node], str | None]) -> Rule:
        @wraps(judge)
        def rule(manifest: Manifest) -> Checks:
            for node in manifest.nodes(*kinds):
                yield label(node), judge(manifest, node)

        return rule

    return made


def apply(rule: Rule, manifest: Manifest, exceptions: Exceptions) -> Verdict:
    """Apply a rule and its exceptions.

    Parameters
    ----------
    rule
        One of `review.catalog.RULES`; its name is the key in `exceptions`.
    manifest
        The project.
    exceptions
        Reasons by rule and name. A reason that is no longer needed is a problem.
    """
    reasons = exceptions.get(rule.__name__, {})
    checks = list(rule(manifest))
    breaches = [(thing, problem) for thing, problem in checks if problem is not None]
    problems = [
        f"{thing}: {problem}" for thing, problem in breaches if thing not in reasons
    ]
    broken = {thing for thing, _ in breaches}
    problems += [
        f"{thing}: stands in {EXCEPTIONS}, but keeps the rule"
        for thing in reasons
        if thing not in broken
    ]
    return Verdict(len(checks), len(broken & reasons.keys()), problems)


def read_exceptions(path: Path) -> Exceptions:
    """Read the exceptions of a project; empty without the file.

    Raises
    ------
    ValueError
        For an exception without a reason.
    """
    if not path.exists():
        return {}
    found: dict[str, dict[str, str]] = yaml.safe_load(path.read_text("utf-8"))
    for rule, reasons in found.items():
        for thing, reason in reasons.items():
            if not (isinstance(reason, str) and reason.strip()):
                raise ValueError(f"{path}: {rule}, {thing} has no reason")
    return found
