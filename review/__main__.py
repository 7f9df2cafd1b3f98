"""``python -m review``: checks of the dbt project; ends with 0 if all pass."""

from __future__ import annotations

from pathlib import Path

import click

from review.catalog import RULES
from review.manifest import Manifest
from review.parse import parse
from review.rules import EXCEPTIONS, apply, read_exceptions


@click.command()
@click.option(
    "--project-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The dbt project; the folder one is in, unless said.",
)
def review(project_dir: Path) -> None:
    """Parse the project, with every warning an error, and apply the rules."""
    parsed = parse(project_dir.resolve())
    problems = [f"dbt parse: {warning}" for warning in parsed.warnings]
    checked = excepted = 0
    if parsed.manifest is not None:
        manifest = Manifest(parsed.manifest)
        exceptions = read_exceptions(project_dir / EXCEPTIONS)
        for rule in RULES:
            verdict = apply(rule, manifest, exceptions)
            checked += verdict.checked
            excepted += verdict.excepted
            problems += [f"{rule.__name__}: {each}" for each in verdict.problems]
    for problem in problems:
        click.echo(problem)
    click.echo(
        f"warnings of dbt: {len(parsed.warnings)}; {len(RULES)} rules:"
        f" {checked} checks, {excepted} exceptions, {len(problems)} problems"
    )
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    review()
