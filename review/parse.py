"""dbt's parse of a project, with every warning kept and its YAML checked.

dbt compares the YAML files, ``dbt_project.yml`` and the ``config`` calls of the models
with its JSON schemas, and warns of unknown keys, such as misspelt ones. It does so only
for a list of adapters without postgres. The schemas are not specific to these adapters
and no setting extends the list, so this module adds postgres to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas
from dbt_common.events.base_types import EventLevel

ADAPTER = "postgres"


@dataclass(frozen=True)
class Parsed:
    """The result of a parse.

    Attributes
    ----------
    manifest
        dbt's manifest; None where the project cannot be parsed.
    warnings
        What dbt warned of, deprecations among it, or the error that ended the parse.
    """

    manifest: dict[str, Any] | None
    warnings: list[str]


def parse(project: Path) -> Parsed:
    """Parse the dbt project in a folder, from its files alone: no server is asked.

    Parameters
    ----------
    project
        The folder of ``dbt_project.yml`` and ``profiles.yml``. It stays as it is.
    """
    warnings: list[str] = []

    def keep_warning(event: Any) -> None:
        # The summary only counts earlier warnings. dbt reports problems of metrics
        # before the error that ends the parse.
        is_summary = event.info.name == "DeprecationsSummary"
        is_warning = event.info.level == EventLevel.WARN and not is_summary
        if is_warning or event.info.name == "SemanticValidationFailure":
            warnings.append(" ".join(str(event.info.msg).split()))

    jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add(ADAPTER)
    with TemporaryDirectory() as target:
        folders = ("--target-path", target, "--log-path", target)
        here = ("--project-dir", str(project), "--profiles-dir", str(project))
        done = dbtRunner(callbacks=[keep_warning]).invoke(
            [
                *("--log-level", "none", "--log-level-file", "none"),
                *("--show-all-deprecations", "--no-send-anonymous-usage-stats"),
                *("parse", "--no-partial-parse", *folders, *here),
            ]
        )
        if not done.success:
            return Parsed(None, [*warnings, str(done.exception)])
        manifest = json.loads((Path(target) / "manifest.json").read_text("utf-8"))
    return Parsed(manifest, warnings)
