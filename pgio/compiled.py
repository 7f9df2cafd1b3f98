"""numba's decorators, typed, with a cache that notices edits in any file of a package.

Compiled code is cached in the `__pycache__` next to its source: later processes load it
in milliseconds instead of compiling for seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from numba import njit
from numba.extending import register_jitable

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; it releases the GIL."""
    _drop_stale_code(Path(function.__code__.co_filename).parent)
    return cast(Callable[P, R], njit(cache=True, nogil=True)(function))


def compilable(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function for compiled callers; for other callers it is plain Python."""
    return cast(Callable[P, R], register_jitable(function))


@cache
def _drop_stale_code(folder: Path) -> None:
    # numba checks only the file of the function that Python calls. Without this, it
    # would run old code after an edit in another file that the function uses.
    digest = hashlib.sha256()
    for source in sorted({*folder.glob("*.py"), *Path(__file__).parent.glob("*.py")}):
        digest.update(source.read_bytes())
    stamp = folder / "__pycache__" / "compiled.sha256"
    with contextlib.suppress(OSError):
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        for index in stamp.parent.glob("*.nbi"):
            index.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest.hexdigest())
