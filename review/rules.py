"""How rules are written, applied and excepted from.

A rule is a function that goes through a manifest and yields, for each thing it looks
at, the thing's name and what is wrong with it, or None. So what a rule looked at can be
counted, and one that looks at nothing is noticed. Most look at nodes one by one: `each`
makes a rule of a function that judges one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path

import yaml

from review.manifest import Manifest, Node, label

Checks = Iterator[tuple[str, str | None]]
Rule = Callable[[Manifest], Checks]
# By rule, then by what is excepted: the reason.
Exceptions = Mapping[str, Mapping[str, str]]

# In the folder of the project.
EXCEPTIONS = Path("review", "exceptions.yml")


@dataclass(frozen=True)
class Verdict:
    """What a rule found.

    Attributes
    ----------
    rule
        Its name.
    checked
        How many things it looked at.
    excepted
        How many of them break it, with a reason.
    problems
        What is to be mended: breaches without a reason, and reasons without a breach.
    """

    rule: str
    checked: int
    excepted: int = 0
    problems: list[str] = field(default_factory=list)


def each(
    *kinds: str,
) -> Callable[[Callable[[Manifest, Node], str | None]], Rule]:
    """Make a rule of a function that says what is wrong with a node of some kinds."""

    def made(judge: Callable[[Manifest, Node], str | None]) -> Rule:
        @wraps(judge)
        def rule(manifest: Manifest) -> Checks:
            for node in manifest.nodes(*kinds):
                yield label(node), judge(manifest, node)

        return rule

    return made


def apply(rule: Rule, manifest: Manifest, exceptions: Exceptions) -> Verdict:
    """Apply a rule, but for its exceptions.

    Parameters
    ----------
    rule
        One of `review.catalog.RULES`; its name is the key in `exceptions`.
    manifest
        The project.
    exceptions
        Reasons by rule and name. One that nothing breaks any more is a problem.
    """
    name = rule.__name__
    reasons = exceptions.get(name, {})
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
    return Verdict(name, len(checks), len(broken & reasons.keys()), problems)


def read_exceptions(path: Path) -> Exceptions:
    """Read the exceptions of a project, none where there is no such file.

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
