"""Typed door to numba, and a cache that notices edits in any file of the package."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent


def jit(function: Function) -> Function:
    """Compile `function` in nopython mode when it is first called.

    Parameters
    ----------
    function : callable
        Takes and returns what numba supports: numbers, arrays, records, named tuples.

    Returns
    -------
    callable
        The compiled function, with the type of the plain one.
    """
    return cast(Function, njit(function))


def cached_jit(function: Function) -> Function:
    """Compile `function` and keep the machine code on disk for the next process.

    Parameters
    ----------
    function : callable
        The entry point of a kernel; what it calls is compiled into it.

    Returns
    -------
    callable
        The compiled function, with the type of the plain one.
    """
    _discard_stale_cache()
    return cast(Function, njit(cache=True)(function))


def _discard_stale_cache() -> None:
    # numba looks only at the file of the entry point: after an edit in a file it calls
    # it would go on running the old machine code.
    digest = hashlib.sha256()
    for source in sorted(_PACKAGE.glob("*.py")):
        digest.update(source.read_bytes())
    stamp = _PACKAGE / "__pycache__" / "kernels.sha256"
    with contextlib.suppress(OSError):
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        for index in stamp.parent.glob("*.nbi"):
            index.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest.hexdigest())
