"""Macros rendered by dbt without a server."""

from __future__ import annotations

from pathlib import Path

import yaml
from dbt_in_process import invoke

from pgio.connection import PROJECT_DIR


def render(
    folder: Path, cases: list[tuple[str, str]], accepted: set[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Compile each (expression, edition); return its SQL or message on one line.

    Those of `accepted` must compile.
    """
    (folder / "macros").symlink_to(PROJECT_DIR / "macros")
    (folder / "models").mkdir()
    project = {
        "name": "rendering",
        "version": "0.1.0",
        "profile": "rendering",
        "flags": {"send_anonymous_usage_stats": False},
    }
    output = {
        "type": "postgres",
        **{"host": "127.0.0.1", "port": 1, "user": "nobody", "password": ""},
        **{"dbname": "none", "schema": "none"},
    }
    profile = {"rendering": {"target": "dev", "outputs": {"dev": output}}}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    for number, (jinja, _) in enumerate(cases):
        (folder / f"models/case_{number}.sql").write_text(
            f"{{% if execute %}}{{{{ {jinja} }}}}{{% endif %}}"
        )
    rendered = {}
    for edition in sorted({edition for _, edition in cases}):
        numbers = [n for n, case in enumerate(cases) if case[1] == edition]
        fine = [number for number in numbers if cases[number] in accepted]
        # dbt stops at the first model it cannot compile: those go one at a time.
        for batch in [fine, *([number] for number in numbers if number not in fine)]:
            for number, text in _compile(folder, edition, batch).items():
                rendered[cases[number]] = " ".join(text.split())
    return rendered


def _compile(folder: Path, edition: str, numbers: list[int]) -> dict[int, str]:
    """Compile some cases for an edition; the message of the error, if there is one."""
    if not numbers:
        return {}
    places = ("--project-dir", "--profiles-dir", "--log-path")
    done, _ = invoke(
        ["compile", "--no-introspect", "--no-populate-cache", "--quiet"]
        + ["--vars", f"{{timescale_edition: {edition}}}"]
        + ["--select", *(f"case_{number}" for number in numbers)]
        + [part for place in places for part in (place, str(folder))]
    )
    if not done.success:
        [number] = numbers
        return {number: str(done.exception)}
    return {
        int(result.node.name.removeprefix("case_")): result.node.compiled_code
        for result in done.result.results
    }
