"""Tracebacks cut down to the frames an author of models can do something about."""

from __future__ import annotations

import traceback
from pathlib import Path

_MACHINERY = ("dbt_pyjobs", "pgio")


def project_traceback(error: BaseException, project: Path) -> str:
    """Format an exception with only the frames of the project's own files.

    Parameters
    ----------
    error
        The exception, chained ones included in the text.
    project
        The project's folder; installed packages under it (``.venv``) and the job
        machinery do not count as its own.

    Returns
    -------
    str
        The usual layout of a traceback, oldest frame first; only its last part, the
        exception's own text, where none of the frames is the project's.
    """
    formatted = traceback.TracebackException.from_exception(error, compact=True)
    if not _keep_own(formatted, project):
        return "".join(formatted.format_exception_only()).rstrip()
    return "".join(formatted.format()).rstrip()


def _keep_own(formatted: traceback.TracebackException, project: Path) -> bool:
    """Drop foreign frames all along the chain; say whether any frame is left."""
    own = [frame for frame in formatted.stack if _is_own(frame.filename, project)]
    formatted.stack = traceback.StackSummary.from_list(own)
    chained = [
        _keep_own(other, project)
        for other in (formatted.__cause__, formatted.__context__)
        if other is not None
    ]
    return bool(own) or any(chained)


def _is_own(filename: str, project: Path) -> bool:
    path = Path(filename)
    if not path.is_relative_to(project):
        return False
    parts = path.relative_to(project).parts
    return "site-packages" not in parts and parts[0] not in _MACHINERY
