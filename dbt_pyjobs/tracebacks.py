"""Reduce tracebacks to the frames of the project's own models."""

from __future__ import annotations

import traceback
from pathlib import Path

_MACHINERY = ("dbt_pyjobs", "pgio")


def project_traceback(error: BaseException, project: Path) -> str:
    """Format an exception with only the frames of the project's own files.

    Parameters
    ----------
    error
        The exception; the text includes chained exceptions.
    project
        The project's folder. Installed packages under it (``.venv``) and `_MACHINERY`
        do not count as its files.

    Returns
    -------
    str
        A traceback in the usual layout, oldest frame first; only the exception's text
        if no frame is the project's.
    """
    formatted = traceback.TracebackException.from_exception(error, compact=True)
    if not _keep_own(formatted, project):
        return "".join(formatted.format_exception_only()).rstrip()
    return "".join(formatted.format()).rstrip()


def _keep_own(formatted: traceback.TracebackException, project: Path) -> bool:
    """Drop frames outside the project along the chain; return whether any is left."""
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
